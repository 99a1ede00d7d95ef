"""Each rule once: what stands in one place of the product, and that no second hand writes it anew. Read from the source."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from grok_video.core import files

PACKAGE = Path(__file__).resolve().parents[2] / "grok_video"

#: The functions that put a whole file in its place.
WRITERS = {"write_whole", "replace_patiently"}
#: The functions that wait for the disk.
SYNCS = {"sync", "sync_file", "sync_name", "sync_folder"}
#: Calls that such a function makes by hand -> the files that may make them, and what for.
BY_HAND = {
    "os.replace": {"core/files.py": "the rule itself"},
    "os.fsync": {"core/files.py": "the rule itself"},
    "open": {
        "core/files.py": "the rule itself",
        "blender/ui/support.py": "the manifest, a file of the extension",
        "blender/sources/child.py": "in a folder that was just made, for this user alone",
        "blender/sources/bake_child.py": "in that folder, in a Blender of its own, which has no package",
    },
    "os.open": {"core/files.py": "the rule itself"},
    ".read_bytes": {},
    ".read_text": {"blender/sources/bake_child.py": "as above"},
    ".write_bytes": {},
    ".write_text": {
        "blender/sources/child.py": "as above",
        "blender/sources/seam_child.py": "as above",
    },
    "shutil.copyfile": {},
    "os.rename": {"blender/sources/private_folder.py": "to its own name: is it open on Windows?"},
    "os.renames": {},
    ".rename": {"worker/reopening.py": "no file: outcomes of a job get the id of another"},
    ".replace": {},
    "shutil.move": {},
}
#: Modules outside of ``blender`` whose files Blender's process writes.
IN_BLENDER = {"core/still_movie.py", "ledger/inbox.py", "ledger/job_log.py"}
#: Modules of the worker that write between an answer and its record, and so never wait.
NEVER_WAITING = {"worker/call_log.py", "worker/desk.py"}
#: The exceptions of Blender's side: everything else that is raised there is Python's or Blender's.
REFUSALS = {
    "blender/refusal.py": ["Refused", "Interrupted"],
    "blender/sources/bake_child.py": [
        "Unbakeable"
    ],  # in a Blender of its own, which has no package
}


def trees(package: Path) -> Iterator[tuple[str, ast.Module]]:
    for path in sorted(package.rglob("*.py")):
        yield path.relative_to(package).as_posix(), ast.parse(path.read_text("utf-8"))


def calls(tree: ast.Module) -> Iterator[ast.Call]:
    yield from (node for node in ast.walk(tree) if isinstance(node, ast.Call))


def named(call: ast.Call) -> str:
    """What is called, as in BY_HAND: a method of a path by its own name alone."""
    what = ast.unparse(call.func)
    method = f".{what.rpartition('.')[2]}"
    if what in BY_HAND or method not in BY_HAND:
        return what
    # A path's has one argument; a text's two, a date's or a record's has names.
    of_text = method == ".replace" and (len(call.args) != 1 or call.keywords)
    return what if of_text else method


def imported(tree: ast.Module) -> Iterator[str]:
    """The modules that a file imports, also inside of functions."""
    for node in ast.walk(tree):
        match node:
            case ast.Import(names):
                yield from (one.name for one in names)
            case ast.ImportFrom(str(module), _, 0):
                yield module


def wrong_writes(package: Path) -> list[str]:
    """Every file that is put in its place by hand, or by the rule of the other process, as 'file: what'."""
    found: list[str] = []
    for name, tree in trees(package):
        if "tempfile" in imported(tree):  # see ``new_folder``
            found.append(f"{name}: tempfile by hand")
        for call in calls(tree):
            what = named(call)
            if name not in BY_HAND.get(what, {name: ""}):
                found.append(f"{name}: {what} by hand")
            if what.rpartition(".")[2] in WRITERS and name != "core/files.py":
                found += [f"{name}: {what} with {said}" for said in _wrong_promises(name, call)]
            if what.rpartition(".")[2] in SYNCS and (name in IN_BLENDER or "blender/" in name):
                found.append(f"{name}: {what} waits for the disk")
    return found


def _wrong_promises(name: str, call: ast.Call) -> Iterator[str]:
    said = {word.arg: ast.unparse(word.value) for word in call.keywords}
    if ast.unparse(call.func).endswith("replace_patiently"):
        said = {"patience": ast.unparse(call.args[2])}
    in_blender = name.startswith("blender/") or name in IN_BLENDER
    patience = "BLENDERS_PATIENCE" if in_blender else "WORKERS_PATIENCE"
    if said["patience"] != ("0.0" if name in NEVER_WAITING else patience):
        yield f"patience={said['patience']}"
    durable = str(not in_blender and name not in NEVER_WAITING)
    if said.get("durable", durable) != durable:
        yield f"durable={said['durable']}"


def exceptions(package: Path) -> dict[str, list[str]]:
    """The classes of Blender's side that can be raised, by their file."""
    found: dict[str, list[str]] = {}
    for name, tree in trees(package):
        for node in ast.walk(tree):
            if name.startswith("blender/") and isinstance(node, ast.ClassDef):
                bases = {ast.unparse(base) for base in node.bases}
                if any(base.endswith(("Exception", "Error", "Refused")) for base in bases):
                    found.setdefault(name, []).append(node.name)
    return found


