"""Launch scripts: which command in the same tree starts a solver, and with which weights.

Shell, batch and make files, Python and README text are read as text, never run: options
``--solver``, ``--weights`` and ``--snapshot`` of any command, and pycaffe's ``get_solver`` with
``copy_from``. Variables count where they are assigned simply; any other stands for unknown text.
"""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from ..core.late import late
from ..core.looking import is_file

_SHELL = (".sh", ".bash", ".bat", ".cmd", ".mk", ".md", ".txt", ".rst")
_BATCH = (".bat", ".cmd")
_PROSE = (".md", ".txt", ".rst")
# Directories of other people's code; hidden ones are skipped too.
_SKIPPED = frozenset(
    ("node_modules", "__pycache__", "build", "CMakeFiles", "third_party", "site-packages", "venv")
)
_MOST_BYTES = 200_000
_MOST_ENTRIES = 20_000
_MOST_SCRIPTS = 2_000
_DEEPEST = 12
_LEVELS_UP = 3
_LONGEST_VALUE = 1_000
# What must be known of a solver's name, for it to mean anything.
_SHORTEST_NAME = 4


class Launch(Struct, frozen=True):
    """One command that starts a solver: what it names, as far as the script's text tells.

    ``script`` is the script's path from ``top``, the directory of its tree, and ``start`` the
    directory it lies in; ``directory`` is where it has gone to by ``cd``. ``solver``, ``weights``
    and ``snapshot`` hold ``${NAME}`` for what is unknown. ``open_ended`` says that further
    arguments may come in when it runs; ``prose`` that it stands in a text for readers. ``caffe`` is
    false for Python, whose own code decides what is loaded.
    """

    script: str
    line: int
    start: str
    top: str
    solver: str
    weights: tuple[str, ...] = ()
    snapshot: str = ""
    directory: str = ""
    open_ended: bool = False
    prose: bool = False
    caffe: bool = True

    @property
    def place(self) -> str:
        """Script and line, for a reader."""
        return f"{self.script}:{self.line}"

    @property
    def certain(self) -> bool:
        """Whether the command is one that is run as it stands."""
        return not (self.open_ended or self.prose or "$" in self.solver)

    @property
    def rivals(self) -> bool:
        """Whether it gives both a snapshot and weights, which Caffe refuses."""
        return bool(self.caffe and self.snapshot and self.weights)

    @property
    def resumes_at(self) -> int:
        """The iteration in a snapshot's name as Caffe makes it; 0 where there is none."""
        match = re.search(r"_iter_(\d{1,9})\.solverstate", self.snapshot)
        return int(match[1]) if match else 0

    def files(self) -> list[Path] | None:
        """The weights files, None where one of them cannot be found."""
        found = []
        for name in self.weights:
            paths = [Path(base, name) for base in _bases(self)]
            path = next((path for path in paths if is_file(path)), None)
            if "$" in name or path is None:
                return None
            found.append(path)
        return found or None


class LaunchFinder:
    """The launches of one run's solvers; every script is read once.

    ``root`` is the directory that Caffe is said to start in; its tree is looked through then.
    """

    def __init__(self, root: Path | None = None) -> None:
        self._root = root
        self._trees: dict[Path, list[Launch]] = {}
        self._scripts: dict[Path, list[Launch]] = {}

    def find(self, solver: Path) -> list[Launch]:
        """Launches of a solver file, in order of their scripts' paths and lines."""
        try:
            real = Path(os.path.realpath(solver))
            top = self._top(real.parent)
            if top not in self._trees:
                self._trees[top] = self._read(_walk(top), top)
            # Those beside the solver are read whatever else the tree holds, however much that is.
            near = self._read(_between(real.parent, top), top)
            launches = near + [one for one in self._trees[top] if one not in near]
            if top == real.parent:
                launches = launches + self._read(_above(top), _above_top(top))
            launches.sort(key=lambda launch: (launch.script, launch.line))
        except (OSError, ValueError):  # a NUL in the name, directories that are no longer there
            return []
        ranked = [(fit(launch, real), launch) for launch in launches]
        best = max((rank for rank, _ in ranked), default=0)
        return [launch for rank, launch in ranked if rank == best > 0]

    def _top(self, directory: Path) -> Path:
        """The root given, or the repository's, or else the solver's own directory."""
        if self._root is not None:
            root = Path(os.path.realpath(self._root))
            if directory.is_relative_to(root):
                return root
        for folder in (directory, *directory.parents):
            if _is_shared(folder):
                break
            if (folder / ".git").exists():
                return folder
        return directory

    def _read(self, scripts: Iterable[Path], top: Path) -> list[Launch]:
        found: list[Launch] = []
        for path in scripts:
            if path not in self._scripts:
                self._scripts[path] = _read_script(path, top)
            found += self._scripts[path]
        return sorted(found, key=lambda launch: (launch.script, launch.line))


