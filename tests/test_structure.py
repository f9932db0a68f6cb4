"""The house rules of the code base: data flows one way, and what is packaged is what there is."""

from __future__ import annotations

import ast
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
CODE = ROOT / "linter"

# Which packages a package may import; the modules at the top (cli, check, …) may import all.
MAY_IMPORT = {
    "core": set(),
    "syntax": {"core"},
    "schema": {"core", "syntax"},
    "model": {"core", "schema"},
    "data": {"core", "syntax", "schema", "model"},
    "moments": {"core", "schema", "model"},
    "engine": {"core"},
    "facts": {"core", "schema", "model", "moments", "engine"},
    "fix": {"core", "syntax", "schema", "engine", "facts"},
    "control": {"core", "syntax"},
    "log": {"core", "syntax", "schema", "model", "engine", "reading"},
    "lsp": {
        *("core", "syntax", "schema", "model", "engine", "fix", "control"),
        *("check", "config", "dialects", "ownproto", "reading", "resources", "settings", "told"),
        "walk",
    },
    "plot": {"core", "engine", "log"},
    "report": {"core"},
}

pytestmark = pytest.mark.skipif(not CODE.is_dir(), reason="runs in a checkout only")


def imported_packages(path: Path) -> set[str]:
    """First component below caffelint of every relative import of a module."""
    found = set()
    package = list(path.relative_to(CODE).parts[:-1])
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = package[: len(package) - (node.level - 1)]
            target = base + (node.module.split(".") if node.module else [])
            found |= {target[0]} if target else {alias.name for alias in node.names}
    return found


@pytest.mark.parametrize("package", sorted(MAY_IMPORT))
def test_imports_go_one_way(package: str) -> None:
    for path in (CODE / package).rglob("*.py"):
        assert imported_packages(path) - {package} <= MAY_IMPORT[package], path


def test_only_the_command_line_imports_reporters() -> None:
    importers = {
        path.relative_to(CODE).parts[0]
        for path in CODE.rglob("*.py")
        if "report" in imported_packages(path) and path.parent.name != "report"
    }
    assert importers == {"cli"}


def test_every_package_is_shipped() -> None:
    with (ROOT / "pyproject.toml").open("rb") as file:
        setuptools = tomllib.load(file)["tool"]["setuptools"]
    there = {"caffelint.proto", "caffelint.rules"} | {
        ".".join(("caffelint", *path.parent.relative_to(CODE).parts))
        for path in CODE.rglob("__init__.py")
    }
    assert set(setuptools["packages"]) == there


def test_every_rule_is_named_after_its_file() -> None:
    from caffelint.engine.rule import read_rule

    for path in (ROOT / "rules").glob("CL*.yaml"):
        rule = read_rule(path)
        assert path.stem == f"{rule.id}-{rule.name}"
