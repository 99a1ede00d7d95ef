"""The papers and the code speak of the same things: what a paper names exists, what the code cites is there.

Papers are ``docs/*.md``, README.md and CONTRIBUTING.md. Of each is checked: links and paths, names in backticks, words in
capitals (states above all), numbers of rules and sections, and that a drawn state machine is the real one. What may stand in
backticks without being ours is decided by rules, in ``Checkout.knows``; the few words that no rule covers are in FOREIGN.
"""

from __future__ import annotations

import ast
import builtins
import functools
import importlib
import json
import keyword
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from grok_video.core import job

ROOT = Path(__file__).resolve().parents[2]
PAPERS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
PAPERS += [path for path in [ROOT / "CONTRIBUTING.md"] if path.exists()]
FOLDERS = ("grok_video", "tests", "scripts")
#: From where a path in backticks may begin.
STARTS = ("", *FOLDERS)

#: Foreign words that the source has no use for, each with whose it is.
FOREIGN = {
    "GLXBadContext": "an error of the X server",
    "blender_ext.py": "Blender's extension tool",
}
#: What readers know in capitals.
KNOWN_CAPITALS = re.compile(
    "API|APFS|CPU|CSV|DNS|FAT|GPU|HFS|HTTP|LTS|NTFS|POSIX|RFC|SDK|SMB|SQL|TCC|TLS|URL|UUID|WAL|XNU"
)

#: Papers that were never in the repository, and letters that only they explain.
LOST_PAPERS = re.compile(
    r"\b(?:SAFETY|FACTS|ARCHITECTURE|HOUSE|STYLE|REFERENCE)\b|\bAPI reference\b|\breference §"
    r"|\([HML](?:[,:; ][^()]{0,60})?\)|#:? [HML]: |\bConfidence H\b"
)
CITED = re.compile(
    r"docs/([\w-]+\.md)(?:,? rules? \d+(?:(?:,| and| to) \d+)*|,? §\d+(?:(?:,| and| to) §\d+)*)?"
)
LINKED = re.compile(r"\[([\w-]+\.md)\]\((?:docs/)?\1\)")  # the same in a paper
RULE = re.compile(r"^### Rule (\d+):", re.M)
SECTION = re.compile(r"^## (\d+) ", re.M)

SPAN = re.compile(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)", re.S)
FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.M | re.S)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
CAPITALS = re.compile(r"(?<![\w<./-])[A-Z][A-Z_]{2,}(?![\w>/-])")
NAME = r"[A-Za-z_]\w*"
DOTTED = re.compile(rf"{NAME}(?:\.{NAME})*(?:\(\))?")
DASHED = re.compile(r"[a-z]\w*(?:-[\w.]+)+")  # rings, ids of models
HEADER = re.compile(r"[A-Z][a-z]+(?:-[A-Z][A-Za-z]+)+")
#: In a span that is more than a name: what can be nothing else than a name.
CODE_WORD = re.compile(rf"(?<![\w.\"/-])(?:{NAME}\.)*(?:[a-z]+_\w+|[A-Z][a-z]+[A-Z]\w+|_\w+)")
OURS = (
    ".py",
    ".md",
    ".toml",
    ".png",
    ".sh",
    ".yml",
    ".yaml",
)  # kinds of files that only the repository has
PATH = re.compile(
    r"[~.\w{}<>*+-]*(?:/[.\w{}<>*+-]*)+|\*?[\w.<>*+-]*\.(?:py|md|toml|png|json|jsonl|lock|zip|http|sqlite3)"
)


# ----------------------------------------------------------------------------------------------------- the source


