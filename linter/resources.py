"""The data that ships with the package: schemas and rules. Nothing else reads them."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from pathlib import Path

from .schema.descriptor import Schema


def proto_folder() -> Path:
    """Folder with the ``.proto`` and ``.desc`` files."""
    return Path(str(files("caffelint.proto")))


def rules_folder() -> Path:
    """Folder with the rules that ship with caffelint, one YAML file each."""
    return Path(str(files("caffelint.rules")))


@cache
def load_schema() -> Schema:
    """The schema of BVLC Caffe, read once per process."""
    return Schema((proto_folder() / "caffe.desc").read_bytes())
