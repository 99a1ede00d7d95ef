"""What is copied for a bug report: versions, settings, the worker, the ledger, the last errors.

Owns that text and the text of a job's log. Both are made when they are asked for, from what Blender knows and from
small files; neither ever holds the key, and prompts and folders only where the artist ticked them.
"""

from __future__ import annotations

import importlib.metadata
import os
import platform
import sqlite3
import ssl
import time
import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import bpy
import gpu

from ..core.job import Job
from ..core.redact import Redaction
from ..core.urls import host_of
from ..ledger import job_log
from ..ledger.schema import FILE_NAME
from . import flow, settings

_MOST_ERRORS = 10  # jobs with a problem that are told of
_LOG_LINES = 20  # of the worker's log
_LOG_BYTES = 16 << 10  # at its end that are looked at
_PACKAGE_FOLDER = Path(__file__).resolve().parent.parent
#: Variables that change how the service is reached: told are their names, never what is in them.
_NETWORK_VARIABLES = ("HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE")


def log_of(job: Job) -> str:
    """The log of a job for people; see ``ledger.job_log``."""
    data_dir = flow.current().bridge.data_dir
    return job_log.text_of(job, data_dir, _redaction((job,), prompts=True), now=time.time())


def write_log(job: Job) -> Path:
    """Put the log of a job down in the data folder, for a program that shows it. Raises OSError."""
    return job_log.write(flow.current().bridge.data_dir / "logs", job, log_of(job))


def text(context: bpy.types.Context, *, prompts: bool, paths: bool) -> str:
    """Everything for a bug report; with the artist's prompts and folders only where asked for."""
    bridge = flow.current().bridge
    parts = (
        ("Versions", _versions()),
        ("Settings", _settings(context, prompts)),
        ("Worker and job list", _state(bridge)),
        ("Last errors", _errors(bridge.snapshot.all, prompts)),
        ("Worker's log", _end_of_log(bridge.data_dir)),
    )
    lines = [f"Grok Video diagnostics, {time.strftime('%Y-%m-%d %H:%M:%S %z')}"]
    for title, told in parts:
        lines += ["", title.upper(), *(f"  {line}" for line in told)]
    hide = _redaction(bridge.snapshot.all, prompts=prompts, paths=paths, scenes=bpy.data.scenes)
    return hide("\n".join(lines)) + "\n"


def _redaction(
    jobs: Iterable[Job],
    *,
    prompts: bool,
    paths: bool = False,
    scenes: Iterable[bpy.types.Scene] = (),
) -> Redaction:
    jobs = tuple(jobs)
    hidden: list[str] = []
    if not prompts:
        hidden = [job.spec.prompt for job in jobs]
        for scene in scenes:
            own = scene.grok_video
            hidden += [own.written_prompt(), own.extend_prompt, own.edit_prompt]
    folders = (str(settings.data_dir()), str(settings.output_dir()), bpy.app.tempdir)
    return Redaction(
        settings.api_key(),
        jobs,
        (*folders, str(_PACKAGE_FOLDER), bpy.data.filepath, str(Path.home())),
        keep_paths=paths,
        prompts=hidden,
    )


def _versions() -> Iterator[str]:
    built = f"{bpy.app.build_hash.decode()} of {bpy.app.build_date.decode()}"
    yield f"Grok Video {_own_version()}"
    yield f"Blender {bpy.app.version_string}, {built}"
    yield f"Python {platform.python_version()}, {ssl.OPENSSL_VERSION}, SQLite {sqlite3.sqlite_version}"
    yield ", ".join(f"{name} {_version(name)}" for name in ("requests", "urllib3", "certifi"))
    yield f"{platform.system()} {platform.release()}, {platform.machine()}"
    if bpy.app.background:
        yield "in the background, without a graphics card"
    else:
        card = f"{gpu.platform.vendor_get()} {gpu.platform.renderer_get()}"
        yield f"{gpu.platform.backend_type_get()}: {card}, {gpu.platform.version_get()}"