@dataclass
class Checkout:
    """Every name that the source of a checkout defines or uses, and every text that it holds."""

    root: Path
    names: set[str] = field(default_factory=set)
    members: dict[str, set[str]] = field(default_factory=dict)  # of a class
    bases: dict[str, set[str]] = field(default_factory=dict)
    text: str = ""  # all of it
    quoted: list[str] = field(default_factory=list)  # what stands in quotes, but for docstrings

    @classmethod
    @functools.cache
    def of(cls, root: Path) -> Checkout:
        """The checkout at ``root``, read once."""
        self = cls(root)
        files = [path for folder in FOLDERS for path in sorted((root / folder).rglob("*.py"))]
        files = [path for path in files if path != Path(__file__)]  # its planted names are nobody's
        texts = [path.read_text("utf-8") for path in files]
        for text in texts:
            self._read(ast.parse(text))
        for path in sorted(root.glob("tests/*/fixtures.json")):
            texts.append(path.read_text("utf-8"))
            self._read_json(json.loads(texts[-1]))
        for name in ("blender_manifest.toml", "pyproject.toml"):
            texts.append((root / name).read_text("utf-8"))
        self.text = "\n".join(texts)
        for text in self.quoted:
            if "CREATE TABLE" in text or "CREATE TRIGGER" in text:  # the schema of the ledger
                self.names.update(re.findall(NAME, text))
            elif len(text.split()) == 1:
                self.names.add(text)
        # What the scripts make is named there and nowhere else.
        self.quoted += (root / ".gitignore").read_text("utf-8").splitlines()
        return self

    def _read(self, tree: ast.Module) -> None:
        docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        for node in ast.walk(tree):
            self.names |= set(_defined(node)) | set(_used(node))
            match node:
                case ast.ClassDef():
                    inside = self.members.setdefault(node.name, set())
                    for inner in ast.walk(node):
                        inside |= set(_defined(inner))
                    bases = self.bases.setdefault(node.name, set())
                    bases |= {base.id for base in node.bases if isinstance(base, ast.Name)}
                case ast.Constant(str(value)) if id(node) not in docstrings:
                    self.quoted.append(value)

    def _read_json(self, value: object) -> None:
        match value:
            case dict():
                for name, inner in value.items():
                    self.quoted.append(str(name))
                    self._read_json(inner)
            case list():
                for inner in value:
                    self._read_json(inner)
            case str():
                self.quoted.append(value)

    # -- questions

    def has_file(self, path: str, beside: Path | None = None) -> bool:
        """Whether the path of a file or folder, a pattern too, is one of the checkout."""
        path = path.rstrip("/")
        for start in [self.root / start for start in STARTS] if beside is None else [beside]:
            if any(start.glob(path)) if "*" in path else (start / path).exists():
                return True
        return False

    def has_path(self, path: str) -> bool:
        """A path of the checkout; or one that the program makes: its words stand in quotes in the source."""
        if self.has_file(path):
            return True
        if path.partition("/")[0] in (*FOLDERS, "docs"):
            return False
        fixed = [part for part in re.split(r"<[^>]*>|\{[^}]*\}|\*", path) if part.strip("/.~")]
        if path.endswith(OURS) and len(fixed) == 1:
            return False
        # An address of the service stands there whole, a path of the data folder in its parts.
        words = (
            fixed if path.startswith("/") else [one for part in fixed for one in part.split("/")]
        )
        return all(any(word in text for text in self.quoted) for word in words if word.strip(".~"))

    def has_member(self, owner: str, name: str) -> bool:
        """Whether a class of ours, or one that it is made from, has that member."""
        if name in self.members.get(owner, ()):
            return True
        bases = self.bases.get(owner, set())
        return any(base not in self.members or self.has_member(base, name) for base in bases)

    def has_name(self, name: str) -> bool:
        """A name that is defined or used in the source, or belongs to Python or Blender."""
        name = name.removesuffix("()")
        if name in self.names or keyword.iskeyword(name) or hasattr(builtins, name):
            return True
        name = name.removeprefix("bpy.ops.") if "grok_video" in name else name
        first, *rest = name.split(".")
        if first == "bpy":  # what it has differs from version to version
            return True
        if first == "grok_video":
            return name in self.names
        if first in sys.stdlib_module_names:
            return _of_python(first, rest) or name in self.text
        if rest and first in self.members:
            return self.has_member(first, rest[0]) and all(one in self.names for one in rest)
        return bool(rest) and all(one in self.names for one in (first, *rest))

    def knows(self, span: str) -> str:
        """'' or what is wrong with the words in backticks."""
        span = " ".join(span.split())
        if span in FOREIGN or re.fullmatch(r"[A-Z]|F\d+", span):  # or a key of the keyboard
            return ""
        first, _, rest = span.partition(" ")
        if rest and first in ("python3", "GET", "POST"):
            path, *words = rest.split()
            if not self.has_path(path):
                return f"there is no {path}"
            unknown = [w for w in words if w not in self.names and not re.match(r"[\d-]", w)]
            return f"{path} knows no {unknown[0]}" if unknown else ""
        if re.fullmatch(r"https?://\S+", span):
            return "" if any(span in text for text in self.quoted) else f"the source has no {span}"
        if HEADER.fullmatch(span):
            return "" if span.lower() in self.text.lower() else f"the source has no header {span}"
        if DASHED.fullmatch(span):
            return "" if span in self.names else f"the source has no {span}"
        if DOTTED.fullmatch(span) and (self.has_name(span) or not PATH.fullmatch(span)):
            return "" if self.has_name(span) else f"the source has no {span}"
        if PATH.fullmatch(span):
            return "" if self.has_path(span) else f"there is no {span}"
        if span in self.text:
            return ""
        words = [found[0] for found in CODE_WORD.finditer(span)]
        return next((f"the source has no {word}" for word in words if not self.has_name(word)), "")


