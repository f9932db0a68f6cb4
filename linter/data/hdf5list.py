"""The list of HDF5 files that HDF5Data reads, and what the files hold for its tops."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from msgspec import Struct, field

from ..core.alike import closest
from ..core.looking import is_file
from ..core.problem import Problem
from ..core.source import Span
from ..model.files import start_directories
from ..model.net import Layer
from ..model.shapes.setup import signed
from ..schema.message import Message
from .hdf5 import SIGNATURE, DataSet, Hdf5Error, Hdf5File, h5py, read_hdf5
from .labels import Labels, Use, classes_of, label_problems
from .limits import Limits, evenly
from .lists import Text, read_text
from .paths import Found, head

_MOST_FILES = 16
"""So many files of a list are opened, evenly taken."""

_MOST_LISTED = 8

_MOST_BYTES = 1 << 20
"""Of a longer list no more is read: every word of it is a name."""


class ListedFile(Struct):
    """One file of the list: its place there, and what was read of it or why it was not."""

    name: str
    span: Span
    path: Path | None
    content: Hdf5File | None = None
    error: str = ""


class Hdf5List(Struct):
    """A list as read. ``files`` are the sampled ones, ``total`` is how many are listed."""

    text: Text
    start: Path | None
    files: list[ListedFile] = field(default_factory=list)
    total: int = 0
    needs: set[str] = field(default_factory=set)
    is_hdf5: bool = False

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shapes of the data sets in the first file, which decides those of the tops."""
        first = self.files[0].content if self.files else None
        if first is None:
            return {}
        return {name: one.shape for name, one in first.sets.items() if not one.fault}

    @property
    def rows(self) -> int | None:
        """How many examples all files have together, where all were looked at."""
        counts = [self._rows(file) for file in self.files]
        if len(counts) < self.total or None in counts:
            return None
        return sum(count for count in counts if count is not None) or None

    @staticmethod
    def _rows(file: ListedFile) -> int | None:
        sets = list(file.content.sets.values()) if file.content is not None else []
        return sets[0].shape[0] if sets and sets[0].shape else None


def read_hdf5_list(
    found: Found, root: Path | None, tops: Sequence[str] | None, limits: Limits
) -> Hdf5List:
    """Read a list and the data sets of its files that are named as ``tops``; all if that is None.

    Raises:
        OSError: if the list cannot be read.
    """
    if head(found.path, len(SIGNATURE)) == SIGNATURE:
        text = read_text(found.path, Limits(list_bytes=0))
        return Hdf5List(text, found.start, is_hdf5=True)
    text = read_text(found.path, limits._replace(list_bytes=_MOST_BYTES))
    result = Hdf5List(text, found.start)
    if text.form:
        return result
    names = list(list_words(text))
    result.total = len(names)
    bases = [found.start] if found.start is not None else list(start_directories(found.path, root))
    module = h5py()
    if module is None:
        result.needs.add("h5py")
    chosen = [names[i] for i in evenly(len(names), _MOST_FILES)]
    for name, span in limits.progress(chosen, "reading HDF5 files"):
        path = next((base / name for base in bases if is_file(base / name)), None)
        file = ListedFile(name, span, path)
        result.files.append(file)
        if path is None or module is None:
            continue
        try:
            file.content = read_hdf5(path, tops, limits, module)
        except Hdf5Error as error:
            file.error = str(error)
    return result


def list_words(text: Text) -> Iterator[tuple[str, Span]]:
    """The list is read word by word, so a name ends at any blank."""
    for start, line in text.lines():
        at = 0
        for word in line.split():
            at = line.index(word, at)
            yield word, Span(start + at, start + at + len(word))
            at += len(word)


# What is wrong: problems, each with whether it stands in the list or else at the layer


def list_problems(
    files: Hdf5List, layer: Layer, own: Message, training: bool
) -> Iterator[tuple[Problem, bool]]:
    """Problems of a list's files against the layer that reads them."""
    span = own.span("source")
    if files.text.form:
        form = {"form": files.text.form, "lines": ""}
        yield Problem("list-not-text", files.text.line_of(0), form, rejects=False), True
    elif not files.total:
        values = {"source": own.get("source"), "what": "HDF5 files"}
        yield Problem("list-empty", span, values, layer=layer.name), False
    else:
        yield from _missing(files, layer, own)
        for file in files.files:
            for problem in file_problems(file, layer.top_names):
                yield problem, True
        for problem in _reshaped(files):
            yield problem, True
        for problem in _label_problems(files, layer, own, training):
            yield problem, True


