"""What earlier runs have found, for files about which nothing has changed.

A part of a report is kept with every question that it was made from: what files hold, which are
there and which are not, what is set. It is used again when all answers are the same. One file in
the user's cache directory has the parts of one working directory, one version of caffelint with
its libraries, and one set of options. It is data and no code; one that is broken, or may have been
written by somebody else, is no cache at all, and what cannot be written is not kept.
"""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from hashlib import sha256
from importlib import import_module, metadata
from pathlib import Path
from typing import Any

import msgspec

from .core.files import replace_file
from .core.looking import QUESTIONS, Look, Looks, digest, name_of, noting
from .core.source import Source
from .parts import Part
from .reading import bytes_of
from .resources import proto_folder, rules_folder
from .workers import Each

_FORMAT = b"caffelint results 1\n"
_LIBRARIES = ("cel-expr-python", "grpcio-tools", "h5py", "msgspec", "numpy", "pillow", "protobuf",
              "PyYAML")  # fmt: skip
_MOST_OF_PART = 4 << 20
_MOST_OF_FILE = 64 << 20
_MOST_OF_ALL = 256 << 20

_Answers = Mapping[str, Callable[[str], object]]
"""What answers questions about the run, by name."""


class _Entry(msgspec.Struct, array_like=True):
    """A part as it is kept. ``sources`` are the texts that it points into: the name of each, and
    the number of the question that was answered with its text, or else the text.
    """

    looks: list[tuple[str, tuple[str | int | None, ...], bytes]]
    sources: list[tuple[str, int | str]]
    part: msgspec.Raw


class Results:
    """The results of earlier runs in ``folder``; ``options`` are what tells runs in the same
    directory apart.
    """

    def __init__(self, folder: Path, options: object) -> None:
        self._folder = folder / "results"
        about = (_environment(), str(Path.cwd()), repr(options))
        self._file = self._folder / digest(about).hex()
        self._entries: dict[bytes, bytes] = {}
        """Parts by their keys, those used last in front."""
        with suppress(OSError):
            if _is_ours(self._folder):
                self._entries = _read(self._file)

    @contextmanager
    def kept(self, answers: _Answers) -> Iterator[Callable[[Each], Each]]:
        """Makes of what makes parts something that makes only those that are not known yet. What is
        new is known for the next run when the block ends.
        """
        asked = _Asked(answers)
        used: dict[bytes, bytes] = {}
        made = False

        def parts(
            each: Each, work: Callable[[Any, Any], Any], items: Sequence[Any]
        ) -> Iterable[Any]:
            nonlocal made
            keys = _keys(work.__name__, items)
            known = [self._known(key, asked) for key in keys]
            new = [item for item, part in zip(items, known, strict=True) if part is None]
            anew = iter(each(partial(_noted, work), new))
            for key, part in zip(keys, known, strict=True):
                if part is not None and key is not None:
                    used[key] = self._entries[key]
                    yield part
                    continue
                result, looks = next(anew)
                if key is not None and (entry := _packed(result, looks)) is not None:
                    used[key], made = entry, True
                yield result

        try:
            yield lambda each: partial(parts, each)
        finally:
            self._entries = used | {k: v for k, v in self._entries.items() if k not in used}
            with suppress(OSError):
                self._write() if made else self._touch()

    def _known(self, key: bytes | None, asked: _Asked) -> Part | None:
        data = self._entries.get(key) if key is not None else None
        if data is None:
            return None
        try:
            entry = _ENTRIES.decode(data)
            if all(asked.holds((name, about), answer) for name, about, answer in entry.looks):
                return _unpacked(entry, asked)
        except (msgspec.MsgspecError, ValueError, LookupError):
            pass
        return None

    def _write(self) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not _is_ours(self._folder):
            return
        kept: list[tuple[bytes, bytes]] = []
        size = 0
        for key, entry in self._entries.items():
            size += len(entry)
            if size > _MOST_OF_FILE:
                break
            kept.append((key, entry))
        body = msgspec.msgpack.encode(kept)
        replace_file(self._file, _FORMAT + sha256(body).digest() + body)
        _tidy(self._folder)

    def _touch(self) -> None:
        """The file was of use: it is not the first to go."""
        if self._entries:
            os.utime(self._file)


class _Asked:
    """Answers as they are now, each found out once."""

    def __init__(self, answers: _Answers) -> None:
        self._answers = answers
        self._known: dict[Look, bytes] = {}
        self._contents: dict[Look, bytes] = {}
        self.sources: dict[tuple[str, Look | str], Source] = {}

    def holds(self, look: Look, answer: bytes) -> bool:
        """Whether a question has this answer."""
        now = self._known.get(look)
        if now is None:
            now = self._known[look] = self._ask(look)
        return now == answer != b""

    def _ask(self, look: Look) -> bytes:
        name, about = look
        ask = self._answers.get(name) or _question(name)
        try:
            answer = ask(*about)  # type: ignore[arg-type]
        except (OSError, ValueError) as error:
            return digest(error)
        except Exception:  # noqa: BLE001 - it will be raised again where it can be told of
            return b""
        if isinstance(answer, bytes) and name == name_of(bytes_of):
            self._contents[look] = answer
        return digest(answer)

    def source(self, name: str, where: Look | str) -> Source:
        """A text under a name: the content of a file, or as it is given."""
        key = (name, where)
        if key not in self.sources:
            if isinstance(where, str):
                self.sources[key] = Source(name, where)
            else:
                self.sources[key] = Source.from_bytes(name, self._contents[where])
        return self.sources[key]