# Which files are read


def _is_shared(folder: Path) -> bool:
    """Directories that hold things of many projects; what lies in them says nothing."""
    import tempfile

    shared = (Path(os.path.realpath(tempfile.gettempdir())), Path("~").expanduser())
    return folder.parent == folder or folder in shared


def _walk(top: Path) -> Iterator[Path]:
    """Scripts below a directory, in a fixed order; links are not followed."""
    entries = scripts = 0
    depth = len(top.parts)
    for folder, folders, names in os.walk(top):
        folders[:] = sorted(
            name for name in folders if not name.startswith(".") and name not in _SKIPPED
        )
        if len(Path(folder).parts) - depth >= _DEEPEST:
            folders[:] = []
        entries += len(names) + len(folders)
        for name in sorted(names):
            if _is_script(name):
                scripts += 1
                yield Path(folder) / name
        if entries > _MOST_ENTRIES or scripts > _MOST_SCRIPTS:
            return


def _between(folder: Path, top: Path) -> Iterator[Path]:
    """Scripts that lie in a directory or in one above it, up to the top of its tree."""
    for parent in (folder, *folder.parents):
        yield from _scripts_in(parent)
        if parent == top:
            return


def _above(folder: Path) -> Iterator[Path]:
    """Scripts that lie in the directories above one that belongs to no repository."""
    for parent in list(folder.parents)[:_LEVELS_UP]:
        if _is_shared(parent):
            return
        yield from _scripts_in(parent)


def _scripts_in(folder: Path) -> Iterator[Path]:
    with os.scandir(folder) as entries:
        names = sorted(entry.name for entry, _ in zip(entries, range(_MOST_ENTRIES), strict=False))
    yield from (folder / name for name in names if _is_script(name))


def _above_top(folder: Path) -> Path:
    """Where the paths of those scripts are shown from."""
    top = folder
    for parent in list(folder.parents)[:_LEVELS_UP]:
        if _is_shared(parent):
            break
        top = parent
    return top


def _is_script(name: str) -> bool:
    lower = name.lower()
    return lower.endswith((*_SHELL, ".py")) or lower.startswith(("makefile", "readme"))


def _read_script(path: Path, top: Path) -> list[Launch]:
    try:
        if path.is_symlink() or not path.is_file() or path.stat().st_size > _MOST_BYTES:
            return []
        data = path.read_bytes()
    except OSError:
        return []
    if b"olver" not in data:
        return []
    shown = path.relative_to(top).as_posix()
    return read_launches(
        data.decode("utf-8", "replace"), shown, path.parent.as_posix(), top.as_posix()
    )


# What a script says


def read_launches(text: str, script: str, start: str = "", top: str = "") -> list[Launch]:
    """The launches in the text of a script; its name decides how it is read."""
    name = script.lower()
    if name.endswith(".py"):
        return _python(text, script, start, top)
    if name.endswith(_BATCH):
        text = text.replace("\\", "/")
    prose = name.endswith(_PROSE) or "readme" in name
    reader = _Shell(script, start, top, prose)
    for number, line in _logical_lines(text, "^" if name.endswith(_BATCH) else "\\"):
        for words in _commands(line):
            reader.read(words, number)
    return reader.launches


def _logical_lines(text: str, continuation: str) -> Iterator[tuple[int, str]]:
    """Lines with those that continue them, each with the number of its first; no comments."""
    parts: list[str] = []
    first = 1
    for number, line in enumerate(text.splitlines(), 1):
        line = line.rstrip()
        if line.lstrip().startswith(("#", "::")) or line.lstrip()[:4].lower() == "rem ":
            # A comment ends the command before it, and does not go on in the next line.
            line = ""
        if not parts:
            first = number
        goes_on = line.endswith(continuation)
        parts.append(line[:-1] if goes_on else line)
        if not goes_on:
            yield first, "".join(parts)
            parts = []
    if parts:
        yield first, "".join(parts)


_SUBSTITUTED = r"`[^`]*`|\$\([^()]*\)|\$\{[^{}]*\}"
_WORD = rf"(?:\"[^\"]*\"|'[^']*'|{_SUBSTITUTED}|[^\s\"'`;&|<>()#]|(?<=[^\s;&|()])#)+"
_TOKEN = late(rf"(?P<word>{_WORD})|(?P<end>&&|[;&|()]+)|(?P<comment>#.*)|\s+|.")