def _defined(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.FunctionDef(name) | ast.AsyncFunctionDef(name) | ast.ClassDef(name):
            yield name
        case ast.Name(name, ast.Store()) | ast.Attribute(_, name, ast.Store()) | ast.arg(name):
            yield name
        case ast.AnnAssign(target=ast.Name(name)):
            yield name
        case ast.Assign(targets):
            for target in targets:
                yield from (inner.id for inner in ast.walk(target) if isinstance(inner, ast.Name))


def _used(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.Name(name) | ast.Attribute(_, name) | ast.keyword(str(name)):
            yield name
        case ast.alias(name):
            yield from name.split(".")


def _of_python(module: str, rest: list[str]) -> bool:
    try:
        found: object = importlib.import_module(module)
    except ImportError:
        return True  # of another system
    for name in rest:
        if not hasattr(found, name):
            return False
        found = getattr(found, name)
    return True


# ----------------------------------------------------------------------------------------------------- the papers


def faults(text: str, where: Path = ROOT) -> list[str]:
    """What is wrong in the text of a paper that lies in the folder ``where``."""
    here = Checkout.of(ROOT)
    fenced = [(found[1], found[2]) for found in FENCE.finditer(text)]
    prose = FENCE.sub("", text)
    found = [f"{link}: there is no such file" for link in _dead_links(prose, where, here)]
    for span in SPAN.finditer(prose):
        if wrong := here.knows(span[2].strip()):
            found.append(f"`{span[2]}`: {wrong}")
    plain = LINK.sub(" ", SPAN.sub(" ", prose))
    shown = [inside for language, inside in fenced if language in ("", "mermaid")]
    found += [
        f"{word}: no state, constant or known word"
        for words in [plain, *shown]
        for word in CAPITALS.findall(words)
        if word not in here.names and not KNOWN_CAPITALS.fullmatch(word)
    ]
    found += citations(text, here.root, paper=True)
    for language, inside in fenced:
        if language == "mermaid" and "stateDiagram" in inside:
            found += wrong_diagram(inside)
    return found + wrong_rows(prose)


def _dead_links(prose: str, where: Path, here: Checkout) -> Iterator[str]:
    for link in LINK.findall(SPAN.sub(" ", prose)):
        path, _, _anchor = link.partition("#")
        if "://" not in link and path and not here.has_file(path, where):
            yield link


def citations(text: str, root: Path, *, paper: bool = False) -> list[str]:
    """What a text cites that is not there: papers, their rules, their sections. ``paper``: it is one itself.

    A rule without a paper is one of docs/safety.md, a section without one is the paper's own.
    """
    # A link without docs/ is one beside the paper: to another one in docs, or at the top.
    text = LINKED.sub(
        lambda link: link[0] if (root / link[1]).is_file() else f"docs/{link[1]}", text
    )
    found: list[str] = []
    for cited in CITED.finditer(text):
        path = root / "docs" / cited[1]
        if not path.is_file():
            found.append(f"{cited[0]}: there is no such paper")
            continue
        there = (RULE if "rule" in cited[0] else SECTION).findall(path.read_text("utf-8"))
        numbers = re.findall(r"\d+", cited[0].partition(".md")[2])
        found += [f"{cited[0]}: it has no {number}" for number in numbers if number not in there]
    rest = CITED.sub("", text)
    rules = RULE.findall((root / "docs" / "safety.md").read_text("utf-8"))
    sections = SECTION.findall(text) if paper else []
    found += [
        f"rule {one}: there is none"
        for one in re.findall(r"\brules? (\d+)", rest)
        if one not in rules
    ]
    found += [f"§{one}: of what?" for one in re.findall(r"§\s?(\d+)", rest) if one not in sections]
    return found


# ---------------------------------------------------------------------------------------------- the state machine

#: What ``apply`` decides beyond the table: the end of a stop, and where a free retry goes on.
DECIDED = {
    ("SUBMITTING", "submitted", "CANCELLED"),
    ("SUBMITTING", "not_sent", "CANCELLED"),
    ("SUBMITTING", "bought", "CANCELLED"),
    ("FAILED", "retried", "DOWNLOADING"),
    ("CANCELLED", "retried", "DOWNLOADING"),
    ("UNKNOWN", "retried", "DOWNLOADING"),
}


def drawn(diagram: str) -> set[tuple[str, str, str]]:
    """(from, event, to) of every arrow of a mermaid state diagram: ``A --> B: one, other``."""
    arrows = re.findall(r"^\s*(\w+) --> (\w+): (.+)$", diagram, re.M)
    return {(a, event.strip(), b) for a, b, events in arrows for event in events.split(",")}


def wrong_rows(prose: str) -> list[str]:
    """Rows of tables, a state first, with a cell of nothing but events that are not all those that leave it there."""
    staying: dict[str, set[str]] = {state.value: set() for state in job.State}
    for (state, event), after in job.TRANSITIONS.items():
        if state is after:
            staying[state.value].add(event.kind)
    kinds = {event.kind for _, event in job.TRANSITIONS}
    found: list[str] = []
    for state, rest in re.findall(r"^\| ([A-Z]+) \|(.*)\|$", prose, re.M):
        for cell in rest.split(" | "):
            named = set(re.findall(r"`(\w+)`", cell))
            events = named and not re.sub(r"`\w+`|[, ]", "", cell) and named <= kinds
            if events and state in staying and named != staying[state]:
                found.append(f"{state} stays at {', '.join(sorted(staying[state]))}")
    return found


def wrong_diagram(diagram: str) -> list[str]:
    """Arrows that the program does not have, and those of its own that are not drawn. Those that stay may be."""
    table = {(a.value, event.kind, b.value) for (a, event), b in job.TRANSITIONS.items()}
    staying = {arrow for arrow in table if arrow[0] == arrow[2]}
    shown = drawn(diagram)
    found = [f"{arrow}: there is no such arrow" for arrow in sorted(shown - table - DECIDED)]
    return found + [
        f"{arrow}: is not drawn" for arrow in sorted((table | DECIDED) - staying - shown)
    ]


# ---------------------------------------------------------------------------------------------------------- tests


@pytest.mark.parametrize("paper", PAPERS, ids=lambda path: path.name)
def test_what_a_paper_names_exists(paper: Path) -> None:
    assert faults(paper.read_text("utf-8"), paper.parent) == []


def sources() -> Iterator[tuple[Path, str]]:
    for pattern in ("*.py", "*.toml", "*.json", "*.yml"):
        for folder in FOLDERS:
            for path in sorted((ROOT / folder).rglob(pattern)):
                if path != Path(__file__):
                    yield path, path.read_text("utf-8")


def test_what_the_source_cites_is_there() -> None:
    found: list[str] = []
    for path, text in sources():
        name = path.relative_to(ROOT).as_posix()
        found += [f"{name}: {wrong}" for wrong in citations(text, ROOT)]
        found += [f"{name}: cites {lost[0]!r}" for lost in LOST_PAPERS.finditer(text)]
        for paper in re.findall(r"(?<![\w./*-])[\w./-]+\.md\b", text):
            if not (ROOT / paper).is_file():
                found.append(f"{name}: there is no {paper}")
    assert found == []


def test_every_promise_names_its_rule_and_its_test() -> None:
    text = (ROOT / "docs" / "reliability.md").read_text("utf-8")
    rows = [row.strip("| ").split(" | ") for row in text.splitlines() if row.startswith("| ")]
    promises = [row for row in rows if row[0] != "promise"]
    kept: set[str] = set()
    for promise, rules, test, tries in promises:
        files = re.findall(r"`(\w+/(?:test_\w+|soak)\.py)`", test)
        assert files, f"no test for: {promise}"
        if counted := re.fullmatch(r"(\d+) tests", tries):
            there = (ROOT / "tests" / files[0]).read_text("utf-8").count("\ndef test_")
            assert there == int(counted[1]), f"{files[0]} has {there} tests"
        kept.update(rules.split(", "))
    assert kept == set(RULE.findall((ROOT / "docs" / "safety.md").read_text("utf-8")))


def test_rules_are_numbered_without_gaps() -> None:
    text = (ROOT / "docs" / "safety.md").read_text("utf-8")
    assert RULE.findall(text) == [str(number) for number in range(1, len(RULE.findall(text)) + 1)]
    for rule in re.split(r"^### ", text, flags=re.M)[1:]:
        number = rule.partition(":")[0]
        assert re.search(r"^- Where: .*`", rule, re.M), f"{number} does not say where it lives"
        assert re.search(r"^- Test: .*`test_", rule, re.M), f"{number} has no test"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("the file `grok_video/core/ledgr.py`", "there is no grok_video/core/ledgr.py"),
        ("see [this](docs/safty.md)", "docs/safty.md: there is no such file"),
        ("![picture](docs/panell.png)", "docs/panell.png: there is no such file"),
        ("tested in `core/test_nothing.py`", "there is no core/test_nothing.py"),
        ("lies in `ledger.sqlite4/<id>.json`", "there is no ledger.sqlite4"),
        ("`python3 scripts/tset.py core`", "there is no scripts/tset.py"),
        ("`python3 scripts/test.py hardcore`", "scripts/test.py knows no hardcore"),
        ("`POST /v1/videos/remix`", "there is no /v1/videos/remix"),
        ("held by `test_that_nobody_wrote`", "the source has no test_that_nobody_wrote"),
        ("the class `LedgerWriter`", "the source has no LedgerWriter"),
        ("a `LedgerReader.tick`", "the source has no LedgerReader.tick"),
        ("`State.RUNING` it is", "the source has no State.RUNING"),
        ("the event `submit_begun`", "the source has no submit_begun"),
        ("a `put_comand(data_dir, 'stop')`", "the source has no put_comand"),
        ("Python's `os.replaces`", "the source has no os.replaces"),
        ("`bpy.ops.grok_video.generated()`", "the source has no bpy.ops.grok_video.generated()"),
        ("the ring `core-latest`", "the source has no core-latest"),
        ("the header `Retry-Before`", "the source has no header Retry-Before"),
        ("RUNING → DOWNLOADING", "RUNING: no state"),
        ("```\nQUEUED ── SUBMITING\n```", "SUBMITING: no state"),
        ("docs/safety.md, rule 99", "it has no 99"),
        ("docs/blender.md, §99", "it has no 99"),
        ("[safety.md](docs/safety.md), rule 99", "it has no 99"),
        ("as docs/facts.md says", "there is no such paper"),
        ("by rule 99", "rule 99: there is none"),
        ("```mermaid\nstateDiagram-v2\nREADY --> QUEUED: imported\n```", "there is no such arrow"),
        ("```mermaid\nstateDiagram-v2\nREADY --> IMPORTED: imported\n```", "is not drawn"),
        ("| QUEUED | waits | `held` | free |", "QUEUED stays at held, released"),
        ("the folder `grok_video/ledger/http/`", "there is no grok_video/ledger/http/"),
    ],
)  # fmt: skip
def test_a_planted_fault_in_a_paper_is_found(text: str, complaint: str) -> None:
    found = faults(text)
    assert any(complaint in fault for fault in found), found


