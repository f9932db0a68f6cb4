"""Small data sets on disk for tests, and the nets that name them."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from caffelint.check import Checker
from caffelint.config import Config
from caffelint.core.diagnostic import Diagnostic
from caffelint.resources import load_rules, load_schema

HEAD = """\
layer {{
  name: "ip" type: "InnerProduct" bottom: "data" top: "ip"
  param {{ lr_mult: 1 decay_mult: 1 }} param {{ lr_mult: 2 decay_mult: 0 }}
  inner_product_param {{ num_output: {classes} weight_filler {{ type: "xavier" }} }}
}}
"""
LOSS = 'layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip" bottom: "label" top: "loss" }\n'


def net(
    type_: str,
    param: str,
    *,
    classes: int = 3,
    transform: str = "",
    more: str = "",
    loss: str = LOSS,
) -> str:
    """A net of one data layer, one InnerProduct and a loss."""
    block = {"Data": "data_param", "ImageData": "image_data_param", "HDF5Data": "hdf5_data_param"}
    transformed = f"transform_param {{ {transform} }}" if transform else ""
    return (
        f'layer {{ name: "data" type: "{type_}" top: "data" top: "label" {more} {transformed}\n'
        f"  {block[type_]} {{ {param} }} }}\n" + HEAD.format(classes=classes) + loss
    )


def images(source: str = "train.txt", more: str = "shuffle: true") -> str:
    """Parameters of an ImageData layer that resizes."""
    return f'source: "{source}" batch_size: 2 new_height: 8 new_width: 8 {more}'


def image(width: int = 8, height: int = 8, mode: str = "RGB", form: str = "PNG") -> bytes:
    """An image file."""
    from PIL import Image

    buffer = io.BytesIO()
    Image.effect_noise((width, height), 60).convert(mode).save(buffer, form)
    return buffer.getvalue()


def hdf5(sets: Mapping[str, Any]) -> bytes:
    """An HDF5 file."""
    import h5py

    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        for name, values in sets.items():
            file[name] = values
    return buffer.getvalue()


def datum(**fields: Any) -> bytes:
    """A record; by default a plain 1×2×2 image."""
    schema = load_schema()
    type_ = schema.message_type("Datum")
    record: Any = type_.new_message()
    for name, value in {"channels": 1, "height": 2, "width": 2, "data": b"abcd", **fields}.items():
        setattr(record, name, value)
    content: bytes = record.SerializeToString()
    return content


def lmdb(folder: Path, records: Iterable[bytes]) -> Path:
    """A database directory."""
    import lmdb as library

    folder.mkdir(parents=True)
    environment = library.open(str(folder), map_size=1 << 26)
    with environment, environment.begin(write=True) as transaction:
        for number, record in enumerate(records):
            transaction.put(b"%08d_x.png" % number, record)
    return folder


def mean(*shape: int) -> bytes:
    """A mean file of this shape: num, channels, height, width."""
    schema = load_schema()
    blob: Any = schema.message_type("BlobProto").new_message()
    blob.num, blob.channels, blob.height, blob.width = shape
    blob.data.extend([0.0] * (shape[0] * shape[1] * shape[2] * shape[3]))
    content: bytes = blob.SerializeToString()
    return content


def mean_of(shape: tuple[int, ...], values: int) -> bytes:
    """A mean file whose shape is written as Caffe writes it now, with so many values."""
    schema = load_schema()
    type_ = schema.message_type("BlobProto")
    blob: Any = type_.new_message()
    blob.shape.dim.extend(shape)
    blob.data.extend([0.0] * values)
    content: bytes = blob.SerializeToString()
    return content


def write(folder: Path, files: Mapping[str, str | bytes]) -> None:
    """Files by name, directories made as needed."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode("utf-8") if isinstance(content, str) else content)


def lint(folder: Path, text: str, **config: Any) -> list[Diagnostic]:
    """The findings about data in a net that lies in ``folder``."""
    write(folder, {"net.prototxt": text})
    checker = Checker(load_rules(), Config(root=str(folder), **config))
    report = checker.check([folder / "net.prototxt"])
    return [one for one in report.diagnostics if "CL820" <= one.rule <= "CL869"]


def places(found: Iterable[Diagnostic]) -> list[tuple[str, str, int]]:
    """Rule name, file and line of findings."""
    return [
        (
            one.name,
            Path(one.place.source.name).name,
            one.place.source.locate(one.place.span.start).line,
        )
        for one in found
    ]
