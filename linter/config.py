"""Settings: what a config file may say, and where it is found.

The nearest ``.caffelint.yaml``, or ``pyproject.toml`` with a ``[tool.caffelint]`` table, in the
directory of the linted path or above it. Command line options win over it.
"""

from __future__ import annotations

import tomllib
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

ContextName = Literal["scratch", "finetune", "deploy"]
SeverityName = Literal["error", "warning", "info"]


class ConfigError(Exception):
    """The config cannot be used: its path and the reason."""


class Config(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """The settings of one run.

    ``select`` and ``ignore`` hold rule ids, id prefixes (``CL2``) or names. ``options`` gives
    values to rules' options by rule id or name. ``shapes`` gives the
    sizes of blobs that only the data decides. ``root`` is the directory that Caffe is started
    in; relative paths in it count from the config file. ``data`` tells whether the data that
    nets name is looked at, ``data_sample`` how many images of a list at most.
    """

    select: list[str] = []
    ignore: list[str] = []
    options: dict[str, dict[str, float | str | list[str]]] = {}
    context: ContextName | None = None
    weights: list[str] = []
    root: str | None = None
    shapes: dict[str, list[int]] = {}
    data: bool = True
    data_sample: Annotated[int, msgspec.Meta(ge=0)] = msgspec.field(name="data-sample", default=64)
    fail_on: SeverityName = msgspec.field(name="fail-on", default="warning")


def find_config(start: Path) -> Config:
    """The config that applies to ``start``; the defaults where there is none.

    Raises:
        ConfigError: for a config file that cannot be read or holds what no config may hold.
    """
    folder = start.resolve()
    for directory in (folder, *folder.parents):
        for path, read in (
            (directory / ".caffelint.yaml", _read_yaml),
            (directory / "pyproject.toml", _read_pyproject),
        ):
            if path.is_file() and (content := read(path)) is not None:
                return _absolute(_convert(content, path), directory)
    return Config()


def _read_yaml(path: Path) -> Any:
    import yaml

    try:
        return yaml.safe_load(path.read_bytes()) or {}
    except (yaml.YAMLError, OSError) as error:
        raise ConfigError(f"{path}: {error}") from error


def _read_pyproject(path: Path) -> Any:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8")).get("tool", {}).get("caffelint")
    except (tomllib.TOMLDecodeError, OSError, UnicodeError) as error:
        raise ConfigError(f"{path}: {error}") from error


def _convert(content: Any, path: Path) -> Config:
    known = [field.encode_name for field in msgspec.structs.fields(Config)]
    for key in content if isinstance(content, dict) else ():
        if key not in known:
            match = get_close_matches(str(key), known, n=1)
            meant = f'; did you mean "{match[0]}"?' if match else ""
            raise ConfigError(f'{path}: unknown setting "{key}"{meant}')
    try:
        return msgspec.convert(content, Config)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{path}: {error}") from error


def _absolute(config: Config, directory: Path) -> Config:
    """Paths in a config file count from its own directory."""
    root = str(directory / config.root) if config.root is not None else None
    weights = [str(directory / name) for name in config.weights]
    return msgspec.structs.replace(config, root=root, weights=weights)
