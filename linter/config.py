"""Settings: what a config file may say, and which one counts for a file.

That is the nearest ``.caffelint.yaml``, or ``pyproject.toml`` with a ``[tool.caffelint]`` table,
in the directory of the checked file or above it. Command line options win over it. What is about
the run and not about a file (``fail-on``) is taken from the config of the working directory.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from itertools import islice
from pathlib import Path
from typing import Annotated, Any, Literal, NoReturn

import msgspec

from .core.alike import closest
from .core.naming import RuleNames
from .engine.ruleset import RuleSet
from .resources import MOST_OWN_RULES, load_own_rules, load_rules
from .schema.dialects import Declared, LayerFacts, Sizes
from .walk import named_by, parts_match

ContextName = Literal["scratch", "finetune", "deploy"]
SeverityName = Literal["error", "warning", "info"]
SeverityChoice = Literal["error", "warning", "info", "off"]
OptionValue = float | str | list[str]
Size = Annotated[int, msgspec.Meta(ge=-(2**31), le=2**31 - 1)]
"""A number that Caffe can have as a size; that it makes sense is not asked here."""

_MOST_BYTES = 1 << 20
_MOST_DOTS = 1000
_YAML, _TOML = ".caffelint.yaml", "pyproject.toml"
CONFIG_NAMES = (_YAML, _TOML)
"""What config files are called; the first one counts where a directory has both."""


class ConfigError(Exception):
    """The config cannot be used: its path and the reason."""


class Override(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """What is different for some files.

    ``files`` are globs: without a slash of names, else of paths from the config file on, in which
    ``**`` stands for any directories. What stands in ``ignore``, ``severity``, ``options`` and
    ``shapes`` is added to the settings above; the rest takes their place.
    """

    files: list[str]
    select: list[str] | None = None
    ignore: list[str] = []
    severity: dict[str, SeverityChoice] = {}
    options: dict[str, dict[str, OptionValue]] = {}
    context: ContextName | None = None
    weights: list[str] | None = None
    shapes: dict[str, list[Size]] = {}
    dialect: str | None = None

    def matches(self, path: Path) -> bool:
        """Whether ``path``, which is absolute, is one of the files."""
        return any(_matches(glob, path) for glob in self.files)


class OwnLayer(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """A layer type of your own.

    ``bottoms`` and ``tops`` are how many it takes and makes: 2, "1-3" or "1+". ``param`` is the
    field of the layer with its parameters. ``shape`` is ``same`` where every top has the shape of
    the first bottom; a list of sizes for all tops, or one of lists for each: 0 for the size of the
    first bottom there, null for one that is not known. ``learns`` is how many learned blobs it has,
    ``loss`` whether its first top counts as loss, ``in-place`` whether it may overwrite its bottom.
    """

    bottoms: Size | str = "0+"
    tops: Size | str = "0+"
    param: str = ""
    shape: str | list[Size | list[Size | None] | None] | None = None
    learns: Annotated[int, msgspec.Meta(ge=0, le=100)] = 0
    loss: bool = False
    in_place: bool = msgspec.field(name="in-place", default=True)

    def facts(self, type_: str) -> LayerFacts:
        """The same as facts about a layer type."""
        shapes: tuple[Sizes | None, ...] = ()
        if isinstance(self.shape, str):
            shapes = (None,)
        elif self.shape:
            several = all(isinstance(one, list) for one in self.shape)
            lists: Iterable[Any] = self.shape if several else [self.shape]
            shapes = tuple(tuple(sizes) for sizes in lists)
        declared = Declared(shapes, self.learns, self.in_place)
        counts = (str(self.bottoms), str(self.tops))
        return LayerFacts(type_, "", self.param, *counts, self.loss, declared=declared)


class Config(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """The settings of one file.

    ``select`` and ``ignore`` hold rule ids, topics (``CL2`` or ``initialisation``) or names;
    ``severity`` says how bad the findings of rules are, ``options`` gives values to rules' options
    by rule id or name. ``shapes`` gives the sizes of blobs that only the data decides. ``root`` is
    the directory that Caffe is started in. ``data`` tells whether the data that nets name is looked
    at, ``data-sample`` how many images of a list at most. ``extend-rules`` are files, or globs of
    files, with rules of your own. ``dialect`` is the fork of Caffe that the files are written for,
    such as ``ssd`` or ``bvlc``, several joined by ``+``; ``auto`` finds it out. ``proto`` is your
    own ``caffe.proto``, ``layers`` tells of layer types of your own (``module.Layer`` for one of
    Python). ``exclude`` are globs of files and directories that are not checked when a directory
    above them is. Paths count from the config file. ``overrides`` says what is different for some
    files.
    """

    select: list[str] = []
    ignore: list[str] = []
    severity: dict[str, SeverityChoice] = {}
    options: dict[str, dict[str, OptionValue]] = {}
    context: ContextName | None = None
    weights: list[str] = []
    root: str | None = None
    shapes: dict[str, list[Size]] = {}
    data: bool = True
    data_sample: Annotated[int, msgspec.Meta(ge=0, le=1_000_000)] = msgspec.field(
        name="data-sample", default=64
    )
    fail_on: SeverityName = msgspec.field(name="fail-on", default="warning")
    extend_rules: list[str] = msgspec.field(name="extend-rules", default=[])
    dialect: str = "auto"
    proto: str | None = None
    layers: dict[str, OwnLayer] = {}
    exclude: list[str] = []
    overrides: list[Override] = []

    def excludes(self, path: Path) -> bool:
        """Whether ``path``, found in a directory, or a directory that it lies in is excluded."""
        if not self.exclude:
            return False
        absolute = _normal(path)
        return any(
            _matches(glob, one) for one in (absolute, *absolute.parents) for glob in self.exclude
        )

    def of(self, path: Path) -> Config:
        """The settings of a file: these, with the overrides for it in their order."""
        if not self.overrides:
            return self
        config, absolute = self, _normal(path)
        for override in self.overrides:
            if override.matches(absolute):
                config = _overridden(config, override)
        return msgspec.structs.replace(config, overrides=[])


def _overridden(config: Config, override: Override) -> Config:
    options = dict(config.options)
    for rule, values in override.options.items():
        options[rule] = {**options.get(rule, {}), **values}
    return msgspec.structs.replace(
        config,
        select=config.select if override.select is None else override.select,
        ignore=config.ignore + override.ignore,
        severity={**config.severity, **override.severity},
        options=options,
        context=override.context or config.context,
        weights=config.weights if override.weights is None else override.weights,
        shapes={**config.shapes, **override.shapes},
        dialect=override.dialect or config.dialect,
    )


def _matches(glob: str, path: Path) -> bool:
    if "/" not in glob:
        return fnmatchcase(path.name, glob)
    anchored = "" if glob.startswith("/") else "**/"
    return parts_match([*path.as_posix().split("/")], (anchored + glob).split("/"))


def _normal(path: Path) -> Path:
    """The path from the root, as it is written: through links, not to where they lead."""
    return Path(os.path.normpath(path.absolute()))


class Configs:
    """The config of every file; ``given`` is what the command line says, by field of ``Config``.

    ``file`` is a config file to use for all files in place of the nearest ones.
    """

    def __init__(self, given: Mapping[str, Any] | None = None, file: Path | None = None) -> None:
        self.given = dict(given or {})
        """What the command line says."""
        self._fixed = read_config(file) if file is not None else None
        self._nearest: dict[Path, Config] = {}
        self.run = self._with_given(self._of_folder(Path.cwd()))
        """The config of the working directory."""
        if unknown := _unknown_names(self.given, self.run):
            raise ConfigError(unknown)

    def of(self, path: Path) -> Config:
        """The settings of a file.

        Raises:
            ConfigError: for a config file that cannot be read or holds what no config may hold.
        """
        return self._with_given(self._of_folder(_normal(path).parent).of(path))

    def _with_given(self, config: Config) -> Config:
        return msgspec.structs.replace(config, **self.given) if self.given else config

    def _of_folder(self, folder: Path) -> Config:
        """The config of a directory: its own, or that of the directory above it."""
        if self._fixed is not None:
            return self._fixed
        if folder not in self._nearest:
            own = _config_in(folder)
            if own is None:
                own = self._of_folder(folder.parent) if folder != folder.parent else Config()
            self._nearest[folder] = own
        return self._nearest[folder]


def _config_in(folder: Path) -> Config | None:
    for path in (folder / _YAML, folder / _TOML):
        try:
            if path.is_file() and (content := _content(path)) is not None:
                return _checked(content, path)
        except ValueError:  # a NUL in the name; reading the file itself will say so
            return None
    return None


def config_file(folder: Path) -> Path | None:
    """The config file that a directory has of its own.

    Raises:
        ConfigError: for one that cannot be read.
    """
    paths = (folder / name for name in CONFIG_NAMES)
    return next((path for path in paths if path.is_file() and _content(path) is not None), None)


def read_config(path: Path) -> Config:
    """The config in a file.

    Raises:
        ConfigError: if it cannot be read or holds what no config may hold.
    """
    content = _content(path)
    if content is None:
        raise ConfigError(f"{path}: there is no [tool.caffelint] in it")
    return _checked(content, _normal(path))


def own_rules(config: Config) -> RuleSet | None:
    """The rules of ``extend-rules``."""
    return load_own_rules(tuple(map(Path, config.extend_rules))) if config.extend_rules else None


def names_of(config: Config) -> RuleNames:
    """The names of all rules that a config may speak of."""
    return RuleNames(text for one in _rule_sets(config) for text in one.texts.values())


def _rule_sets(config: Config) -> Iterator[RuleSet]:
    yield load_rules()
    if (own := own_rules(config)) is not None:
        yield own


def json_schema() -> dict[str, Any]:
    """JSON Schema of a config file, for editors."""
    return msgspec.json.schema(Config)


# Reading


def _content(path: Path) -> Any:
    """What a config file says; None of a ``pyproject.toml`` that does not speak of caffelint."""
    try:
        if not path.is_file():
            raise ConfigError(f"{path}: not a file")
        if path.stat().st_size > _MOST_BYTES:
            raise ConfigError(f"{path}: larger than {_MOST_BYTES >> 20} MiB")
        text = path.read_bytes().decode("utf-8")
        return _toml_table(text) if path.suffix == ".toml" else _yaml_content(text)
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{path}: {error}") from error


def _toml_table(text: str) -> Any:
    if "caffelint" not in text:  # most are of projects that are about something else
        return None
    import tomllib

    # The time for a dotted key grows with the square of its length.
    if any(line.count(".") > _MOST_DOTS for line in text.splitlines()):
        raise ValueError(f"a line with more than {_MOST_DOTS} dots")
    tool = tomllib.loads(text).get("tool")
    return tool.get("caffelint") if isinstance(tool, dict) else None


def _yaml_content(text: str) -> Any:
    from yaml import YAMLError

    from .engine.yaml import load_plain

    try:
        content = load_plain(text)
    except YAMLError as error:
        raise ValueError(error) from error
    return {} if content is None else content


class _MistakeError(Exception):
    """A value that no config may have, by its path in the file, and why."""

    def __init__(self, where: str, words: str) -> None:
        super().__init__(words)
        self.where = where


def _checked(content: Any, path: Path) -> Config:
    """The config with absolute paths, its names and values checked against the rules."""
    try:
        config = _absolute(_converted(content), path.parent)
        _check(config)
    except _MistakeError as mistake:
        raise ConfigError(f"{path}{_line(path, mistake.where)}: {mistake}") from mistake
    return config


def _line(path: Path, where: str) -> str:
    """Where a value stands in a YAML file; nothing for TOML, which is read without positions."""
    if path.suffix == ".toml" or not where:
        return ""
    from .engine.rule import yaml_line

    return f":{yaml_line(path.read_bytes().decode('utf-8'), where)}"


def _converted(content: Any) -> Config:
    try:
        return msgspec.convert(content, Config)
    except msgspec.ValidationError as error:
        reason, _, where = str(error).partition(" - at `$")
        where = where.rstrip("`").lstrip(".")
        if match := re.search(r"unknown field `(.*)`", reason, re.DOTALL):
            structs: dict[str, type[msgspec.Struct]] = {"overrides": Override, "layers": OwnLayer}
            struct = structs.get(where.split(".")[0].split("[")[0], Config)
            known = [field.encode_name for field in msgspec.structs.fields(struct)]
            raise _MistakeError(
                f"{where}.{match[1]}",
                f'unknown setting "{match[1]}"{_did_you_mean(match[1], known)}',
            ) from error
        what = f" in {where}" if where else ""
        raise _MistakeError(where, f"{reason}{what}") from error


def _did_you_mean(word: str, known: Iterable[str]) -> str:
    match = closest(word, known)
    return f'; did you mean "{match}"?' if match else ""


def _absolute(config: Config, folder: Path) -> Config:
    """Paths in a config file count from its own directory."""

    def absolute(names: Iterable[str]) -> list[str]:
        return [str(folder / name) for name in names]

    def anchored(globs: Iterable[str]) -> list[str]:
        from glob import escape

        start = escape(folder.as_posix().rstrip("/"))
        return [f"{start}/{glob.lstrip('/')}" if "/" in glob else glob for glob in globs]

    return msgspec.structs.replace(
        config,
        root=None if config.root is None else str(folder / config.root),
        weights=absolute(config.weights),
        extend_rules=_rule_files(config.extend_rules, folder),
        proto=None if config.proto is None else str(folder / config.proto),
        exclude=anchored(_below_all(config.exclude)),
        overrides=[
            msgspec.structs.replace(
                one,
                files=anchored(one.files),
                weights=None if one.weights is None else absolute(one.weights),
            )
            for one in config.overrides
        ],
    )


def _below_all(globs: Iterable[str]) -> Iterator[str]:
    """Globs of which those without a slash are about names in any directory below."""
    for glob in globs:
        bare = glob.rstrip("/")
        yield bare if "/" in bare else f"**/{bare}"


def _rule_files(globs: list[str], folder: Path) -> list[str]:
    """The files that ``extend-rules`` names, each once."""
    files: dict[str, None] = {}
    for number, glob in enumerate(globs):
        literal = folder / glob
        try:
            named = [literal] if literal.is_file() else named_by(glob, folder)
            found = sorted(map(str, islice(named, MOST_OWN_RULES + 1)))
        except (OSError, ValueError) as error:
            reason = f'extend-rules: "{glob}": {error}'
            raise _MistakeError(f"extend-rules.{number}", reason) from error
        if not found:
            raise _MistakeError(
                f"extend-rules.{number}", f'extend-rules: no file is named "{glob}"'
            )
        files.update(dict.fromkeys(found))
    return list(files)


# Names and values


def _check(config: Config) -> None:
    """Check what only the rules can tell.

    Raises:
        _MistakeError: for the first rule or option that is not known, or a value of another type.
        caffelint.engine.rule.RuleError: for a rule file of ``extend-rules`` with a mistake.
    """
    names = names_of(config)
    by_name = {
        key: rule
        for ruleset in _rule_sets(config)
        for rule in ruleset.rules
        for key in (rule.id, rule.name)
    }
    places: list[tuple[str, Config | Override]] = [("", config)]
    places += [(f"overrides.{number}.", one) for number, one in enumerate(config.overrides)]
    _check_layers(config)
    for where, one in places:
        if wrong := _unknown_dialect(one.dialect):
            raise _MistakeError(f"{where}dialect", f"dialect: {wrong}")
        for field in ("select", "ignore", "severity"):
            words = getattr(one, field) or ()
            for number, word in enumerate(words):
                if not names.knows(word):
                    at = word if isinstance(words, dict) else number
                    raise _MistakeError(f"{where}{field}.{at}", _unknown(field, word, names))
        for word, values in one.options.items():
            rule = by_name.get(word)
            if rule is None:
                raise _MistakeError(f"{where}options.{word}", _unknown("options", word, names))
            for name, value in values.items():
                _check_option(f"{where}options.{word}.{name}", rule.options, name, value, word)


_COUNT = re.compile(r"\d{1,4}(\+|-\d{1,4})?")


def _check_layers(config: Config) -> None:
    for name, layer in config.layers.items():
        for field in ("bottoms", "tops"):
            if not _COUNT.fullmatch(str(getattr(layer, field))):
                words = f'{field} of layer type {name}: write 2, "1-3" or "1+"'
                raise _MistakeError(f"layers.{name}.{field}", words)
        if isinstance(layer.shape, str):
            wrong = layer.shape != "same"
        else:
            wrong = len({isinstance(one, list) for one in layer.shape or ()}) > 1
        if wrong:
            words = f"shape of layer type {name}: write same, a list of sizes, or several such"
            raise _MistakeError(f"layers.{name}.shape", words)


def _unknown_dialect(name: str | None) -> str:
    """What is wrong with the name of a dialect, or an empty text."""
    if name is None or name in ("auto", "bvlc"):
        return ""
    from .told import UnknownDialectError, named

    try:
        named(name)
    except UnknownDialectError as error:
        return str(error)
    return ""


def _check_option(
    where: str, options: Mapping[str, Any], name: str, value: OptionValue, rule: str
) -> None:
    if name not in options:
        has = f"it has {', '.join(options)}" if options else "it has none"
        raise _MistakeError(
            where, f'rule {rule} has no option "{name}"{_did_you_mean(name, options) or f"; {has}"}'
        )
    wanted = options[name].value
    if type(value) is not type(wanted):
        _wrong_type(where, name, wanted)


def _wrong_type(where: str, name: str, wanted: OptionValue) -> NoReturn:
    kinds = {float: "a number", str: "a text", list: "a list of texts"}
    raise _MistakeError(where, f'option "{name}" takes {kinds[type(wanted)]}, such as {wanted}')


def _unknown(field: str, word: str, names: RuleNames) -> str:
    match = names.meant(word)
    meant = f'; did you mean "{match}"?' if match else " (caffelint rules lists them)"
    return f'{field}: there is no rule "{word}"{meant}'


def _unknown_names(given: Mapping[str, Any], config: Config) -> str:
    """What is wrong with names on the command line, or an empty text."""
    for field in ("select", "ignore"):
        for word in given.get(field, ()):
            names = names_of(config)
            if not names.knows(word):
                return _unknown(f"--{field}", word, names)
    wrong = _unknown_dialect(given.get("dialect"))
    return f"--dialect: {wrong}" if wrong else ""