def _commands(line: str) -> Iterator[list[str]]:
    """The commands of a line, as their words with the quotes still on; some without any."""
    words: list[str] = []
    for token in _TOKEN().finditer(line):
        if token["word"]:
            words.append(token["word"])
        elif token["comment"]:
            break
        elif token["end"]:
            yield words
            words = []
    yield words


_DECLARES = frozenset(("export", "local", "readonly", "declare", "set", "then", "do", "else"))
_OPENS, _CLOSES = ("if", "case"), ("fi", "esac")
_ASSIGNED = late(r"([A-Za-z_]\w*)(?::|\?)?=(.*)", re.DOTALL)
_OPTION = late(r"--?(solver|weights|snapshot)(?:=(.*))?", re.DOTALL)
_REST = late(r"\"?\$(?:[@*]|\{[@*]\}|[A-Za-z_]\w*|\{[A-Za-z_]\w*\})\"?")


class _Shell:
    """What a shell script, batch or make file has said so far."""

    def __init__(self, script: str, start: str, top: str, prose: bool) -> None:
        self._script, self._start, self._top, self._prose = script, start, top, prose
        self._values: dict[str, str | None] = {}
        """Variables; None for one that has different values in different branches."""
        self._depth = 0
        self._directory = ""
        self.launches: list[Launch] = []

    def read(self, words: list[str], line: int) -> None:
        """Take one command in."""
        while words and words[0] in _DECLARES:
            words = words[1:]
        if len(words) >= 3 and words[1] in ("=", ":=", "?="):
            words = [f"{words[0]}={words[2]}"]
        while words and (assigned := _ASSIGNED().fullmatch(words[0])):
            self._assign(assigned[1], self._expand(assigned[2]))
            words = words[1:]
        if not words:
            return
        self._depth += (words[0] in _OPENS) - (words[0] in _CLOSES)
        if words[0] == "cd" and len(words) > 1:
            self._directory = _joined(self._directory, self._expand(words[1]))
        self._launch(words, line)

    def _assign(self, name: str, value: str) -> None:
        if self._depth > 0 and self._values.get(name, value) != value:
            self._values[name] = None
        elif len(self._values) < _MOST_SCRIPTS or name in self._values:
            self._values[name] = value[:_LONGEST_VALUE]

    def _launch(self, words: list[str], line: int) -> None:
        given: dict[str, str] = {}
        others = []
        i = 1
        while i < len(words):
            option = _OPTION().fullmatch(words[i])
            i += 1
            if option is None:
                others.append(words[i - 1])
                continue
            value = option[2] or ""
            if not value and i < len(words) and not words[i].startswith("-"):
                value = words[i]
                i += 1
            given[option[1]] = self._expand(value)
        if given.get("solver"):
            self.launches.append(
                Launch(
                    *(self._script, line, self._start, self._top, given["solver"]),
                    _list(given.get("weights", "")),
                    given.get("snapshot", ""),
                    self._directory,
                    open_ended=any(_REST().fullmatch(word) for word in others),
                    prose=self._prose,
                    caffe=not any(word.endswith(".py") for word in words),
                )
            )

    def _expand(self, word: str) -> str:
        """A word without its quotes, with the variables that are known."""
        return _VARIABLE().sub(self._value, re.sub("[\"']", "", word))

    def _value(self, match: re.Match[str]) -> str:
        name, operator = next(
            (match[group], match[2] or "" if group == 1 else "")
            for group in (1, 3, 4, 5, 6)
            if match[group] is not None
        )
        if not name:
            return match[0]
        known = self._values.get(name)
        if known is not None and operator in ("", ":-" + operator[2:]):
            return known
        return operator[2:] if operator.startswith(":-") else f"${{{name}{operator}}}"


_VARIABLE = late(
    r"\$\{(\w++)([^{}]*)\}|\$([A-Za-z_]\w*|[0-9])|\$\(([A-Za-z_]\w*)\)|%([A-Za-z_]\w*)%"
    r"|(?:`[^`]*`|\$\([^()]*\))()"
)
_UNKNOWN = late(rf"{_SUBSTITUTED}|\$\w+")


def _list(weights: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in weights.split(",") if name.strip())


def _joined(directory: str, step: str) -> str:
    """Where a ``cd`` leads from a directory; unknown, hence empty, where it leaves the tree."""
    if _UNKNOWN().search(step) or step.startswith(("/", "~")):
        return ""
    return posixpath.normpath(posixpath.join(directory, step))[:_LONGEST_VALUE]


