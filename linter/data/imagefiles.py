"""The files that a list of images names: where they are, and what is in them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

from msgspec import Struct, field

from ..core.looking import is_directory, is_file
from ..core.problem import Problem
from ..core.source import Span
from ..model.files import start_directories
from ..model.net import Layer
from ..schema.message import Message
from .images import Image, open_image, pillow
from .limits import Limits, evenly
from .lists import ImageList
from .paths import Found

_MOST_REPORTED = 3


class ImageFiles(Struct):
    """The sampled files of a list.

    ``problems`` stand in the list; ``trouble`` is a problem kind for the layer that names it, with
    its values. ``sizes`` counts channels, height and width as Caffe would load them.
    """

    looked: int = 0
    there: int = 0
    sizes: Counter[tuple[int, int, int]] = field(default_factory=Counter)
    problems: list[Problem] = field(default_factory=list)
    trouble: str = ""
    values: dict[str, object] = field(default_factory=dict)
    needs: set[str] = field(default_factory=set)

    def of_layer(self, layer: Layer, own: Message) -> Iterator[Problem]:
        """What is to say at the layer: none of the images is where Caffe looks."""
        if not self.trouble:
            return
        at = "root_folder" if own.has("root_folder") else "source"
        values = {**self.values, "layer": layer.name, "source": own.get("source")}
        yield Problem(self.trouble, own.span(at), values, layer=layer.name, rejects=False)


def open_images(
    images: ImageList,
    folder: str,
    color: bool,
    found: Found,
    named_in: Path,
    root: Path | None,
    limits: Limits,
) -> ImageFiles:
    """Sample a list's images; ``folder`` is root_folder, which Caffe puts before every name."""
    result = ImageFiles()
    starts = [images.starts[i] for i in evenly(len(images.starts), limits.samples)]
    names = [images.name(start) for start in starts]
    bases = [found.start] if found.start is not None else list(start_directories(named_in, root))
    lost: list[tuple[str, Span]] = []
    there: list[tuple[str, Span, Path]] = []
    for name, span in names:
        path = _existing(folder + name, bases)
        if path is None:
            lost.append((name, span))
        else:
            there.append((name, span, path))
    result.looked, result.there = len(names), len(there)
    if names and not there:
        _explain(result, [name for name, _ in names], folder, found, bases)
    elif lost:
        result.problems += _lost(lost, result.looked, folder)
    _open_all(result, there, color, limits)
    return result


def _existing(name: str, bases: list[Path]) -> Path | None:
    # Joined as text by Caffe; an absolute name stays what it is.
    return next((base / name for base in bases if is_file(base / name)), None)


def _lost(lost: list[tuple[str, Span]], looked: int, folder: str) -> Iterator[Problem]:
    (name, span), *further = lost
    also = tuple((place, "nor this one") for _, place in further[:_MOST_REPORTED])
    values: dict[str, object] = {"path": folder + name, "files": f"{len(lost)} of {looked}"}
    yield Problem("listed-file-missing", span, values, also, rejects=False)


# None is there: where else they may be


def _explain(
    result: ImageFiles, names: list[str], folder: str, found: Found, bases: list[Path]
) -> None:
    """Say what would lead to the images, tried out on the names."""
    beside = found.path.parent
    values: dict[str, object] = {
        "looked": result.looked,
        "example": folder + names[0],
        "folder": folder,
        "beside": "",
    }
    result.values = values
    slashed = folder and not folder.endswith("/") and not names[0].startswith("/")
    if slashed and (
        _any(names, lambda name: [base / folder / name for base in bases])
        or any(is_directory(base / folder) for base in bases)
    ):
        result.trouble = "root-folder-without-slash"
    elif _any(names, lambda name: [base / (folder + name.replace("\\", "/")) for base in bases]):
        result.trouble = "names-with-backslash"
    elif not folder and _beside(names, beside, bases):
        result.trouble = "names-relative-to-list"
        values["beside"] = _prefix(beside, found)
    else:
        result.trouble = "listed-files-not-found"


def _any(names: list[str], paths: Callable[[str], list[Path]]) -> bool:
    return any(is_file(path) for name in names for path in paths(name))


def _beside(names: list[str], beside: Path, bases: list[Path]) -> bool:
    """Whether names count from the list's own directory: their files, or at least their
    directories are there, and not where Caffe looks.
    """
    for name in names:
        inner = Path(name).parent
        if Path(name).is_absolute() or any(is_file(base / name) for base in bases):
            continue
        if is_file(beside / name):
            return True
        if inner.name and is_directory(beside / inner):
            return not any(is_directory(base / inner) for base in bases)
    return False


def _prefix(beside: Path, found: Found) -> str:
    """What root_folder has to be so that names count from the list's directory."""
    if found.start is None:
        return f"{beside.as_posix()}/"
    return f"{beside.relative_to(found.start).as_posix()}/"


# Opening them


def _open_all(
    result: ImageFiles, there: list[tuple[str, Span, Path]], color: bool, limits: Limits
) -> None:
    module = pillow()
    if module is None:
        if there:
            result.needs.add("pillow")
        return
    faulty: dict[str, list[tuple[str, Span, Image]]] = {}
    for name, span, path in limits.progress(there, "opening images"):
        image = open_image(path, module)
        if image.width:
            result.sizes[(3 if color else 1, image.height, image.width)] += 1
        if image.fault:
            faulty.setdefault(image.fault, []).append((name, span, image))
    for fault, found in faulty.items():
        (name, span, image), *further = found
        also = tuple((place, "and this one") for _, place, _ in further[:_MOST_REPORTED])
        files = f"{len(found)} of {len(there)}"
        values = {"path": name, "detail": image.detail, "files": files}
        result.problems.append(Problem(f"image-{fault}", span, values, also, rejects=False))
