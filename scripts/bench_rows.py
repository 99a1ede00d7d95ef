"""The rows of ``bench.py``: what each asks to be measured, and what is made of the raw figures.

Each figure stands beside its baseline of the same run. A row is a function that gives figures; ``ROWS`` names them.
"""

from __future__ import annotations

import json
import statistics
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench_setup import UPLOAD, Bench
from environments import Missing

DOWNLOAD_MEGABYTES = 200


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table. ``value`` and ``baseline`` are seconds, or bytes where ``unit`` is 'MB'."""

    row: str
    what: str
    value: float
    unit: str = "ms"
    beside: str = ""  # what the baseline is
    baseline: float | None = None
    aim: str = ""
    samples: int = 0

    @property
    def times(self) -> float | None:
        """The figure as a multiple of its baseline."""
        return self.value / self.baseline if self.baseline else None


def part(samples: Sequence[float], share: float) -> float:
    """The value below which ``share`` (0..1) of the samples lie."""
    ordered = sorted(samples)
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)]


median = statistics.median

# Of each block of gaps its own figure, then the median of the blocks: a hiccup of the machine in one of them
# is not taken for the traffic's.
_KINDS: list[tuple[str, Callable[[list[float]], float]]] = [
    ("p50", lambda gaps: part(gaps, 0.5)),
    ("p99", lambda gaps: part(gaps, 0.99)),
    ("max", max),
]


def _tick(bench: Bench) -> Iterator[Figure]:
    sizes = (0, 1, 100, 1000)
    homes = {str(size): str(bench.ledger(size)) for size in sizes}
    samples = bench.in_wheel("tick", homes=homes, ticks=500 if bench.quick else 2000)
    for kind in ("quiet", "changing"):
        empty = samples[f"{kind} 0"]
        for size in sizes[1:]:
            own = samples[f"{kind} {size}"]
            name = f"tick, {size} jobs, {kind}"
            yield Figure("tick", f"{name}: median", median(own), "ms", "no job", median(empty),
                         "< 0.5 ms", len(own))  # fmt: skip
            yield Figure("tick", f"{name}: max", max(own), "ms", "no job", max(empty),
                         "< 5 ms", len(own))  # fmt: skip
    for size in sizes[1:]:
        if own := samples[f"changing {size}, a change"]:
            yield Figure("tick", f"tick that reads a change, {size} jobs: median", median(own), "ms",
                         "quiet", median(samples[f"quiet {size}"]), "", len(own))  # fmt: skip
        own = samples[f"first {size}"]
        yield Figure("tick", f"ticks of the first reading, {size} jobs: max", max(own), "ms",
                     "no job", max(samples["first 0"]), "< 5 ms", len(own))  # fmt: skip


def _slots(bench: Bench) -> Iterator[Figure]:
    ticks = 200 if bench.quick else 1000
    samples = bench.in_wheel("slots", home=str(_fresh(bench, "slots")), ticks=ticks)
    own, empty = samples["tick"], samples["empty"]
    yield Figure("slots", "tick, 200 slots that wait: median", median(own), "ms", "no slot",
                 median(empty), "< 1 ms", len(own))  # fmt: skip
    yield Figure("slots", "tick, 200 slots that wait: 99 of 100", part(own, 0.99), "ms", "no slot",
                 part(empty, 0.99), "< 4 ms", len(own))  # fmt: skip
    yield Figure("slots", "look through 200 slots after an undo: median", median(samples["look"]),
                 samples=len(samples["look"]))  # fmt: skip
    samples = bench.in_wheel("takes", home=str(_fresh(bench, "takes")), clip=str(bench.clip),
                             times=4 if bench.quick else 20)  # fmt: skip
    for name, what in (
        ("placed", "slot placed"),
        ("arrived", "clip arrived in its slot"),
        ("changed", "take changed"),
    ):
        yield Figure("slots", f"{what}: median", median(samples[name]), "ms", "movie_strip_add",
                     median(samples["bare"]), "", len(samples[name]))  # fmt: skip
    draws, jobs, counts = 50 if bench.quick else 200, 1000, (0, 40, 200)
    told = bench.in_window(
        "overlay", data=bench.ledger(jobs), draws=draws, jobs=jobs, slots=counts
    )["samples"]
    for count in counts[1:]:
        words = f"drawing over {count} slots at a redraw of the timeline, processor's time: median"
        own, whole = told[f"{count} ours"], told[f"{count} whole"]
        yield Figure("slots", f"{words}, ours", median(own), "ms", "with Blender's of boxes and text",
                      median(whole), "< 1 ms", len(own))  # fmt: skip


def _shots(bench: Bench) -> Iterator[Figure]:
    """A press that buys a long list of shots, and the ticks after it."""
    count = 60 if bench.quick else 500
    told = bench.in_wheel("shots", environment=bench.service, home=str(_fresh(bench, "shots")),
                          clip=str(bench.clip), shots=count, ticks=100 if bench.quick else 400)  # fmt: skip
    yield Figure("shots", f"press that buys {count} shots", told["press"][0], samples=1)
    yield Figure("shots", f"{count} shots looked up for the panel, none bought", min(told["look"]))
    yield Figure("shots", f"{count} shots looked up for the panel, all bought", min(told["bought"]))
    yield Figure("shots", f"tick that places one of {count} slots: median", median(told["placed"]), "ms",
                 "movie_strip_add", median(told["bare"][1:]), "≤ 1.5 ×", len(told["placed"]))  # fmt: skip
    yield Figure("shots", f"tick that places the last of {count} slots: median",
                 median(told["placed"][-20:]), "ms", "movie_strip_add", median(told["bare"][1:]), "", 20)  # fmt: skip
    own = told["tick"]
    for words, value in (
        ("median", median(own)),
        ("99 of 100", part(own, 0.99)),
        ("max", max(own)),
    ):
        yield Figure(
            "shots",
            f"tick while {count} shots wait: {words}",
            value,
            aim="< 4 ms",
            samples=len(own),
        )


def _lists(bench: Bench) -> Iterator[Figure]:
    """A list of thousands that opens, and an inbox of thousands while a POST is answered."""
    for jobs in (1_000,) if bench.quick else (10_000, 50_000):
        home = str(_fresh(bench, f"long-{jobs}"))
        told = bench.in_wheel("long_list", home=home, jobs=jobs, between=0.01)
        own, after = told["ticks"], told["empty"]
        for kind, of in (("p99", lambda ticks: part(ticks, 0.99)), ("max", max)):
            yield Figure("lists", f"ticks while a list of {jobs} opens, processor's time: {kind}", of(own),
                         "ms", "ticks after it", of(after), "< 4 ms", len(own))  # fmt: skip
        for name, words, aim in (
            ("page", "its first page is there", "< 1 s"),
            ("all", "it is read", ""),
        ):
            yield Figure("lists", f"a list of {jobs} opens: time until {words}", told[name], "ms",
                         "one tick after it", median(after), aim, 1)  # fmt: skip
    told = bench.in_wheel(
        "full_inbox", environment=bench.service, home=str(_fresh(bench, "inbox")),
        commands=1_000 if bench.quick else 10_000, answers=5 if bench.quick else 20,
    )  # fmt: skip
    yield Figure("lists", "a POST's answer to its id on record, full inbox", told["full"], "ms",
                 "empty inbox", told["empty"], "", 1)  # fmt: skip


def _register(bench: Bench) -> Iterator[Figure]:
    runs = [bench.in_wheel("register") for _ in range(3 if bench.quick else 9)]
    start = median([run["blender"] for run in runs])
    for name, aim in (("register", "< 15 ms"), ("register warm", "")):
        own = [run[name] for run in runs]
        words = f"{name}()" if name == "register" else "register() once more"
        yield Figure("register", f"{words}: median", median(own), "ms", "Blender's start", start,
                     aim, len(own))  # fmt: skip


def _worker(bench: Bench) -> Iterator[Figure]:
    told = bench.in_wheel(
        "worker",
        environment=bench.service,
        home=str(_fresh(bench, "spawns")),
        spawns=5 if bench.quick else 15,
    )
    ready, bare = told["ready"], told["bare"]
    yield Figure("worker", "spawn to ready: median", median(ready), "ms", "python -c pass",
                 median(bare), "", len(ready))  # fmt: skip
    yield Figure("worker", "spawn to ready: max", max(ready), "ms", "python -c pass", max(bare),
                 "", len(ready))  # fmt: skip


def _opening(bench: Bench) -> Iterator[Figure]:
    """How long a worker's opening of the ledger takes that looks at every journal's length."""
    jobs = 1000 if bench.quick else 10_000
    data = _fresh(bench, "openings")
    samples = bench.in_wheel("openings", jobs=jobs, data=str(data), times=3 if bench.quick else 9)
    read = median(samples["read"])
    for name, words in (
        ("open", "as it was left"),
        ("ahead", "one journal ahead of it"),
        ("first", "no length on record (after 0.1.0)"),
    ):
        own = samples[name]
        yield Figure("opening", f"ledger of {jobs} jobs opened, {words}: median", median(own), "ms",
                     "its jobs read by Blender", read, "≤ 2 ×" if name != "first" else "", len(own))  # fmt: skip


def _memory(bench: Bench) -> Iterator[Figure]:
    home = _fresh(bench, "memory")
    peaks = bench.in_wheel(
        "memory",
        environment=bench.service,
        home=str(home),
        image=str(bench.image(home)),
        megabytes=DOWNLOAD_MEGABYTES,
    )
    if peaks["idle"] is None:
        raise Missing("This system does not tell a process's peak memory (it needs /proc).")
    for name, words in (
        ("small", "peak memory, a small job"),
        ("upload", f"peak memory, upload of {UPLOAD // 10**6} MB"),
        ("download", f"peak memory, download of {DOWNLOAD_MEGABYTES} MB"),
    ):
        yield Figure("memory", words, peaks[name], "MB", "idle", peaks["idle"], "flat", 1)


def _import(bench: Bench) -> Iterator[Figure]:
    samples = bench.in_wheel(
        "place",
        home=str(_fresh(bench, "imports")),
        clip=str(bench.clip),
        imports=4 if bench.quick else 12,
    )
    ours, bare = samples["ours"], samples["bare"]
    yield Figure("import", "bring_in: median", median(ours), "ms", "movie_strip_add",
                 median(bare), "≤ 1.2 ×", len(ours))  # fmt: skip
    yield Figure("import", "bring_in: max", max(ours), "ms", "movie_strip_add", max(bare),
                 "", len(ours))  # fmt: skip


def _bake(bench: Bench) -> Iterator[Figure]:
    """A strip of 15 s at 1080p, made 720p: by us in the background, by others as they do."""
    runs = 1 if bench.quick else 3
    made = [
        bench.in_wheel(
            "bake",
            environment=bench.service,
            home=str(_fresh(bench, f"bake-{number}")),
            clip=str(bench.footage),
        )
        for number in range(runs)
    ]
    bare = [
        bench.in_wheel("render_strip", clip=str(bench.footage), folder=str(bench.folder))
        for _ in range(runs)
    ]
    coded = [
        bench.in_wheel("transcode", ffmpeg=bench.ffmpeg, clip=str(bench.footage),
                       folder=str(bench.folder))
        for _ in range(runs)
    ]  # fmt: skip
    others = (("Blender's own render of it", bare), ("ffmpeg, veryfast", coded))
    words = "bake of 15 s, 1080p to 720p"
    own = median([run["bake"] for run in made])
    for beside, other in others:
        took = median([run["took"] for run in other])
        yield Figure("bake", f"{words}: time", own, "ms", beside, took, "", runs)
    whole = median([run["whole"] for run in made])
    yield Figure("bake", "click to accepted job: time", whole, "ms", "the bake", own, "", runs)
    started = median([run["started"] for run in made])
    yield Figure("bake", "of it, the call that Blender waits for", started, "ms",
                 "saving the file", median([run["save"] for run in made]), "", runs)  # fmt: skip
    polls = [took for run in made for took in run["polls"]]
    yield Figure("bake", "of it, one look at the child: max", max(polls), "ms", "", None, "< 5 ms",
                 len(polls))  # fmt: skip
    if None in (made[0]["child"], bare[0]["peak"], coded[0]["peak"]):
        raise Missing("This system does not tell a process's peak memory (it needs /proc).")
    peak = median([run["child"] for run in made])
    for beside, other in others:
        theirs = median([run["peak"] for run in other])
        yield Figure("bake", f"{words}: peak memory of the child", peak, "MB", beside, theirs,
                     "", runs)  # fmt: skip
    yield Figure("bake", f"{words}: growth of the artist's Blender",
                 median([run["growth"] for run in made]), "MB", "Blender's own render of it",
                 median([run["growth"] for run in bare]), "", runs)  # fmt: skip
    yield from _bake_in_window(bench)


def _bake_in_window(bench: Bench) -> Iterator[Figure]:
    blocks = bench.in_window("bake", clip=str(bench.footage), rounds=1 if bench.quick else 3)
    own, idle = blocks["blocks"]["ours"], blocks["blocks"]["idle"]
    for kind, of in _KINDS:
        yield Figure("bake", f"heartbeat during a bake: {kind}", median([of(gaps) for gaps in own]),
                     "ms", "idle", median([of(gaps) for gaps in idle]),
                     "" if kind == "p50" else "≤ 1.1 ×", sum(map(len, own)))  # fmt: skip


def _fresh(bench: Bench, name: str) -> Path:
    folder = bench.folder / name
    folder.mkdir()
    return folder


def _done(bench: Bench) -> Iterator[Figure]:
    transfers = [_transfer(bench) for _ in range(5)]
    samples = bench.in_window("done", runs=3 if bench.quick else 8)["samples"]
    transfer = median([*transfers, *(_transfer(bench) for _ in range(5))])
    own = [took - transfer for took in samples["strip"]]
    words = "the service's done, as read, to the strip, less the transfer"
    yield Figure("done", f"{words}: median", median(own), "ms", "the bare transfer", transfer,
                 "≤ 500 ms", len(own))  # fmt: skip
    yield Figure("done", f"{words}: max", max(own), "ms", "the bare transfer", transfer, "",
                 len(own))  # fmt: skip
    ready = median([took - transfer for took in samples["ready"]])
    yield Figure("done", "of it, until the worker has the clip in place", ready, "ms",
                 "the bare transfer", transfer, "", len(own))  # fmt: skip


def _transfer(bench: Bench) -> float:
    """Seconds for a bare download of what the add-on downloads."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    base = bench.service["XAI_API_BASE"]
    order = urllib.request.Request(f"{base}/v1/videos/generations", b'{"prompt": "seconds=0"}')
    with opener.open(order) as answer:
        job = json.load(answer)["request_id"]
    start = time.perf_counter()
    with opener.open(f"{base}/clip/{job}.mp4") as answer:
        (bench.folder / "bare.mp4").write_bytes(answer.read())
    return time.perf_counter() - start


