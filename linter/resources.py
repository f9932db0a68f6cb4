"""The data that ships with the package: schemas and rules. Nothing else reads them."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from pathlib import Path

from .engine.own import MOST_RULES as MOST_OWN_RULES
from .engine.own import load_own
from .engine.ruleset import RuleSet, cache_directory, load
from .schema.descriptor import Schema

__all__ = [
    "MOST_OWN_RULES", "load_own_rules", "load_rules", "load_schema", "proto_folder", "rules_folder",
]  # fmt: skip


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
    return load(paths, _facts(), cache_directory())


@cache
def load_own_rules(paths: tuple[Path, ...]) -> RuleSet:
    """Rules from other files, ready to run on the same facts.

    Raises:
        caffelint.engine.rule.RuleError: for a file that is no rule, or a rule that is refused.
    """
    return load_own(paths, _facts(), cache_directory(), load_rules())


def _facts() -> bytes:
    return (proto_folder() / "facts.desc").read_bytes()
