"""Compiling rules: typed against the facts, cached as long as the files stay as they are."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from caffelint.engine.rule import RuleError
from caffelint.engine.ruleset import Facts, RuleSet, cache_directory, load
from caffelint.engine.vocabulary import Filler, Layer, Param
from caffelint.resources import proto_folder

from .test_rule import RULE, write
from .translating import translations_of

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


def others(folder: Path, *changes: tuple[str, str]) -> RuleSet:
    """Rules XX001, XX002, … that are each the usual one with a change."""
    paths = []
    for number, change in enumerate(changes, 1):
        text = RULE.replace(*change).replace("XX001", f"XX00{number}")
        paths.append(write(folder, text.replace("a-rule", f"rule-{number}"), f"{number}.yaml"))
    return load(paths, FACTS, None)


SAME = ("", "")


def test_rules_by_what_they_look_at(tmp_path: Path) -> None:
    made = others(
        tmp_path,
        ("on: layer", "on: layer\ntypes: [ReLU, TanH]"),
        SAME,
        ("on: layer\nwhen: layer.learns", "on: param\nwhen: param.lr_mult > 1.0"),
        ("on: layer\nwhen: layer.learns", "on: problem\nkind: k"),
        ("on: layer", "on: layer\ntypes: [ReLU]"),
    )
    found = {
        key: [[rule.id for rule in group.rules] for group in made.groups(*key)]
        for key in (("layer", "ReLU"), ("layer", "TanH"), ("layer", "Tile"), ("param", "ReLU"))
    }
    assert found == {
        ("layer", "ReLU"): [["XX002"], ["XX001", "XX005"]],
        ("layer", "TanH"): [["XX002"], ["XX001"]],
        ("layer", "Tile"): [["XX002"]],
        ("param", "ReLU"): [["XX003"]],
    }
    assert [len(made.groups("layer", "")), len(made.groups("net", ""))] == [1, 0]
    assert {kind: rule.id for kind, rule in made.by_kind.items()} == {"k": "XX004"}


def test_rules_with_a_symptom(tmp_path: Path) -> None:
    known = "\nsymptoms: [loss-87]"
    made = others(
        tmp_path,
        ("severity: warning", f"severity: info{known}"),
        ("severity: warning", f"severity: error{known}"),
        SAME,
        ("severity: warning", f"severity: warning{known}"),
        ("on: layer\nwhen: layer.learns", f"on: run\nwhen: run.done{known}"),
    )
    assert [rule.id for rule in made.with_symptom("loss-87")] == ["XX002", "XX004", "XX001"]
    assert made.with_symptom("loss-zero") == []


@pytest.mark.parametrize(
    ("changes", "together"),
    [
        pytest.param([SAME, SAME], True, id="as-translated"),
        pytest.param([SAME, ("learns", "weighs")], False, id="one-was-changed"),
        pytest.param([("learns", "weighs"), SAME], False, id="the-first-was"),
        pytest.param([SAME], False, id="one-is-missing"),
        pytest.param([SAME, SAME, SAME], False, id="there-is-one-more"),
        pytest.param([SAME, ("message: m", "message: n")], True, id="other-words"),
    ],
)
def test_conditions_are_asked_together_only_where_all_are_translated(
    tmp_path: Path, changes: list[tuple[str, str]], together: bool
) -> None:
    with translations_of(others(tmp_path, SAME, SAME)):
        (group,) = others(tmp_path, *changes).groups("layer", "ReLU")
        assert (group.conditions is not None) == together
        assert len(group.rules) == len(changes)


def test_examples_are_kept_apart(tmp_path: Path) -> None:
    """Most runs need none."""
    examples = [{"good": "x"}, {"bad": "y", "files": {"a": "b"}}]
    path = write(tmp_path, f"{RULE}examples: {json.dumps(examples)}\n")
    for _ in range(2):  # compiled, and from the cache
        made = compile_rule(path, tmp_path / "cache")
        assert [rule.examples for rule in made.rules] == [[]]
        (rule,) = made.whole_rules
        assert [(one.good, one.bad) for one in rule.examples] == [("x", ""), ("", "y")]
        assert made.texts["XX001"].summary == "s"


@pytest.mark.parametrize(
    ("change", "line", "name"),
    [
        pytest.param("at: [end, train.first]", None, "", id="moments"),
        pytest.param("at: train", 8, "train", id="no-moment"),
        pytest.param("at: [end, train.first.line]", 8, "train.first.line", id="part-of-one"),
        pytest.param("at: nothing.first", 8, "nothing.first", id="no-fact"),
        pytest.param("also: {end: w, rows: w}", None, "", id="rows-are-no-moment-but-known"),
        pytest.param("also: {end: w, done: w}", 8, "done", id="no-moment-beside-it"),
    ],
)
def test_moments_of_rules_on_runs(tmp_path: Path, change: str, line: int | None, name: str) -> None:
    text = RULE.replace("on: layer\nwhen: layer.learns", "on: run\nwhen: run.done")
    path = write(tmp_path, text.replace("why: w", f"{change}\nwhy: w"))
    if line is None:
        assert [rule.id for rule in compile_rule(path).rules] == ["XX001"]
        return
    with pytest.raises(RuleError) as error:
        compile_rule(path)
    assert str(error.value).startswith(f"{path}:{line}: in ")
    assert str(error.value).endswith(f": a run has no moment {name}")


def test_a_fact_as_a_message_of_cel() -> None:
    """All that is known, and no more: what is absent stays so."""
    filler = Filler(type="gaussian", std=0.5)
    layer = Layer(name="a", num_output=7, bottoms=["x", "y"], weight_filler=filler)
    layer.params = [Param(index=0, lr_mult=2.0), Param(index=1)]
    message = Facts(FACTS).message(layer, "Layer")
    assert (message.name, message.num_output, list(message.bottoms)) == ("a", 7, ["x", "y"])
    assert [(one.index, one.lr_mult) for one in message.params] == [(0, 2.0), (1, 0.0)]
    assert (message.weight_filler.type, message.weight_filler.std) == ("gaussian", 0.5)
    assert (message.HasField("weight_filler"), message.HasField("bias_filler")) == (True, False)
    absent = [message.weight_filler.HasField(name) for name in ("std", "mean")]
    assert absent == [True, False]


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