def _missing(files: Hdf5List, layer: Layer, own: Message) -> Iterator[tuple[Problem, bool]]:
    lost = [file for file in files.files if file.path is None]
    if not lost:
        return
    if len(lost) < len(files.files):
        also = tuple((file.span, "nor this one") for file in lost[1:4])
        number = f"{len(lost)} of {len(files.files)}"
        values: dict[str, object] = {"path": lost[0].name, "files": number}
        yield Problem("listed-file-missing", lost[0].span, values, also, rejects=False), True
        return
    values = {
        "layer": layer.name,
        "source": own.get("source"),
        "looked": len(lost),
        "example": lost[0].name,
    }
    problem = Problem(
        "listed-files-not-found", own.span("source"), values, layer=layer.name, rejects=False
    )
    yield problem, False


def file_problems(file: ListedFile, tops: Sequence[str]) -> Iterator[Problem]:
    """Problems of one file by itself."""
    values: dict[str, object] = {"path": file.name}
    if file.error:
        yield Problem("hdf5-unreadable", file.span, {**values, "reason": file.error}, rejects=False)
    if file.content is None:
        return
    sets, names = file.content.sets, file.content.names
    for top in tops:
        if top not in sets:
            listed = ", ".join(f'"{name}"' for name in names[:_MOST_LISTED]) or "none"
            found = {**values, "top": top, "names": listed, "suggestion": closest(top, names)}
            yield Problem("hdf5-set-missing", file.span, found, rejects=False)
    for name, one in sets.items():
        yield from _set_problems(file, name, one)
    rows = {name: one.shape[0] for name, one in sets.items() if one.shape}
    if len(set(rows.values())) > 1:
        words = ", ".join(f'"{name}" {number}' for name, number in rows.items())
        yield Problem("hdf5-rows-differ", file.span, {**values, "words": words}, rejects=False)


def _set_problems(file: ListedFile, name: str, one: DataSet) -> Iterator[Problem]:
    shape = "×".join(map(str, one.shape)) or "scalar"
    values = {"path": file.name, "name": name, "shape": shape, "type": one.type}
    if one.fault:
        yield Problem(f"hdf5-set-{one.fault}", file.span, values, rejects=False)
    elif not one.finite:
        yield Problem("hdf5-not-finite", file.span, values, rejects=False)


def _reshaped(files: Hdf5List) -> Iterator[Problem]:
    """The tops are shaped once, by the first file; rows of others are copied as if they fitted."""
    shapes = files.shapes
    for file in files.files[1:]:
        for name, one in file.content.sets.items() if file.content is not None else ():
            wanted = shapes.get(name)
            if wanted is not None and not one.fault and one.shape[1:] != wanted[1:]:
                values = {
                    "path": file.name,
                    "name": name,
                    "shape": "×".join(map(str, one.shape[1:])) or "one value",
                    "wanted": "×".join(map(str, wanted[1:])) or "one value",
                    "first": files.files[0].name,
                }
                yield Problem("hdf5-shape-changes", file.span, values, rejects=False)


def _label_problems(
    files: Hdf5List, layer: Layer, own: Message, training: bool
) -> Iterator[Problem]:
    # What holds for all labels together can be said where they are all in one file.
    trains, mixed = training and files.total == 1, bool(own.get("shuffle"))
    batch = max(1, signed(own.get("batch_size")))
    for top in layer.tops:
        use = Use(classes_of(top), trains, mixed, batch)
        for file in files.files if use.classes is not None else ():
            one = file.content.sets.get(top.name) if file.content is not None else None
            found = list(set_labels(file, one, use)) if one is not None else []
            if found:
                yield from found
                break  # the other files were made by the same script


def set_labels(file: ListedFile, one: DataSet, use: Use) -> Iterator[Problem]:
    """Problems of a data set that holds class numbers; they are cut to integers when read."""
    labels = Labels(whole=one.whole, total=one.shape[0] if one.shape else 0)
    for value in one.labels:
        labels.add(int(value), file.span)
    fractional = next((value for value in one.labels if value != int(value)), None)
    if fractional is not None:
        values = {"path": file.name, "label": f"{fractional:g}", "cut": int(fractional)}
        yield Problem("hdf5-fractional-label", file.span, values, rejects=False)
    if labels.counts:
        yield from label_problems(labels, use, file.span)