def test_files_are_put_in_their_place_by_one_rule() -> None:
    assert wrong_writes(PACKAGE) == []
    assert (files.BLENDERS_PATIENCE, files.WORKERS_PATIENCE) == (0.25, 5.0)


def test_every_exception_to_the_rule_is_used() -> None:
    made = {(named(call), name) for name, tree in trees(PACKAGE) for call in calls(tree)}
    assert {(what, name) for what, names in BY_HAND.items() for name in names} <= made
    whole = {name for what, name in made if what in WRITERS}
    assert whole >= IN_BLENDER | NEVER_WAITING | {"worker/delivery.py", "blender/sources/pixels.py"}


def test_blenders_side_has_two_exceptions() -> None:
    assert exceptions(PACKAGE) == REFUSALS


@pytest.mark.parametrize(
    ("file", "line", "complaint"),
    [
        ("blender/a.py", "os.replace(part, path)", "os.replace by hand"),
        ("worker/a.py", "os.fsync(file.fileno())", "os.fsync by hand"),
        ("blender/a.py", "files.sync_file(path)", "files.sync_file waits for the disk"),
        ("ledger/inbox.py", "sync_name(path)", "sync_name waits for the disk"),
        ("ledger/a.py", "import tempfile", "tempfile by hand"),
        ("blender/a.py", "from tempfile import TemporaryFile", "tempfile by hand"),
        ("worker/a.py", "Path(name).replace(clip)", ".replace by hand"),
        ("ledger/a.py", "part.rename(clip)", ".rename by hand"),
        ("worker/a.py", "shutil.move(part, clip)", "shutil.move by hand"),
        ("worker/a.py", "open(path)", "open by hand"),
        ("ledger/a.py", "Path(name).read_bytes()", ".read_bytes by hand"),
        (
            "blender/ui/a.py",
            "write_whole(p, d, durable=True, private=True, patience=BLENDERS_PATIENCE)",
            "durable=True",
        ),
        (
            "blender/ui/a.py",
            "files.write_whole(p, d, durable=False, private=True, patience=1.0)",
            "patience=1.0",
        ),
        ("blender/a.py", "replace_patiently(a, b, WORKERS_PATIENCE)", "patience=WORKERS_PATIENCE"),
        (
            "ledger/inbox.py",
            "write_whole(p, d, durable=False, private=True, patience=WORKERS_PATIENCE)",
            "patience=WORKERS_PATIENCE",
        ),
        (
            "worker/a.py",
            "write_whole(p, d, durable=False, private=True, patience=WORKERS_PATIENCE)",
            "durable=False",
        ),
        (
            "worker/call_log.py",
            "write_whole(p, d, durable=False, private=True, patience=WORKERS_PATIENCE)",
            "patience=WORKERS_PATIENCE",
        ),
    ],
)
def test_a_planted_write_of_ones_own_is_found(
    tmp_path: Path, file: str, line: str, complaint: str
) -> None:
    (tmp_path / file).parent.mkdir(parents=True)
    (tmp_path / file).write_text(f"def late():\n    {line}\n", "utf-8")
    (found,) = wrong_writes(tmp_path)
    assert found.startswith(f"{file}: ")
    assert complaint in found


def test_a_planted_exception_is_found(tmp_path: Path) -> None:
    (tmp_path / "blender").mkdir()
    source = "class BakeRefused(Refused):\n    pass\n\n\nclass Bake:\n    pass\n"
    (tmp_path / "blender/a.py").write_text(source, "utf-8")
    assert exceptions(tmp_path) == {"blender/a.py": ["BakeRefused"]}


def test_every_folder_of_ours_is_made_with_one_mode() -> None:
    """Windows' rights of a folder hang on it: see ``core.files.INSIDE``."""
    modes = {
        (name, ast.unparse(keyword.value))
        for name, tree in trees(PACKAGE)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(("mkdir", "makedirs"))
        for keyword in node.keywords
        if keyword.arg == "mode"
    }
    assert {name for name, mode in modes if mode != "INSIDE"} == {"core/files.py"}
    assert len(modes) > 5