def _panel(bench: Bench) -> Iterator[Figure]:
    draws = 100 if bench.quick else 400
    samples = {
        jobs: bench.in_window("panel", data=bench.ledger(jobs), draws=draws, jobs=jobs)["samples"]
        for jobs in (0, 1000)
    }
    for name in ("jobs", "request", "opened"):
        own, empty = samples[1000][name], samples[0][name]
        name = {"opened": "request panel with all its parts open"}.get(name, f"{name} panel")
        yield Figure("panel", f"draw of the {name}, 1000 jobs: median", median(own), "ms",
                     "no job", median(empty), "< 0.5 ms", len(own))  # fmt: skip
        yield Figure("panel", f"draw of the {name}, 1000 jobs: p99", part(own, 0.99), "ms",
                     "no job", part(empty, 0.99), "", len(own))  # fmt: skip
    for name, words in (
        ("shots", "draw of the list of 500 shots, processor's time"),
        ("search", "a search in it, ordered, processor's time"),
    ):
        own, one = samples[1000][f"{name} 500"], samples[1000][f"{name} 1"]
        yield Figure(
            "panel",
            f"{words}: median",
            median(own),
            "ms",
            "one shot",
            median(one),
            "< 0.5 ms",
            len(own),
        )


_WAYS = {
    "redraws": "idle, Blender's own tab redrawn twice a second",
    "ours": "our worker: 10 polled, 30 MB up, 200 MB down",
    "thread": "wrong: requests and base64 in a thread of Blender",
    "execute": "wrong: requests in execute",
}