_LITERAL = r"""(?:(?P<q>["'])(?P<text>[^"'\n]*)(?P=q)|(?P<name>[A-Za-z_]\w*))"""
_PY_ASSIGNED = late(r"""^\s*(\w+)\s*=\s*(["'])([^"'\n]*)\2\s*(?:#.*)?$""")
_PY_CALL = late(
    r"(?P<call>\bcaffe\.(?:get_solver|[A-Z]\w*Solver)|\.net\.copy_from|\.restore)"
    rf"\s*\(\s*{_LITERAL}\s*[,)]"
)


def _python(text: str, script: str, start: str, top: str) -> list[Launch]:
    """Launches through pycaffe, and commands that are written in a line of Python."""
    values: dict[str, str] = {}
    found: list[Launch] = []
    opaque = "copy_from" in text or ".params[" in text
    shell = _Shell(script, start, top, prose=False)
    for number, line in enumerate(text.splitlines(), 1):
        if line.lstrip().startswith("#"):
            continue
        if assigned := _PY_ASSIGNED().match(line):
            values[assigned[1]] = assigned[3]
        if "-solver" in line and "add_argument" not in line:
            for words in _commands(re.sub(r"[\"',\[\]]|\\n", " ", line)):
                shell.read(words, number)
        for call in _PY_CALL().finditer(line):
            value = call["text"] if call["q"] else values.get(call["name"], "")
            launch = Launch(script, number, start, top, value, caffe=False)
            _take_call(found, call["call"], value, launch)
    # Without a name that can be read, what such a script loads is unknown.
    known = [one for one in found if one.weights or one.snapshot or not opaque]
    return known + shell.launches


def _take_call(found: list[Launch], call: str, value: str, launch: Launch) -> None:
    if not call.startswith("."):
        if value:
            found.append(launch)
    elif found and value:
        last = found[-1]
        if call == ".restore":
            found[-1] = replace(last, snapshot=value)
        else:
            found[-1] = replace(last, weights=(*last.weights, value))


# Whether a launch means a certain file


def fit(launch: Launch, solver: Path) -> int:
    """How surely the launch names this solver file (a real path): 2, 1, or 0 for not at all.

    The path in a script counts from where it is run: its own directory or one above it, up to the
    top of the tree. Where it leads to no file from there, the project has been moved: a script
    beside a solver of that name means that one, else the last parts are compared.
    """
    written = _UNKNOWN().sub("*", launch.solver.replace("\\", "/"))
    name = written.rpartition("/")[2]
    if not _fits(solver.name, name) or len(name.replace("*", "")) < _SHORTEST_NAME:
        return 0
    bases = list(_bases(launch))
    for base in bases:
        if _same(posixpath.normpath(posixpath.join(base, written)).split("/"), solver):
            return 2
    if "*" not in written:
        if any(Path(base, written).is_file() for base in bases):
            return 0
        if Path(launch.start) == solver.parent:
            return 1
    return int(_ends_alike(written, solver))


def _bases(launch: Launch) -> Iterator[str]:
    """Directories that its paths may count from."""
    start = Path(launch.start)
    for folder in (start, *start.parents):
        if launch.directory:
            yield posixpath.normpath(posixpath.join(folder.as_posix(), launch.directory))
        yield folder.as_posix()
        if folder.as_posix() == launch.top:
            return


def _same(parts: list[str], solver: Path) -> bool:
    own = solver.as_posix().split("/")
    return len(parts) == len(own) and all(map(_fits, own, parts))


def _ends_alike(written: str, solver: Path) -> bool:
    """Whether the last parts agree: all of a relative path, at least two of an absolute one."""
    own = solver.as_posix().split("/")
    parts = posixpath.normpath(written).split("/")
    absolute = written.startswith(("/", "~", "*")) or bool(re.match("[A-Za-z]:", written))
    while parts[0] in ("..", ".", "", "*"):  # the last one is a file's name
        parts = parts[1:]
    if absolute:
        parts = parts[-2:]
    return len(parts) >= 2 and len(own) > len(parts) and all(map(_fits, own[-len(parts) :], parts))


def _fits(name: str, pattern: str) -> bool:
    """Whether a name is the pattern's, in which ``*`` stands for unknown text."""
    if "*" not in pattern:
        return name == pattern
    return _matcher(pattern).fullmatch(name) is not None


@lru_cache(maxsize=1024)
def _matcher(pattern: str) -> re.Pattern[str]:
    pieces = re.split(r"\*+", pattern)
    if len(pieces) > 8:  # names with so many unknowns match by chance, and slowly
        return re.compile(r"(?!)")
    return re.compile(".*".join(map(re.escape, pieces)))
