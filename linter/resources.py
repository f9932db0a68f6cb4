"""The data that ships with the package: schemas and rules. Nothing else reads them."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from pathlib import Path

from .engine.ruleset import RuleSet, cache_directory, load
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


@cache
def load_rules() -> RuleSet:
    """The rules that ship with caffelint, ready to run."""
    paths = sorted(rules_folder().glob("*.yaml"))
    return load(paths, (proto_folder() / "facts.desc").read_bytes(), cache_directory())
