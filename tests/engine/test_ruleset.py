"""Compiling rules: typed against the facts, cached as long as the files stay as they are."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from caffelint.engine.rule import RuleError
from caffelint.engine.ruleset import RuleSet, cache_directory, load
from caffelint.resources import proto_folder

from .test_rule import RULE, write

FACTS = (proto_folder() / "facts.desc").read_bytes()


def compile_rule(path: Path, cache: Path | None = None) -> RuleSet:
    return load([path], FACTS, cache)


@pytest.mark.parametrize(
    ("change", "line", "reason"),
    [
        pytest.param(
            ("layer.learns", "layer.lerns"), 5,
            "undefined field 'lerns' not found in struct 'caffelint.Layer' (line 1, column 6",
            id="misspelt-fact",
        ),
        pytest.param(("layer.learns", "layer.learns &&"), 5, "Syntax error", id="cel-syntax"),
        pytest.param(("layer.learns", "layer.name"), 5, "gives STRING", id="no-condition"),
        pytest.param(("layer.learns", "param.lr_mult > 1.0"), 5, "param", id="other-variable"),
        pytest.param(
            ("layer.learns", "net.frozen > option.limit"), 5, "no option limit", id="no-such-option"
        ),
        pytest.param(("message: m", "message: '{layer.nme}'"), 7, "nme", id="placeholder"),
    ],
)  # fmt: skip
def test_expressions_are_checked_when_loaded(
    tmp_path: Path, change: tuple[str, str], line: int, reason: str
) -> None:
    path = write(tmp_path, RULE.replace(*change))
    with pytest.raises(RuleError) as error:
        compile_rule(path)
    assert str(error.value).startswith(f"{path}:{line}: in ")
    assert reason in str(error.value)


def test_a_block_scalar_is_found_on_its_first_line(tmp_path: Path) -> None:
    path = write(tmp_path, RULE.replace("when: layer.learns", "when: >-\n  layer.lerns"))
    with pytest.raises(RuleError, match=r"rule\.yaml:6: in when"):
        compile_rule(path)


def test_the_cache_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, cache = write(tmp_path, RULE), tmp_path / "new" / "cache"
    first = compile_rule(path, cache)
    monkeypatch.setattr("caffelint.engine.ruleset._compile", None)
    second = compile_rule(path, cache)
    assert second.rules == first.rules
    assert second.expression("layer", "layer.learns") is not None


def test_a_changed_rule_is_compiled_anew(tmp_path: Path) -> None:
    path, cache = write(tmp_path, RULE), tmp_path / "cache"
    compile_rule(path, cache)
    path.write_text(RULE.replace("message: m", "message: other"))
    assert compile_rule(path, cache).rules[0].message == "other"


@pytest.mark.parametrize("content", [b"", b"{}", b"\x80\x04pickle", b'{"key": "other"}'])
def test_a_foreign_or_broken_cache_file_is_ignored(tmp_path: Path, content: bytes) -> None:
    path, cache = write(tmp_path, RULE), tmp_path / "cache"
    compile_rule(path, cache)
    (file,) = cache.iterdir()
    file.write_bytes(content)
    assert compile_rule(path, cache).rules[0].id == "XX001"
    assert file.read_bytes() != content


def test_the_cache_does_not_grow_for_ever(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    for number in range(12):
        compile_rule(write(tmp_path, RULE.replace("message: m", f"message: m{number}")), cache)
    assert len(list(cache.iterdir())) == 8


def test_a_cache_that_cannot_be_written_is_done_without(tmp_path: Path) -> None:
    path, blocked = write(tmp_path, RULE), tmp_path / "file"
    blocked.write_text("in the way")
    assert compile_rule(path, blocked).rules[0].id == "XX001"


@pytest.mark.skipif(os.name == "nt", reason="XDG is not for Windows")
@pytest.mark.parametrize(
    ("given", "expected"),
    [({}, "home/.cache"), ({"XDG_CACHE_HOME": "relative"}, "home/.cache"),
     ({"XDG_CACHE_HOME": "{}/xdg"}, "xdg"), ({"CAFFELINT_CACHE_DIR": "{}/own"}, "own")],
)  # fmt: skip
def test_where_compiled_rules_are_kept(
    given: dict[str, str], expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in ("XDG_CACHE_HOME", "CAFFELINT_CACHE_DIR"):
        monkeypatch.delenv(name, raising=False)
    for name, value in given.items():
        monkeypatch.setenv(name, value.format(tmp_path))
    end = () if "CAFFELINT_CACHE_DIR" in given else ("caffelint",)
    assert cache_directory() == tmp_path.joinpath(expected, *end)
