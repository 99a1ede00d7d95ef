"""Help for a bug report: the log of a job, diagnostics, folders, and texts to copy."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bpy
import gpu
from bpy.props import BoolProperty

from ...core.files import open_own
from ...core.job import Job
from ...core.legible import legible, tell
from ...core.urls import host_of
from ...ledger.schema import FILE_NAME
from .. import config, processes, telling
from ..session import queue
from ..session.state import current
from .asking import JOB, Asks, Result

if TYPE_CHECKING:
    from ...core.redact import Redaction


class GROK_VIDEO_OT_open_folder(Asks, bpy.types.Operator):
    bl_idname = "grok_video.open_folder"
    bl_label = "Open Folder"
    bl_description = "Show the clip's folder in the system's file browser"
    bl_options = set()

    job: JOB

    def run(self, context: bpy.types.Context) -> Result:
        job = queue.job_of(self.job, lambda job: job.clip is not None)
        folder = Path(job.clip.path if job.clip else job.spec.output).parent
        if not folder.is_dir():
            telling.report(self, "ERROR", f"The folder {folder} is not there.")
            return {"CANCELLED"}
        return _open(self, folder)


class GROK_VIDEO_OT_show_log(Asks, bpy.types.Operator):
    bl_idname = "grok_video.show_log"
    bl_label = "Show Log"
    bl_description = (
        "Show what this job sent, what came back, and when, as a text for a bug report. It holds the "
        "prompt, and neither the API key nor pictures nor folders"
    )
    bl_options = set()

    job: JOB

    def run(self, _context: bpy.types.Context) -> Result:
        job = queue.job_of(self.job, lambda job: True)
        try:
            path = write_log(job)
        except OSError as error:
            telling.report(self, "ERROR", f"The log cannot be written: {error.strerror}.")
            return {"CANCELLED"}
        if bpy.app.background:
            telling.report(self, "INFO", f"The log is in {path}")
            return {"FINISHED"}
        return _open(self, path)


def _open(operator: bpy.types.Operator, path: Path) -> Result:
    try:
        processes.open_path(path)
    except OSError:
        telling.report(operator, "ERROR", f"The system has no program that opens {path}.")
        return {"CANCELLED"}
    return {"FINISHED"}


class GROK_VIDEO_OT_copy_diagnostics(Asks, bpy.types.Operator):
    bl_idname = "grok_video.copy_diagnostics"
    bl_label = "Copy Diagnostics"
    bl_description = (
        "Copy versions, settings, the state of the worker and the last errors for a bug report, without "
        "the API key"
    )
    bl_options = set()

    prompts: BoolProperty(
        name="Include Prompts", description="Also copy what you wrote", options={"SKIP_SAVE"}
    )
    paths: BoolProperty(
        name="Include Folders",
        description="Also copy where your files are, which may tell your name",
        options={"SKIP_SAVE"},
    )

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> Result:
        return context.window_manager.invoke_props_dialog(self, confirm_text="Copy")

    def draw(self, _context: bpy.types.Context) -> None:
        column = self.layout.column()
        column.prop(self, "prompts")
        column.prop(self, "paths")

    def run(self, context: bpy.types.Context) -> Result:
        text = diagnostics_text(context, prompts=self.prompts, paths=self.paths)
        if bpy.app.background:  # without a window there is no clipboard
            tell(text)
            return {"FINISHED"}
        context.window_manager.clipboard = text
        held = [
            name for name, there in (("prompts", self.prompts), ("folders", self.paths)) if there
        ]
        with_ = f"with {' and '.join(held)}" if held else "without prompts and folders"
        telling.report(self, "INFO", f"Diagnostics copied to the clipboard, {with_}")
        return {"FINISHED"}


class _Copies(Asks):
    """Operators that put a text of a job on the clipboard."""

    bl_options = set()
    job: JOB

    def text(self, job: Job) -> str:
        raise NotImplementedError

    def run(self, context: bpy.types.Context) -> Result:
        job = queue.job_of(self.job, lambda job: bool(self.text(job)))
        context.window_manager.clipboard = self.text(job)
        telling.report(self, "INFO", "Copied to the clipboard")
        return {"FINISHED"}


class GROK_VIDEO_OT_copy_error(_Copies, bpy.types.Operator):
    bl_idname = "grok_video.copy_error"
    bl_label = "Copy Error"
    bl_description = "Copy what went wrong with this job to the clipboard"

    def text(self, job: Job) -> str:
        problem = job.problem
        if problem is None:
            return ""
        status = f"HTTP {problem.http_status}" if problem.http_status else ""
        parts = (problem.message, problem.hint, status, f"job {job.id}", job.spec.model)
        request = f"request {job.request_id}" if job.request_id else ""
        return "\n".join(part for part in (*parts, request) if part)


class GROK_VIDEO_OT_copy_request_id(_Copies, bpy.types.Operator):
    bl_idname = "grok_video.copy_request_id"
    bl_label = "Copy Request ID"
    bl_description = "Copy the service's id of this job, for its support or for another program"

    def text(self, job: Job) -> str:
        return job.request_id


class GROK_VIDEO_OT_copy_prompt(_Copies, bpy.types.Operator):
    bl_idname = "grok_video.copy_prompt"
    bl_label = "Copy Prompt"
    bl_description = "Copy the prompt of this job to the clipboard"

    def text(self, job: Job) -> str:
        return job.spec.prompt


_MOST_ERRORS = 10  # jobs with a problem that diagnostics hold
_LOG_LINES = 20  # lines of the worker's log
_LOG_BYTES = 16 << 10  # bytes at the end of the worker's log in which those lines are looked for
_PACKAGE_FOLDER = Path(__file__).absolute().parents[2]
#: Environment variables that change how the service is reached: diagnostics name those that are set, never the values.
_NETWORK_VARIABLES = ("HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE")


def log_of(job: Job) -> str:
    """The log of a job for people; see ``ledger.job_log``."""
    from ...ledger import job_log

    data_dir = current().bridge.data_dir
    return job_log.text_of(job, data_dir, _redaction((job,), prompts=True), now=time.time())


def write_log(job: Job) -> Path:
    """Put the log of a job down in the data folder, for a program that shows it. Raises OSError."""
    from ...ledger import job_log

    return job_log.write(current().bridge.data_dir / "logs", job, log_of(job))


def diagnostics_text(context: bpy.types.Context, *, prompts: bool, paths: bool) -> str:
    """The text of Copy Diagnostics: all that a bug report needs; prompts and folders only where asked for."""
    bridge = current().bridge
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
    return legible(hide("\n".join(lines)), lines=True) + "\n"


def _redaction(
    jobs: Iterable[Job],
    *,
    prompts: bool,
    paths: bool = False,
    scenes: Iterable[bpy.types.Scene] = (),
) -> Redaction:
    from ...core.redact import Redaction

    jobs = tuple(jobs)
    hidden: list[str] = []
    if not prompts:
        hidden = [text for job in jobs for text in (job.spec.prompt, job.spec.written)]
        for scene in scenes:
            own = scene.grok_video
            hidden += [
                own.written_prompt(),
                own.extend_prompt,
                own.edit_prompt,
                own.gap_prompt,
            ]
    folders = [str(config.data_dir()), bpy.app.tempdir, str(_PACKAGE_FOLDER), str(Path.home())]
    # As the system names them too: behind links, and with a short name of Windows (ANNLEE~1) in full.
    folders += map(os.path.realpath, tuple(folders))
    if not config.output_refusal():
        folders.append(str(config.output_dir()))
    return Redaction(
        config.api_key(),
        jobs,
        (*folders, bpy.data.filepath, os.path.dirname(bpy.data.filepath)),
        keep_paths=paths,
        prompts=hidden,
    )


def _versions() -> Iterator[str]:
    # In the functions, as others of this file: few sessions copy diagnostics, and Blender's start would wait 20 ms.
    import platform
    import sqlite3
    import ssl

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
    import tomllib

    try:
        with open(_PACKAGE_FOLDER / "blender_manifest.toml", "rb") as file:
            return str(tomllib.load(file)["version"])
    except (OSError, ValueError, KeyError):
        return "of unknown version"


def _version(name: str) -> str:
    import importlib.metadata

    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "of unknown version"


def _settings(context: bpy.types.Context, prompts: bool) -> Iterator[str]:
    own = config.preferences()
    named = {name.upper() for name, value in os.environ.items() if value.strip()}
    origin = "the environment" if "XAI_API_KEY" in named else "the preferences"
    yield f"API key: {f'from {origin}' if config.api_key() else 'none'}"
    yield f"API host: {host_of(config.api_base()) or 'cannot be read'}"
    if trouble := queue.connection_trouble():
        yield f"Trouble: {trouble[0]}"
    override = ", set by the command line" if bpy.app.online_access_override else ""
    yield f"Online access: {'on' if bpy.app.online_access else 'off'}{override}"
    network = [name for name in _NETWORK_VARIABLES if name in named]
    yield f"Network variables: {', '.join(network) or 'none'}"
    source = f"source images as {own.still_format}, rendered {own.render_source}"
    yield f"Asked every {config.poll_interval():g} s, {source}"
    clips = config.output_refusal() or config.output_dir()
    yield f"Clip folder: {clips if own.output_dir else 'default'}"
    yield f"Job list folder: {config.data_dir() if own.ledger_dir else 'default'}"
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
    yield f"Worker: {'runs' if bridge.worker.alive else 'does not run'}"
    for trouble in (bridge.worker.trouble, bridge.reader.trouble, current().click.message):
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
        with open_own(path, "rb") as file:
            file.seek(0, os.SEEK_END)
            file.seek(max(file.tell() - _LOG_BYTES, 0))
            lines = file.read(_LOG_BYTES).decode("utf-8", "replace").splitlines()
    except OSError:
        return ["none"]
    return lines[-_LOG_LINES:]


register, unregister = bpy.utils.register_classes_factory(
    (
        GROK_VIDEO_OT_open_folder,
        GROK_VIDEO_OT_show_log,
        GROK_VIDEO_OT_copy_diagnostics,
        GROK_VIDEO_OT_copy_error,
        GROK_VIDEO_OT_copy_request_id,
        GROK_VIDEO_OT_copy_prompt,
    )
)