def _own_version() -> str:
    try:
        with open(_PACKAGE_FOLDER / "blender_manifest.toml", "rb") as file:
            return str(tomllib.load(file)["version"])
    except (OSError, ValueError, KeyError):
        return "of unknown version"


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "of unknown version"


def _settings(context: bpy.types.Context, prompts: bool) -> Iterator[str]:
    own = settings.preferences()
    named = {name.upper() for name, value in os.environ.items() if value.strip()}
    origin = "the environment" if "XAI_API_KEY" in named else "the preferences"
    yield f"API key: {f'from {origin}' if settings.api_key() else 'none'}"
    yield f"API host: {host_of(settings.api_base()) or 'cannot be read'}"
    if trouble := flow.connection_trouble():
        yield f"Trouble: {trouble[0]}"
    override = ", set by the command line" if bpy.app.online_access_override else ""
    yield f"Online access: {'on' if bpy.app.online_access else 'off'}{override}"
    network = [name for name in _NETWORK_VARIABLES if name in named]
    yield f"Network variables: {', '.join(network) or 'none'}"
    yield f"Asked every {settings.poll_interval():g} s, source images as {own.still_format}"
    yield f"Clip folder: {settings.output_dir() if own.output_dir else 'default'}"
    yield f"Job list folder: {settings.data_dir() if own.ledger_dir else 'default'}"
    yield f"File: {bpy.data.filepath or 'not saved'}"
    chosen = context.scene.grok_video
    size = f"{chosen.duration} s, {chosen.resolution}, {chosen.aspect_ratio}"
    sound = "with sound" if chosen.generate_audio else "silent"
    yield f"Clip: {chosen.model_id()}, source {chosen.source}, {size}, {sound}"
    used = [("end frame", chosen.end_frame), ("keyframes", chosen.keyframes)]
    extras = [name for name, on in used if on]
    yield f"References: {len(chosen.references)}{''.join(f', {name}' for name in extras)}"
    render = context.scene.render
    yield f"Scene: {render.engine}, {render.fps / render.fps_base:g} fps"
    if prompts:
        yield f"Prompt: {chosen.written_prompt()!r}"


def _state(bridge: Any) -> Iterator[str]:
    yield f"Worker: {'runs' if bridge.worker_runs else 'does not run'}"
    for trouble in (bridge.trouble, bridge.ledger_trouble, flow.current().message):
        if trouble:
            yield f"Trouble: {trouble}"
    try:
        size = f"{os.stat(bridge.data_dir / FILE_NAME).st_size} bytes"
    except OSError:
        size = "not there"
    ends = Counter(str(job.state) for job in bridge.snapshot.all)
    told = ", ".join(f"{count} {state}" for state, count in sorted(ends.items()))
    yield f"Job list: {size}, {told or 'no jobs'}"
    foreign = sum(not job.driven for job in bridge.snapshot.all)
    if foreign:
        yield f"Written by a newer version: {foreign}"


def _errors(jobs: Iterable[Job], prompts: bool) -> Iterator[str]:
    newest_first = [job for job in jobs if job.problem is not None][:_MOST_ERRORS]
    if not newest_first:
        yield "none"
    for job in newest_first:
        problem = job.problem
        assert problem is not None
        when = time.strftime("%Y-%m-%d %H:%M:%S %z", time.localtime(job.updated_at))
        status = f" HTTP {problem.http_status}" if problem.http_status else ""
        what = f"{job.spec.short_id} {job.spec.kind} {job.spec.model}"
        yield f"{when} {what}: {job.state}, {problem.code}{status}: {problem.message}"
        if job.request_id:
            yield f"  request {job.request_id}"
        if prompts:
            yield f"  prompt {job.spec.prompt!r}"


def _end_of_log(data_dir: Path) -> list[str]:
    path = data_dir / "worker.log"
    try:
        if not path.is_file():  # opening a pipe waits until somebody writes into it
            return ["none"]
        with open(path, "rb") as file:
            file.seek(0, os.SEEK_END)
            file.seek(max(file.tell() - _LOG_BYTES, 0))
            lines = file.read(_LOG_BYTES).decode("utf-8", "replace").splitlines()
    except OSError:
        return ["none"]
    return lines[-_LOG_LINES:]