def _question(name: str) -> Callable[..., object]:
    """A question about the file system, which may stand in a module that nobody has needed yet."""
    if name not in QUESTIONS and name.startswith(f"{__package__}."):
        with suppress(ImportError):
            import_module(name.rpartition(".")[0])
    return QUESTIONS[name]


def _noted(work: Callable[[Any, Any], Part], worker: object, item: object) -> tuple[Part, Looks]:
    """A part, and what it was made from."""
    with noting() as looks:
        return work(worker, item), looks


def _keys(work: str, items: Sequence[object]) -> list[bytes | None]:
    """What parts are known by: the work that made them, and what it was done with."""
    texts: dict[int, bytes] = {}

    def text(one: object) -> bytes:
        # The outlines of a directory stand in the items of many files.
        if id(one) not in texts:
            texts[id(one)] = msgspec.msgpack.encode(one, enc_hook=str)
        return texts[id(one)]

    def key(item: Any) -> bytes | None:
        try:
            return digest(b"\0".join([work.encode(), *map(text, item)]))
        except ValueError:  # a name that is no UTF-8
            return None

    return [key(item) for item in items]


# A part as bytes, and back


def _packed(part: Part, looks: Looks) -> bytes | None:
    """A part to be kept, if it can be."""
    texts = {look: number for number, look in enumerate(looks) if look[0] == name_of(bytes_of)}
    by_digest = {looks[look]: number for look, number in texts.items()}
    sources: dict[int, int] = {}
    told: list[tuple[str, int | str]] = []

    def plain(one: object) -> object:
        if not isinstance(one, Source):
            return str(one)
        if id(one) not in sources:
            sources[id(one)] = len(told)
            told.append((one.name, by_digest.get(digest(one.to_bytes()), one.text)))
        return sources[id(one)]

    try:
        raw = msgspec.Raw(msgspec.msgpack.encode(part, enc_hook=plain))
        entry = _Entry([(*look, answer) for look, answer in looks.items()], told, raw)
        data = msgspec.msgpack.encode(entry)
    except ValueError:  # a text that is no UTF-8
        return None
    return data if len(data) <= _MOST_OF_PART and b"" not in looks.values() else None


_ENTRIES = msgspec.msgpack.Decoder(_Entry)


def _unpacked(entry: _Entry, asked: _Asked) -> Part:
    def made(type_: type, one: Any) -> object:
        if type_ is not Source:
            return type_(one)
        name, where = entry.sources[one]
        return asked.source(name, where if isinstance(where, str) else entry.looks[where][:2])

    return msgspec.msgpack.decode(entry.part, type=Part, dec_hook=made)


# Files


def _read(file: Path) -> dict[bytes, bytes]:
    """The parts in a file; none where it is not as it was written."""
    with file.open("rb") as opened:
        data = opened.read(len(_FORMAT) + 32 + 2 * _MOST_OF_FILE)
    start = len(_FORMAT) + 32
    body = memoryview(data)[start:]
    if data[:start] != _FORMAT + sha256(body).digest():
        return {}
    try:
        return dict(msgspec.msgpack.decode(body, type=list[tuple[bytes, bytes]]))
    except msgspec.MsgspecError:
        return {}


def _is_ours(folder: Path) -> bool:
    """Whether nobody else can have put anything into a directory."""
    state = folder.lstat()
    if not stat.S_ISDIR(state.st_mode):
        return False
    return os.name == "nt" or (state.st_uid == os.geteuid() and not state.st_mode & 0o022)


def _tidy(folder: Path) -> None:
    """Remove what was of use longest ago, where there is too much."""
    states = [(one, one.lstat()) for one in folder.iterdir()]
    size = 0
    for path, state in sorted(states, key=lambda one: one[1].st_mtime, reverse=True):
        size += state.st_size
        if size > _MOST_OF_ALL:
            path.unlink(missing_ok=True)


def _environment() -> tuple[object, ...]:
    """What decides results besides files and settings: the code, and what it runs on."""
    content = sha256()
    for top in (Path(__file__).parent, proto_folder(), rules_folder()):
        for folder, folders, names in os.walk(top):
            folders.sort()
            for name in sorted(names):
                if name.endswith((".py", ".yaml", ".desc")):
                    with open(os.path.join(folder, name), "rb") as file:  # noqa: PTH118, PTH123
                        content.update(f"{name}\0".encode() + file.read() + b"\0")
    return (content.hexdigest(), sys.version, sys.platform, *map(_version, _LIBRARIES))


def _version(library: str) -> str:
    try:
        return metadata.version(library)
    except metadata.PackageNotFoundError:
        return ""