def _heartbeat(bench: Bench) -> Iterator[Figure]:
    blocks = bench.in_window(
        "heartbeat",
        base=bench.service["XAI_API_BASE"],
        image="",
        folder="",
        megabytes=DOWNLOAD_MEGABYTES,
        seconds=6 if bench.quick else 20,
        rounds=2 if bench.quick else 3,
    )["blocks"]
    for way, words in _WAYS.items():
        for kind, of in _KINDS:
            own = median([of(gaps) for gaps in blocks[way]])
            idle = median([of(gaps) for gaps in blocks["idle"]])
            aim = "≤ 1.1 ×" if way == "ours" and kind != "p50" else ""
            count = sum(map(len, blocks[way]))
            yield Figure("heartbeat", f"{words}: {kind}", own, "ms", "idle", idle, aim, count)
            if way == "ours":  # what of it is the drawing of a sidebar, whoever's it is
                drawn = median([of(gaps) for gaps in blocks["redraws"]])
                yield Figure("heartbeat", f"{words}: {kind}", own, "ms", "idle with redraws", drawn,
                             aim, count)  # fmt: skip


def _render(bench: Bench) -> Iterator[Figure]:
    samples = bench.in_window("render", objects=1500, runs=3 if bench.quick else 7, folder="")[
        "samples"
    ]
    for kind, words in (("start", "start"), ("run", "start to still")):
        own, bare = samples[f"ours {kind}"], samples[f"bare {kind}"]
        yield Figure("render", f"camera render of 1500 objects, {words}: median", median(own), "ms",
                     "Blender's own", median(bare), "", len(own))  # fmt: skip
        # The copy is what keeps the artist's scene as it was: Blender evaluates it anew.
        yield Figure("render", f"camera render of 1500 objects, {words}: median", median(own), "ms",
                     "Blender's own of a copy", median(samples[f"copy {kind}"]), "",
                     len(own))  # fmt: skip
    own, bare = ([max(gaps) for gaps in samples[f"{who} gaps"]] for who in ("ours", "bare"))
    yield Figure("render", "heartbeat during it: max", median(own), "ms", "Blender's own",
                 median(bare), "", len(own))  # fmt: skip