@pytest.mark.parametrize(
    "text",
    [
        "`LedgerReader.refresh`, `put_command`, `JobSpec`, `submit_started`, `grok_video.watch`, `test_the_table`",
        "`tests/core/test_docs.py`, `core/test_money.py`, `docs/*.md`, `jobs/<id>.jsonl`, [x](docs/reliability.md)",
        "QUEUED, UNKNOWN and `State.READY`; a POST of JSON; `os.replace`; `bpy.types.Strip.retiming_keys`",
        '`{"url": "https://…"}`, `Content-Length`, `XAI_API_KEY`, `core-newest`, `GET /v1/videos/{request_id}`',
        "docs/safety.md, rules 1 and 2; `auth=`; `journal_mode=TRUNCATE`",
        "| QUEUED | waits | `held`, `released` | free |",
    ],
)
def test_what_is_right_is_not_complained_of(text: str) -> None:
    assert faults(text) == []


@pytest.mark.parametrize(
    "text",
    [
        "# SAFETY rule 2",
        "(measured, FACTS §4)",
        "most (M).",
        "#: free (H): yes",
        "the API reference",
        "# H: free",
    ],
)
def test_a_lost_paper_is_found(text: str) -> None:
    assert LOST_PAPERS.search(text) or citations(text, ROOT)


