"""The data that ships with the package: schemas and rules. Nothing else reads them."""

from __future__ import annotations

import os
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from .engine.own import MOST_RULES as MOST_OWN_RULES
from .engine.own import load_own
from .engine.ruleset import RuleSet, cache_directory, load
from .ownproto import ProtoError
from .schema.descriptor import Schema
from .schema.dialects import BVLC, Dialects, LayerFacts
from .schema.table import Described, Packed

if TYPE_CHECKING:
    from .engine.symptom import Symptoms

__all__ = [
    "MOST_OWN_RULES", "load_dialects", "load_fork", "load_own_rules", "load_rules", "load_schema",
    "load_symptoms",
    "proto_folder", "rules_folder",
]  # fmt: skip


def proto_folder() -> Path:
    """Folder with the ``.proto`` and ``.desc`` files."""
    return _folder("caffelint.proto")


def rules_folder() -> Path:
    """Folder with the rules that ship with caffelint, one YAML file each."""
    return _folder("caffelint.rules")


def _folder(package: str) -> Path:
    """The folder of a package; ``importlib.resources`` would take 5 ms to say the same."""
    return Path(import_module(package).__path__[0])


@cache
def load_schema() -> Schema:
    """The schema of BVLC Caffe, read once per process."""
    packed = (proto_folder() / "caffe.tables").read_bytes()
    return Schema(Packed(packed, _base), known=load_dialects)


@cache
def load_dialects() -> Dialects:
    """All forks of Caffe that are known, read once per process and only where one is needed."""
    folder = proto_folder()
    return Dialects((folder / "dialect.desc").read_bytes(), (folder / "dialects.desc").read_bytes())


@cache
def load_fork(
    names: tuple[str, ...], own_proto: bytes = b"", own_layers: tuple[LayerFacts, ...] = ()
) -> Schema:
    """The schema of BVLC Caffe with the additions of some forks, and with what the user adds: the
    descriptor set of a ``caffe.proto``, and layer types.

    Raises:
        KeyError: for a name that no dialect has.
        ProtoError: for a descriptor set that does not go together with these.
    """
    if not names and not own_proto and not own_layers:
        return load_schema()
    known = load_dialects()
    titles = [known.title(name) for name in names] + (["your caffe.proto"] if own_proto else [])
    content = known.extended(_base(), names)
    if own_proto:
        content = known.with_own(_base(), names, own_proto)
    try:
        return Schema(
            *(Described(content), " + ".join(titles) or known.title(BVLC), names),
            layers=[*known.layers(names), *own_layers],
            known=load_dialects,
            base=load_schema(),
            own=bool(own_proto),
        )
    except TypeError as error:  # protobuf's own, for files that contradict each other
        raise ProtoError(f"proto does not go together with BVLC's caffe.proto: {error}") from error


def _base() -> bytes:
    return (proto_folder() / "caffe.desc").read_bytes()


@cache
def load_rules() -> RuleSet:
    """The rules that ship with caffelint, ready to run."""
    folder = rules_folder()
    names = sorted(name for name in os.listdir(folder) if name.startswith("CL"))  # noqa: PTH208
    return load([folder / name for name in names], _facts(), cache_directory())


@cache
def load_symptoms() -> Symptoms:
    """What users see when training goes wrong, in words."""
    from .engine.symptom import read_symptoms

    return read_symptoms(rules_folder() / "symptoms.yaml")


@cache
def load_own_rules(paths: tuple[Path, ...]) -> RuleSet:
    """Rules from other files, ready to run on the same facts.

    Raises:
        caffelint.engine.rule.RuleError: for a file that is no rule, or a rule that is refused.
    """
    return load_own(paths, _facts(), cache_directory(), load_rules())


def _facts() -> bytes:
    return (proto_folder() / "facts.desc").read_bytes()