def _background(bench: Bench) -> Iterator[Figure]:
    """EEVEE's still of the default scene: here, which is as it was before, and by a second Blender."""
    told = bench.in_window("stills", runs=1 if bench.quick else 3, folder="")["samples"]
    for who, words in (("here", "here"), ("background", "in the background")):
        for kind, of in _KINDS:
            own, idle = (median([of(gaps) for gaps in told[w]]) for w in (f"{who} gaps", "idle"))
            yield Figure("background", f"heartbeat, an EEVEE still {words}: {kind}", own, "ms", "idle", idle,
                         "≤ 1.1 ×" if (who, kind) == ("background", "p99") else "", len(told["idle"]))  # fmt: skip
    own, here = told["background took"], told["here took"]
    yield Figure("background", "click to an EEVEE still in the background: median", median(own), "ms", "here",
                 median(here), "", len(own))  # fmt: skip
    told = bench.in_window("large", runs=3 if bench.quick else 7, folder="")["samples"]
    words = "longest gap, a Cycles still here, 2 M vertices: median"
    own, small, written = told["large here"], told["small here"], told["large written"]
    for beside, other in (("50,000 vertices", small), ("the block that writes them", written)):
        yield Figure("background", words, median(own), "ms", beside, median(other), "", len(own))
    runs = 3 if bench.quick else 7
    told = bench.in_wheel("written_scene", home=str(_fresh(bench, "written")), runs=runs)
    for kind, words in (("", "median"), (" busy", "processor's time, median")):
        own, save = told[f"start{kind}"], told[f"save{kind}"]
        yield Figure("background", f"block as it begins, 2 M vertices + 200 MB packed: {words}", median(own), "ms",
                     "save_as_mainfile(copy=True)", median(save), "≤ 1 ×", len(own))  # fmt: skip


ROWS: dict[str, tuple[str, Callable[[Bench], Iterator[Figure]]]] = {
    "tick": ("one tick with 1, 100 and 1000 jobs", _tick),
    "slots": (
        "slots placed, one tick and one redraw with 200 that wait (wheel and window)",
        _slots,
    ),
    "shots": ("a press that buys 500 shots, its ticks", _shots),
    "lists": ("lists of 10,000 and 50,000 jobs, an inbox of 10,000 commands", _lists),
    "register": ("register() beside Blender's start", _register),
    "worker": ("the worker's start", _worker),
    "opening": ("opening a ledger of 10,000 jobs", _opening),
    "memory": ("the worker's peak memory", _memory),
    "import": ("bring_in beside movie_strip_add", _import),
    "bake": ("baking and sending a strip of 15 s at 1080p (wheel and window)", _bake),
    "done": ("the service's done to the strip (window)", _done),
    "panel": ("drawing the panel (window)", _panel),
    "render": ("a camera render of 1500 objects (window)", _render),
    "background": ("an EEVEE still here and by a second Blender (wheel and window)", _background),
    "heartbeat": ("gaps of a 5 ms heartbeat under traffic (window)", _heartbeat),
}