# ------------------------------------------------------------------------------------------------ promise and system

#: The columns of the table in docs/platforms.md, each with what may stand in it.
SYSTEMS = {
    "Linux": re.compile(r"run"),
    "Wine": re.compile(r"run|by hand|not run"),
    "Windows": re.compile(r"documented: .+|not run"),
    "macOS": re.compile(r"documented: .+|not run"),
}
#: What nobody may say as long as no row says it.
NEVER_RUN = re.compile(
    r"\b(?:tested|proven|verified|works|runs|ran)\s+(?:on|in|under)\s+(?:real\s+)?(?:Windows|macOS)\b"
)


def run_under_wine() -> set[str]:
    """The test files of the rings *windows*, as docs/platforms.md names files, by the lists in ``scripts/rings.py``."""
    found: set[str] = set()
    for node in ast.parse((ROOT / "scripts" / "rings.py").read_text("utf-8")).body:
        match node:
            case ast.Assign(
                [ast.Name("WINDOWS_CORE" | "WINDOWS_BLENDER" as name)], ast.List(subjects)
            ):
                folder = name.removeprefix("WINDOWS_").lower()
                names = [ast.literal_eval(subject).partition("::")[0] for subject in subjects]
                found |= {f"{folder}/test_{name}.py" for name in names}
    return found


