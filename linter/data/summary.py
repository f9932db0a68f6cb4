"""One source of data by itself: what is in it, and what is wrong, for ``caffelint data``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

from msgspec import Struct, field

from ..core.looking import is_directory, is_file
from ..core.problem import Problem
from ..core.source import Source, Span
from ..schema.descriptor import Schema
from .database import Database, database_kind, read_database
from .hdf5 import SIGNATURE, Hdf5Error, Hdf5File, h5py, read_hdf5
from .hdf5list import ListedFile, file_problems, list_words, set_labels
from .imagefiles import open_images
from .labels import Classes, Labels, Use, label_problems
from .limits import Limits
from .lists import read_image_list, read_text
from .mean import MeanError, read_mean
from .paths import Found, head, shown

_MOST_BARS = 20
_BAR = 40
_MOST_SIZES = 5


class DataError(Exception):
    """The path cannot be looked at; the message says why."""


class Summary(Struct):
    """What one source holds.

    ``count`` is its number of examples, ``whole`` whether that was counted rather than
    extrapolated. ``sizes`` counts the sizes of samples, as ``3×256×256``. ``sets`` describes the
    data sets of an HDF5 file. ``found`` are the problems with the source each stands in.
    """

    name: str
    kind: str
    count: int = 0
    whole: bool = True
    looked: int = 0
    there: int | None = None
    encoded: int | None = None
    sizes: Counter[str] = field(default_factory=Counter)
    sets: list[dict[str, object]] = field(default_factory=list)
    labels: Labels = field(default_factory=Labels)
    found: list[tuple[Source, list[Problem]]] = field(default_factory=list)
    needs: set[str] = field(default_factory=set)


def summarise(
    path: Path, classes: int | None, root: Path | None, schema: Schema, limits: Limits
) -> Summary:
    """Look at a list, a database, an HDF5 file or a mean file.

    Raises:
        DataError: where it is none of these, or cannot be read.
    """
    use = Use(Classes(classes, f"--classes {classes}") if classes is not None else None)
    start = Found(path, root if root is not None else _start(path))
    try:
        if database_kind(path):
            return _database(path, use, schema, limits)
        if is_directory(path):
            raise DataError(f"{path}: the directory holds no LMDB (data.mdb)")
        if not is_file(path):
            raise DataError(f"{path}: not a regular file")
        beginning = head(path, 4096)
        if beginning.startswith(SIGNATURE):
            return _hdf5(path, use, limits)
        if path.suffix == ".binaryproto":
            return _mean(path, schema)
        return _hdf5_list(start, use, limits) or _image_list(start, use, limits)
    except OSError as error:
        raise DataError(f"{path}: {error.strerror or error}") from error


def _start(path: Path) -> Path | None:
    """The directory that relative names count from: the working directory, as for Caffe."""
    return Path() if not path.is_absolute() else None


def _database(path: Path, use: Use, schema: Schema, limits: Limits) -> Summary:
    datum = schema.message_type("Datum")
    read: Database = read_database(path, datum, limits)
    if read.kind == "LEVELDB":
        raise DataError(
            f"{path}: a LevelDB; only LMDB can be read (convert it, or see docs/data.md)"
        )
    result = Summary(shown(path), "LMDB of Datum", read.count, looked=read.looked)
    result.encoded, result.labels = read.encoded, read.labels
    result.sizes = _sizes(read.sizes)
    result.needs = {read.needs} if read.needs else set()
    nowhere = Span(0, 0)
    problems = read.problems(path.as_posix(), nowhere)
    problems += label_problems(read.labels, use, nowhere)
    result.found.append((Source(shown(path), ""), problems))
    return result


def _image_list(found: Found, use: Use, limits: Limits) -> Summary:
    images = read_image_list(found.path, limits)
    files = open_images(images, "", True, found, found.path, None, limits)
    result = Summary(shown(found.path), "list of images", images.count, images.text.whole)
    result.looked, result.there, result.labels = files.looked, files.there, images.labels
    result.sizes = _sizes(files.sizes)
    result.needs = files.needs
    problems = images.problems()
    if not images.count:
        values = {"source": found.path.as_posix(), "what": "images"}
        problems.append(Problem("list-empty", Span(0, 0), values))
    problems += label_problems(images.labels, use, Span(0, 0))
    result.found.append((images.source, problems + files.problems))
    return result


def _hdf5(path: Path, use: Use, limits: Limits) -> Summary:
    module = h5py()
    result = Summary(shown(path), "HDF5 file")
    if module is None:
        result.needs.add("h5py")
        return result
    file = ListedFile(path.as_posix(), Span(0, 0), path)
    try:
        file.content = read_hdf5(path, None, limits, module)
    except Hdf5Error as error:
        file.error = str(error)
    problems = list(file_problems(file, ()))
    if file.content is not None:
        problems += _take_sets(result, file, file.content, use)
    result.found.append((Source(shown(path), ""), problems))
    return result


def _take_sets(result: Summary, file: ListedFile, content: Hdf5File, use: Use) -> list[Problem]:
    problems: list[Problem] = []
    for name, one in content.sets.items():
        result.count = one.shape[0] if one.shape else 0
        about: dict[str, object] = {"name": name, "shape": list(one.shape), "type": one.type}
        if not one.fault:
            about |= {"lowest": one.low, "highest": one.high, "finite": one.finite}
        result.sets.append(about)
        if "label" in name.lower() and one.labels:
            problems += set_labels(file, one, use)
            for value in one.labels:
                result.labels.add(int(value))
            result.labels.whole = one.whole
    return problems


def _hdf5_list(found: Found, use: Use, limits: Limits) -> Summary | None:
    """A list of HDF5 files, by the names in it; its first file is looked at."""
    text = read_text(found.path, limits)
    first = [] if text.form else [name for name, _ in islice(list_words(text), _MOST_BARS)]
    if not first or not all(name.endswith((".h5", ".hdf5")) for name in first):
        return None
    names = list(list_words(text))
    name, span = names[0]
    path = (found.start or Path()) / name
    result = Summary(shown(found.path), f"list of {len(names)} HDF5 files")
    lost = [
        Problem("listed-file-missing", where, {"path": name, "files": f"1 of {len(names)}"})
        for name, where in names
        if not is_file((found.start or Path()) / name)
    ]
    if is_file(path):
        inner = _hdf5(path, use, limits)
        result.sets, result.needs, result.labels = inner.sets, inner.needs, inner.labels
        result.found += [
            (text.source, [_moved(problem, span) for problem in problems])
            for _, problems in inner.found
        ]
    result.found.append((text.source, lost[:_MOST_BARS]))
    return result


def _moved(problem: Problem, span: Span) -> Problem:
    return Problem(problem.kind, span, problem.values, rejects=problem.rejects)


def _mean(path: Path, schema: Schema) -> Summary:
    blob = schema.message_type("BlobProto")
    result = Summary(shown(path), "mean file", 1)
    try:
        result.sizes["×".join(map(str, read_mean(path, blob)))] = 1
    except MeanError as error:
        values = {"mean_file": path.as_posix(), "reason": str(error)}
        problem = Problem("mean-file-unreadable", Span(0, 0), values)
        result.found.append((Source(shown(path), ""), [problem]))
    return result


def _sizes(sizes: Counter[tuple[int, int, int]]) -> Counter[str]:
    return Counter({"×".join(map(str, size)): number for size, number in sizes.items()})


# For people and programs


def document(summary: Summary) -> dict[str, object]:
    """The summary for JSON."""
    labels = summary.labels
    result: dict[str, object] = {
        "name": summary.name,
        "kind": summary.kind,
        "count": summary.count,
        "counted": summary.whole,
        "looked_at": summary.looked,
        "sizes": dict(summary.sizes.most_common()),
    }
    if summary.there is not None:
        result["found"] = summary.there
    if summary.encoded is not None:
        result["encoded"] = summary.encoded
    if summary.sets:
        result["sets"] = summary.sets
    if labels.counts:
        result["labels"] = {
            "lowest": min(labels.counts),
            "highest": max(labels.counts),
            "different": len(labels.counts),
            "all_read": labels.whole,
            "sorted": labels.in_blocks,
            "counts": {str(label): labels.counts[label] for label in sorted(labels.counts)},
        }
    return result


def lines(summary: Summary) -> list[str]:
    """The summary as lines of text."""
    result = [f"{summary.name}: {summary.kind}"]
    facts = [*_counts(summary), *_set_lines(summary.sets), *_label_facts(summary.labels)]
    result += [f"  {name:<10} {words}" for name, words in facts]
    return result + histogram(summary.labels.counts)


def _counts(summary: Summary) -> list[tuple[str, str]]:
    facts = []
    if summary.count:
        about = "" if summary.whole else "about "
        facts.append(("examples", f"{about}{summary.count:,}"))
    if summary.looked:
        words = f"{summary.looked:,}"
        if summary.there is not None:
            words += f" files, {summary.there:,} of them found"
        if summary.encoded is not None:
            words += f" records, {summary.encoded:,} of them encoded images"
        facts.append(("looked at", words))
    if summary.sizes:
        sizes = summary.sizes.most_common(_MOST_SIZES)
        words = ", ".join(f"{size} ({number:,})" for size, number in sizes)
        more = len(summary.sizes) - len(sizes)
        facts.append(("sizes", words + (f" and {more} more" if more else "")))
    return facts


def _set_lines(sets: Sequence[dict[str, object]]) -> list[tuple[str, str]]:
    result = []
    for one in sets:
        shape = one["shape"]
        assert isinstance(shape, list)
        words = f"{'×'.join(map(str, shape)) or 'scalar'} {one['type']}"
        if "lowest" in one:
            words += f", {one['lowest']:g} to {one['highest']:g}"
        result.append((f'"{one["name"]}"', words))
    return result


def _label_facts(labels: Labels) -> list[tuple[str, str]]:
    if not labels.counts:
        return []
    words = f"{min(labels.counts)} to {max(labels.counts)}, {len(labels.counts):,} different"
    if not labels.whole:
        words += f" in {labels.seen:,} looked at"
    facts = [("labels", words)]
    if labels.in_blocks:
        facts.append(("order", "all examples of a label stand together"))
    return facts


def histogram(counts: Counter[int]) -> list[str]:
    """How often each label stands there; many labels are put together in equal ranges."""
    if not counts:
        return []
    low, high = min(counts), max(counts)
    width = 1 if len(counts) <= _MOST_BARS else -(-(high - low + 1) // _MOST_BARS)
    bars: Counter[int] = Counter()
    for label, number in counts.items():
        bars[label if len(counts) <= _MOST_BARS else low + (label - low) // width * width] += number
    names = {at: f"{at}" if width == 1 else f"{at} to {min(at + width - 1, high)}" for at in bars}
    margin, most = max(map(len, names.values())), max(bars.values())
    rows = []
    for at in sorted(bars):
        bar = "█" * max(1, round(_BAR * bars[at] / most))
        rows.append(f"  {names[at]:>{max(10, margin)}} {bar} {bars[at]:,}")
    return rows
