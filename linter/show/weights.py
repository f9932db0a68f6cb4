"""What a weights file or a solver's snapshot holds: layers, shapes, statistics of the values.

``document`` gives it to programs and ``text`` to people; both leave it to the caller to print them.
Values are looked at in bounded samples, see ``model.blob_values``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from math import isfinite, prod
from pathlib import Path
from typing import Any

from msgspec import Struct
from msgspec.structs import asdict

from ..model.blob_values import MANY, Statistics, statistics
from ..model.shapes.setup import in_words, shown
from ..model.weights import StoredBlob, StoredLayer, Weights, read_state, read_weights
from ..resources import load_schema
from ..schema.upgrade_v1 import V1_TYPES

VERSION = 1

_FORMS = {
    "layer": "binary",
    "layers": "binary with V1 layers",
    "V0 layers": "binary with V0 layers",
    "HDF5": "HDF5",
    "solver state": "solver state",
}
_LONGEST_NAME = 40


class Shown(Struct, frozen=True):
    """A file with the statistics of every blob, in the order of layers and blobs."""

    weights: Weights
    numbers: dict[tuple[int, int], Statistics]
    types: tuple[str, ...]


def read(path: Path) -> Shown:
    """Read a file, and look at its values; a name with ``.solverstate`` is a solver's snapshot.

    Raises:
        caffelint.model.weights.WeightsError: if it cannot be read.
    """
    state = ".solverstate" in path.suffixes
    weights = read_state(path) if state else read_weights(path)
    with path.open("rb") as file:
        numbers = {
            (i, j): statistics(file, blob)
            for i, layer in enumerate(weights.layers)
            for j, blob in enumerate(layer.blobs)
            if blob is not None
        }
    return Shown(weights, numbers, tuple(map(_type, weights.layers)))


def _type(layer: StoredLayer) -> str:
    """The type in its current spelling; empty where the file has none, as in HDF5."""
    if layer.v1_type is None:
        return layer.type
    v1 = load_schema().net.fields["layers"].message
    enum = v1.fields["type"].enum if v1 is not None else None
    names = {number: name for name, number in enum.numbers.items()} if enum is not None else {}
    return V1_TYPES.get(names.get(layer.v1_type, ""), f"V1 type {layer.v1_type}")


# For programs


def document(view: Shown) -> dict[str, Any]:
    """The file as a JSON document; numbers that are not finite are None."""
    weights = view.weights
    layers = [
        {
            "name": layer.name,
            "type": view.types[i],
            "blobs": [
                _blob(j, blob, view.numbers[i, j])
                for j, blob in enumerate(layer.blobs)
                if blob is not None
            ],
        }
        for i, layer in enumerate(weights.layers)
    ]
    return {
        "version": VERSION,
        "file": weights.path.as_posix(),
        "form": weights.form,
        "bytes": weights.size,
        "state": weights.state,
        "layers": layers,
        "totals": {
            "layers": len(layers),
            "layers_with_blobs": sum(layer.held > 0 for layer in weights.layers),
            "blobs": len(view.numbers),
            "values": _values(weights),
            "nan": sum(each.nan for each in view.numbers.values()),
            "infinite": sum(each.infinite for each in view.numbers.values()),
        },
    }


def _blob(index: int, blob: StoredBlob, numbers: Statistics) -> dict[str, Any]:
    values = {
        name: value if not isinstance(value, float) or isfinite(value) else None
        for name, value in asdict(numbers).items()
    }
    return {
        "index": index,
        "shape": list(blob.shape),
        "legacy_shape": blob.legacy,
        "values": blob.stored,
        "statistics": values,
    }


def _values(weights: Weights) -> int:
    return sum(blob.stored for layer in weights.layers for blob in layer.blobs if blob is not None)


# For people

_TITLES = ("layer", "type", "blob", "shape", "values", "min", "max", "mean", "std", "")
_RIGHT = range(4, 9)


def text(view: Shown, safe: Callable[[str], str] = str) -> str:
    """The file as a table with totals; ``safe`` makes text from the file fit for printing."""
    weights = view.weights
    rows = [_TITLES, *_rows(view, safe)]
    shown_columns = [i for i in range(len(_TITLES)) if any(row[i] for row in rows[1:])]
    widths = {i: max(len(row[i]) for row in rows) for i in shown_columns}
    lines = [safe(str(weights.path)), _title(view), *_state(weights, safe), ""]
    for row in rows if view.numbers else []:
        cells = [
            row[i].rjust(widths[i]) if i in _RIGHT else row[i].ljust(widths[i])
            for i in shown_columns
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join([*lines, *_notes(view)]) + "\n"


def _title(view: Shown) -> str:
    weights = view.weights
    parts = [_FORMS[weights.form], f"{weights.size:,} bytes"]
    if weights.form != "solver state":
        held = sum(layer.held > 0 for layer in weights.layers)
        parts.append(f"{in_words(len(weights.layers), 'layer')}, {held} with blobs")
    values = _values(weights)
    many = f"{values:,} value{'' if values == 1 else 's'}"
    return ", ".join([*parts, f"{many} in {in_words(len(view.numbers), 'blob')}"])


def _state(weights: Weights, safe: Callable[[str], str]) -> Iterator[str]:
    names = {"iter": "iteration", "current_step": "steps taken", "learned_net": "weights"}
    for field, words in names.items():
        if field in weights.state:
            yield f"{words}: {safe(str(weights.state[field]))}"


def _rows(view: Shown, safe: Callable[[str], str]) -> Iterator[Sequence[str]]:
    for i, layer in enumerate(view.weights.layers):
        names = [_cut(safe(layer.name)), _cut(safe(view.types[i]))]
        for j, blob in enumerate(layer.blobs):
            if blob is None:
                continue
            numbers = view.numbers[i, j]
            sampled = "~" if 0 < numbers.looked_at < blob.stored else ""
            measures = (numbers.minimum, numbers.maximum, numbers.mean, numbers.std)
            yield (
                *names,
                str(j),
                shown(blob.shape),
                f"{blob.stored:,}",
                *("" if number is None else f"{sampled}{number:.3g}" for number in measures),
                ", ".join(_remarks(blob, numbers)),
            )
            names = ["", ""]


def _remarks(blob: StoredBlob, numbers: Statistics) -> Iterator[str]:
    if numbers.nan:
        yield f"{numbers.nan:,} nan"
    if numbers.infinite:
        yield f"{numbers.infinite:,} infinite"
    if numbers.looked_at and numbers.zeros == numbers.looked_at:
        yield "all 0"
    elif numbers.zeros:
        yield f"{numbers.zeros / numbers.looked_at:.2g} of them 0"
    if prod(blob.shape) != blob.stored:
        yield f"the shape needs {prod(blob.shape):,} values"
    if blob.raw:
        yield "NVCaffe's form"
    if blob.stored and not numbers.looked_at:
        yield "values not looked at"


def _notes(view: Shown) -> Iterator[str]:
    empty = sum(not layer.held for layer in view.weights.layers)
    layers = view.weights.layers
    sampled = any(
        0 < numbers.looked_at < blob.stored
        for (i, j), numbers in view.numbers.items()
        if (blob := layers[i].blobs[j]) is not None
    )
    if empty or sampled:
        yield ""
    if empty:
        yield f"Without blobs: {in_words(empty, 'layer')}, left out above."
    if sampled:
        yield f"~: {_SAMPLE}"


_SAMPLE = f"from a sample of {MANY:,} values, in stretches spread over the blob."


def _cut(name: str) -> str:
    if len(name) <= _LONGEST_NAME:
        return name
    half = _LONGEST_NAME // 2
    return f"{name[: half - 1]}…{name[-half:]}"