def wrong_claims(text: str) -> list[str]:
    """Rows of the table *promise × system* that name no test, or claim what their column cannot hold."""
    found: list[str] = []
    rows = [row.strip("| ").split(" | ") for row in text.splitlines() if row.startswith("| ")]
    if ["promise", "test", *SYSTEMS] not in rows:
        return ["there is no such table"]
    for promise, *cells in (row for row in rows if len(row) == 2 + len(SYSTEMS)):
        if promise == "promise":
            continue
        files = set(re.findall(r"`(\w+/test_\w+\.py)`", cells[0]))
        if not files:
            found.append(f"no test for: {promise}")
        if cells[2] == "run" and (others := sorted(files - run_under_wine())):
            found.append(f"{promise}: no ring runs {', '.join(others)} under Wine")
        for (system, allowed), cell in zip(SYSTEMS.items(), cells[1:], strict=True):
            if not allowed.fullmatch(cell):
                found.append(f"{promise}: {system} cannot say {cell!r}")
    return found


def test_what_was_run_where_is_claimed_as_it_is() -> None:
    assert wrong_claims((ROOT / "docs" / "platforms.md").read_text("utf-8")) == []


@pytest.mark.parametrize("paper", [*PAPERS, ROOT / "CHANGELOG.md"], ids=lambda path: path.name)
def test_no_paper_says_that_it_ran_where_it_did_not(paper: Path) -> None:
    assert NEVER_RUN.findall(paper.read_text("utf-8")) == []


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        ("| Clips | `core/test_key.py` | run | run | run | not run |", "Windows cannot say 'run'"),
        ("| Clips | `core/test_key.py` | run | run | not run | run |", "macOS cannot say 'run'"),
        ("| Clips | `core/test_word.py` | run | documented | not run | not run |", "Wine cannot"),
        (
            "| Clips | `core/test_word.py` | run | run | not run | not run |",
            "no ring runs core/test_word.py",
        ),
        ("| Clips | by looking | run | not run | not run | not run |", "no test for: Clips"),
        ("| Clips | `core/test_key.py` | run | run | documented: | not run |", "Windows cannot"),
    ],
)
def test_a_claim_of_what_nobody_has_run_is_found(row: str, complaint: str) -> None:
    text = f"| promise | test | {' | '.join(SYSTEMS)} |\n|---|---|---|---|---|---|\n{row}\n"
    (found,) = wrong_claims(text)
    assert complaint in found


@pytest.mark.parametrize("text", ["It was tested on Windows 11.", "All this works on\nmacOS."])
def test_a_sentence_of_what_nobody_has_run_is_found(text: str) -> None:
    assert NEVER_RUN.search(text)
