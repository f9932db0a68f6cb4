"""The data layers of a net against the data they name: problems, and shapes for the net.

What reads lists, databases and HDF5 files is imported when there is one: the data of most nets that
are checked lies on another machine.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from ..core.looking import Kept, is_file
from ..core.problem import Problem
from ..core.source import Source, Span
from ..model.net import Layer, Net
from ..model.shapes.setup import Shape, signed
from ..schema.descriptor import Schema
from ..schema.message import Message
from .labelmap import (
    LabelMap,
    label_map_of,
    names_label_map,
    output_problems,
    read_label_map,
    training_problems,
)
from .limits import Limits
from .paths import Found, find, lost_slash, misspelt
from .transform import Sizes, transform_problems

if TYPE_CHECKING:
    from .database import Database
    from .hdf5list import Hdf5List
    from .imagefiles import ImageFiles
    from .lists import ImageList

_T = TypeVar("_T")

_MOST_KEPT = 32
"""So many sources are remembered: a solver's nets name the same few."""


class Look(NamedTuple):
    """What was found of one net: problems with the source they stand in, and shapes of tops."""

    found: list[tuple[Source, list[Problem]]]
    shapes: dict[str, Shape]


class DataReader:
    """Reads what data layers name, each source once.

    ``schema`` has the types of records and mean files; ``root`` is where Caffe is started, None
    where that is not known. ``missing`` collects the names of libraries that would have been
    needed.
    """

    def __init__(
        self, schema: Schema, root: Path | None, limits: Limits, missing: set[str]
    ) -> None:
        self._datum = schema.message_type("Datum")
        self._blob = schema.message_type("BlobProto")
        self._root = root
        self._limits = limits
        self._missing = missing
        self._kept: Kept[Any] = Kept(_MOST_KEPT)

    def look(self, view: Net, source: Source) -> Look:
        """All data layers of a net; ``source`` is the file that it stands in."""
        result = Look([], {})
        for layer in view.sources:
            problems = list(self._look_at(layer, view, Path(source.name), result))
            problems += self._transform(layer, Path(source.name))
            result.found.append((source, problems))
        for layer in view.layers:
            if names_label_map(layer):
                problems = list(self._look_at_label_map(layer, Path(source.name), result))
                result.found.append((source, problems))
        return result

    def size(self, layer: Layer, named_in: Path) -> int | None:
        """How many examples a data layer has in one epoch; None where that cannot be known.

        The size of a list that is too long to be read whole is extrapolated.
        """
        if layer.own is None or not layer.own.type.fields.get("source"):
            return None
        found = find(layer.own.get("source"), named_in, self._root)
        if found is None:
            return None
        if layer.type == "ImageData" and is_file(found.path):
            images = self._image_list(found.path)
            return None if images is None or images.text.form else images.count or None
        if layer.type == "Data":
            return self._database(found.path).count or None
        if layer.type == "HDF5Data" and is_file(found.path):
            files = self._hdf5_list(found, layer)
            return files.rows if files is not None else None
        return None

    # One layer

    def _look_at(self, layer: Layer, view: Net, named_in: Path, result: Look) -> Iterator[Problem]:
        own = layer.own
        if own is None or layer.type not in ("Data", "ImageData", "HDF5Data"):
            return
        name: str = own.get("source")
        found = find(name, named_in, self._root)
        if found is None:
            yield from self._not_found(layer, own, "source", name, named_in)
            return
        training = _phase(layer, view) == "TRAIN"
        if layer.type == "Data":
            yield from self._look_at_database(layer, own, found, training, result)
        elif not is_file(found.path):
            values = {"source": name, "layer": layer.name}
            yield Problem("list-is-directory", own.span("source"), values, layer=layer.name)
        elif layer.type == "ImageData":
            yield from self._look_at_images(layer, own, found, named_in, training, result)
        else:
            yield from self._look_at_hdf5(layer, own, found, training, result)

    def _not_found(
        self, layer: Layer, own: Message, field: str, name: str, named_in: Path
    ) -> Iterator[Problem]:
        values: dict[str, object] = {"field": field, "path": name, "layer": layer.name}
        if lost_slash(name, named_in, self._root):
            yield Problem(
                "path-without-slash", own.span(field), values, layer=layer.name, rejects=False
            )
        elif suggestion := misspelt(name, named_in, self._root):
            values["suggestion"] = suggestion
            yield Problem("data-misspelt", own.span(field), values, layer=layer.name, rejects=False)
        elif layer.type == "HDF5Data" and name.endswith((".h5", ".hdf5")):
            yield _names_hdf5(layer, own)

    # Label maps

    def _look_at_label_map(self, layer: Layer, named_in: Path, result: Look) -> Iterator[Problem]:
        block, name = label_map_of(layer)
        found = find(name, named_in, self._root)
        training = layer.type == "AnnotatedData"
        if found is None and not training:
            yield from self._not_found(layer, block, "label_map_file", name, named_in)
        map_ = self._label_map(found.path) if found is not None and is_file(found.path) else None
        if map_ is None:
            return
        if training:
            yield from training_problems(layer, map_) if map_.broken is None else ()
        elif map_.is_sound:
            yield from output_problems(layer, map_)
        else:
            result.found.append((map_.source, map_.problems(layer)))

    # Lists of images

    def _look_at_images(
        self,
        layer: Layer,
        own: Message,
        found: Found,
        named_in: Path,
        training: bool,
        result: Look,
    ) -> Iterator[Problem]:
        from .labels import Use, classes_of, is_read, label_problems

        images = self._image_list(found.path)
        if images is None:
            return
        if not images.count:
            values = {"source": own.get("source"), "what": "images"}
            yield Problem("list-empty", own.span("source"), values, layer=layer.name)
            return
        label = layer.tops[1] if len(layer.tops) > 1 else None
        read = label is not None and is_read(label)
        problems = images.problems(read)
        use = Use(
            classes_of(label) if label is not None else None,
            training,
            bool(own.get("shuffle")),
            _batch(own),
        )
        if images.labels.counts:
            problems += label_problems(images.labels, use, Span(0, 0))
        files = self._images(images, own, found, named_in)
        problems += files.problems
        result.found.append((images.source, problems))
        yield from files.of_layer(layer, own)
        if files.sizes and len(layer.tops):
            self._feed(layer, files.sizes, result)

    def _images(self, images: ImageList, own: Message, found: Found, named_in: Path) -> ImageFiles:
        from .imagefiles import open_images

        folder: str = own.get("root_folder")
        color = bool(own.get("is_color"))
        key = ("images", found.path, folder, found.start, color)
        files = self._once(
            key,
            lambda: open_images(images, folder, color, found, named_in, self._root, self._limits),
        )
        self._missing |= files.needs
        return files

    # Databases

    def _look_at_database(
        self, layer: Layer, own: Message, found: Found, training: bool, result: Look
    ) -> Iterator[Problem]:
        from .labels import Use, classes_of, label_problems

        name, span = own.get("source"), own.span("source")
        database = self._database(found.path)
        if database.needs:
            self._missing.add(database.needs)
        backend: str = own.get("backend")
        if not database.kind:
            return
        if database.kind != backend:
            values = {
                "source": name,
                "kind": database.kind,
                "backend": backend,
                "written": f"backend is {backend}"
                if own.has("backend")
                else f"backend is not set, which means {backend}",
            }
            at = "backend" if own.has("backend") else "source"
            yield Problem("backend-differs", own.span(at), values, layer=layer.name)
            return
        yield from database.problems(name, span)
        if len(layer.tops) > 1 and database.labels.counts:
            use = Use(classes_of(layer.tops[1]), training, False, _batch(own))
            yield from label_problems(database.labels, use, span)
        sizes = _database_sizes(database, layer.message.sub("transform_param"))
        if sizes:
            self._feed(layer, sizes, result)

    # HDF5

    def _look_at_hdf5(
        self, layer: Layer, own: Message, found: Found, training: bool, result: Look
    ) -> Iterator[Problem]:
        from .hdf5list import list_problems

        files = self._hdf5_list(found, layer)
        if files is None:
            return
        if files.is_hdf5:
            yield _names_hdf5(layer, own)
            return
        self._missing |= files.needs
        in_list: list[Problem] = []
        for problem, in_text in list_problems(files, layer, own, training):
            if in_text:
                in_list.append(problem)
            else:
                yield problem
        result.found.append((files.text.source, in_list))
        batch = signed(own.get("batch_size"))
        for top, shape in files.shapes.items():
            result.shapes[top] = (batch, *shape[1:])

    # Transformation

    def _transform(self, layer: Layer, named_in: Path) -> Iterator[Problem]:
        """What transform_param does to the data, as far as their sizes are known."""
        if layer.type not in ("Data", "ImageData", "WindowData"):
            return
        transform = layer.message.sub("transform_param")
        mean: str = transform.get("mean_file")
        path = find(mean, named_in, self._root) if mean else None
        if mean and path is None:
            yield from self._not_found(layer, transform, "mean_file", mean, named_in)
        sizes = self._sizes(layer, named_in)
        mean_path = path.path if path is not None and is_file(path.path) else None
        yield from transform_problems(layer, sizes, mean_path, self._blob)

    def _sizes(self, layer: Layer, named_in: Path) -> Sizes:
        """Sizes of the images before cropping; empty where nothing is known."""
        own = layer.own
        if own is None or layer.type == "WindowData":
            return {}
        found = find(own.get("source"), named_in, self._root)
        if layer.type == "Data":
            if found is None:
                return {}
            database = self._database(found.path)
            return _database_sizes(database, layer.message.sub("transform_param"))
        channels = 3 if own.get("is_color") else 1
        height, width = own.get("new_height"), own.get("new_width")
        if height and width:
            return {(channels, height, width): 0}
        if found is None or not is_file(found.path):
            return {(channels, 0, 0): 0}
        images = self._image_list(found.path)
        if images is None or not images.count:
            return {(channels, 0, 0): 0}
        files = self._images(images, own, found, named_in)
        return dict(files.sizes) or {(channels, 0, 0): 0}

    def _feed(self, layer: Layer, sizes: Sizes, result: Look) -> None:
        """Hand the one size that all samples have to the net."""
        crop = signed(layer.message.sub("transform_param").get("crop_size"))
        shapes = {
            (channels, crop or height or None, crop or width or None)
            for channels, height, width in sizes
        }
        if len(shapes) == 1 and layer.tops:
            result.shapes[layer.tops[0].name] = (None, *shapes.pop())

    # Reading, each source once

    def _image_list(self, path: Path) -> ImageList | None:
        from .lists import read_image_list

        return self._once(
            ("list", path), lambda: _or_none(lambda: read_image_list(path, self._limits))
        )

    def _label_map(self, path: Path) -> LabelMap | None:
        return self._once(("map", path), lambda: _or_none(lambda: read_label_map(path)))

    def _database(self, path: Path) -> Database:
        from .database import read_database

        return self._once(("db", path), lambda: read_database(path, self._datum, self._limits))

    def _hdf5_list(self, found: Found, layer: Layer) -> Hdf5List | None:
        from .hdf5list import read_hdf5_list

        tops = tuple(layer.top_names)
        key = ("hdf5", found.path, found.start, tops)
        return self._once(
            key, lambda: _or_none(lambda: read_hdf5_list(found, self._root, tops, self._limits))
        )

    def _once(self, key: tuple[object, ...], read: Callable[[], _T]) -> _T:
        result: _T = self._kept.get(key, read)
        return result


def _or_none(read: Callable[[], _T]) -> _T | None:
    try:
        return read()
    except OSError:
        return None


def _phase(layer: Layer, view: Net) -> str:
    phase: str = layer.message.get("phase") if layer.message.has("phase") else view.state.phase
    return phase


def _batch(own: Message) -> int:
    return max(1, signed(own.get("batch_size")))


def _names_hdf5(layer: Layer, own: Message) -> Problem:
    values = {"source": own.get("source"), "layer": layer.name}
    return Problem("hdf5-source-no-list", own.span("source"), values, layer=layer.name)


def _database_sizes(database: Database, transform: Message) -> Sizes:
    """Sizes after decoding: force_color and force_gray decide the channels of encoded images."""
    if not database.encoded:
        return dict(database.sizes)
    channels = 3 if transform.get("force_color") else 1 if transform.get("force_gray") else 0
    sizes: Sizes = {}
    for (own, height, width), number in database.sizes.items():
        key = (channels or own, height, width)
        sizes[key] = sizes.get(key, 0) + number
    return sizes
