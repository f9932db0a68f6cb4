"""Rule files from anywhere: within which bounds they are read."""

from __future__ import annotations

from pathlib import Path

import pytest

from caffelint.engine.own import MOST_RULES, load_own
from caffelint.engine.rule import RuleError
from caffelint.engine.ruleset import RuleSet, load
from caffelint.resources import proto_folder

from .test_rule import RULE, write

FACTS = (proto_folder() / "facts.desc").read_bytes()
OWN = RULE.replace("XX001", "MY001").replace("a-rule", "my-rule")


@pytest.fixture
def shipped(tmp_path: Path) -> RuleSet:
    return load([write(tmp_path, RULE, "shipped.yaml")], FACTS, None)


def refusal(shipped: RuleSet, *paths: Path) -> str:
    """Why the last of the files is refused, which the message names first."""
    with pytest.raises(RuleError) as error:
        load_own(paths, FACTS, None, shipped)
    assert str(error.value).startswith(str(paths[-1]))
    return str(error.value).removeprefix(str(paths[-1])).removeprefix(": ")


def when(expression: str) -> str:
    return OWN.replace("when: layer.learns", f"when: >-\n  {expression}")


def padded(size: int) -> str:
    """The rule with so many bytes."""
    return OWN.rstrip() + "x" * (size - len(OWN)) + "\n"


def test_rules_that_keep_within_the_bounds(tmp_path: Path, shipped: RuleSet) -> None:
    """They run on the facts of the shipped ones, whose messages CEL would not take from others."""
    long = "layer.learns" + " " * 981 + "&& true"
    assert len(long) == 1000
    texts = [padded(64 * 1024), when(long).replace("MY001", "MY002").replace("my-", "your-")]
    paths = [write(tmp_path, text, f"{number}.yaml") for number, text in enumerate(texts)]
    own = load_own(paths, FACTS, None, shipped)
    assert [rule.id for rule in own.rules] == ["MY001", "MY002"]
    assert own.facts is shipped.facts


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        pytest.param(OWN.replace("MY001", "XX001"), "XX001 is taken by the rule XX001", id="id"),
        pytest.param(OWN.replace("my-rule", "a-rule"), "a-rule is taken by the rule XX001", id="n"),
        pytest.param(padded(64 * 1024 + 1), "larger than 64 KiB", id="size"),
        pytest.param(when("layer.learns" + " " * 982 + "&& true"),
                     "in when: longer than 1000 characters", id="expression"),
        pytest.param(OWN.replace("on: layer\nwhen: layer.learns", "on: problem\nkind: k"),
                     "rules on problems are caffelint's own; write a when", id="problem"),
        pytest.param(OWN.replace("why: w", "why: [w"), ":9: ", id="no-yaml"),
        pytest.param(OWN.replace("why: w", "why: *w"), "line 8: aliases (*name)", id="alias"),
        pytest.param(OWN.replace("why: w", "why: " + "[" * 101), "line 8: nesting depth over 100",
                     id="depth"),
        pytest.param("\udcff", "can't decode byte", id="no-text"),
        pytest.param(when("layer.lerns"), ":6: in when: undefined field 'lerns'", id="no-fact"),
    ],
)  # fmt: skip
def test_what_is_refused(tmp_path: Path, shipped: RuleSet, text: str, reason: str) -> None:
    path = tmp_path / "own.yaml"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    assert reason in refusal(shipped, path)


@pytest.mark.parametrize(
    ("expression", "what"),
    [
        pytest.param(
            'layer.name + "x" == "ax"', '"+" of texts (in messages, write {a}{b})', id="texts"
        ),
        pytest.param('b"a" + b"b" == b"ab"', '"+" of bytes', id="bytes"),
        pytest.param("[1] + [2] == [1, 2]", '"+" of lists', id="lists"),
        pytest.param("bytes(layer.name) == b'a'", "bytes()", id="bytes-of-a-text"),
        pytest.param("string(b'a') == layer.name", "string() of bytes", id="text-of-bytes"),
    ],
)
def test_nothing_grows(tmp_path: Path, shipped: RuleSet, expression: str, what: str) -> None:
    path = write(tmp_path, when(expression), "own.yaml")
    assert refusal(shipped, path) == f"in when: {what} is not for rules of your own"


def test_no_messages_are_made(tmp_path: Path, shipped: RuleSet) -> None:
    path = write(tmp_path, when("Layer {name: 'a'} == layer"), "own.yaml")
    assert refusal(shipped, path) == "in when: messages cannot be made in rules of your own"


def test_two_files_with_one_id(tmp_path: Path, shipped: RuleSet) -> None:
    first = write(tmp_path, OWN, "first.yaml")
    second = write(tmp_path, OWN.replace("my-rule", "other"), "second.yaml")
    assert refusal(shipped, first, second) == "MY001 is taken by the rule MY001"


def test_so_many_files(tmp_path: Path, shipped: RuleSet) -> None:
    """None of them is looked at."""
    path = tmp_path / "none.yaml"
    assert refusal(shipped, *[path] * (MOST_RULES + 1)) == "more than 200 rule files"
    assert refusal(shipped, *[path] * MOST_RULES) == "not a file"


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (PermissionError(13, "Permission denied"), "Permission denied"),
        (OSError("gone"), "gone"),
    ],
)
def test_a_file_that_cannot_be_read(
    tmp_path: Path,
    shipped: RuleSet,
    monkeypatch: pytest.MonkeyPatch,
    error: OSError,
    words: str,
) -> None:
    path = write(tmp_path, OWN, "own.yaml")

    def fail(*_given: object, **_more: object) -> str:
        raise error

    monkeypatch.setattr(Path, "read_text", fail)
    assert refusal(shipped, path) == words


def test_a_folder_is_no_rule_file(tmp_path: Path, shipped: RuleSet) -> None:
    assert refusal(shipped, tmp_path) == "not a file"
