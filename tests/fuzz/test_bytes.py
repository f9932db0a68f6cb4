"""Whatever the bytes are, each reader gives an answer or its own kind of error; and what fuzzing
has found once.
"""

from __future__ import annotations

import time
from pathlib import Path
from random import Random

import pytest

from caffelint.config import ConfigError, read_config
from caffelint.core.source import Source
from caffelint.data.lmdb import Lmdb, LmdbError
from caffelint.engine.rule import RuleError
from caffelint.resources import load_own_rules
from caffelint.syntax.parser import parse
from fuzz import TARGETS, damaged, mutated, words

SEEDS = Path(__file__).parent / "seeds"
NUMBER = {"parse": 1500, "lint": 60, "fix": 12, "log": 60, "weights": 600, "config": 300}


@pytest.mark.parametrize("target", NUMBER)
def test_damaged_seeds_break_no_promise(target: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "unused")  # a target sets it, and it is put back
    run, known, rng = TARGETS[target](), words(target), Random(7)
    seeds = [path.read_bytes() for path in sorted((SEEDS / target).iterdir())]
    for seed in seeds:
        run(seed)
    for _ in range(NUMBER[target]):
        data = damaged(rng.choice(seeds), rng) if rng.random() < 0.3 else rng.choice(seeds)
        run(data if target == "weights" else mutated(data, known, rng))


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("a [{ b: [{ }, < c:", id="breaks-off-in-the-second-element-of-a-list"),
        pytest.param("a [{ }, { }, {", id="breaks-off-in-the-third"),
        pytest.param("a: [1, 'x", id="breaks-off-in-a-text"),
    ],
)
def test_a_list_that_breaks_off_comes_back(text: str) -> None:
    assert parse(Source("net.prototxt", text)).render() == text


def test_a_bracket_in_a_comment_behind_a_bad_line_closes_nothing() -> None:
    tree = parse(Source("net.prototxt", 'layer {\n  = 1 # }\n  name: "x"\n}\n'))
    assert [problem.kind for problem in tree.problems] == ["unexpected-token"]
    assert [len(field.children or ()) for field in tree.fields] == [1]


@pytest.mark.parametrize("piece", ["u#}u", "}}P#", "na} rs {  ", "}l}OSS {", 'a:"x" "y"'])
def test_time_is_linear(piece: str) -> None:
    start = time.process_time()
    parse(Source("net.prototxt", piece * 40_000))
    assert time.process_time() - start < 10  # it takes some 0.3 s; the square of it minutes


def test_a_database_of_impossibly_many_records_is_damaged(tmp_path: Path) -> None:
    data = bytearray((SEEDS / "weights" / "data.mdb").read_bytes())
    for page in (0, 4096):  # mm_entries of the main tree in both meta pages
        at = page + 16 + 24 + 48 + 32
        data[at : at + 8] = b"\xff" * 8
    path = tmp_path / "data.mdb"
    path.write_bytes(data)
    with pytest.raises(LmdbError, match="damaged"):
        Lmdb(path)


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        pytest.param("shapes: {x: [a]}", ":1: Expected `int`, got `str`", id="in-a-mapping"),
        pytest.param("0 severity: {}", 'unknown setting "0 severity"', id="begins-with-a-digit"),
        pytest.param("data-sample: 1" + ":59" * 9000, "<= 1000000", id="a-number-of-base-60"),
        pytest.param("shapes: {x: [1" + ":59" * 9000 + "]}", "<= 2147483647", id="as-a-size"),
        pytest.param("data-sample: " + "1" * 9000, "4300 digits", id="digits"),
    ],
)
def test_config_values_that_fuzzing_found(tmp_path: Path, config: str, reason: str) -> None:
    path = tmp_path / ".caffelint.yaml"
    path.write_text(config)
    with pytest.raises(ConfigError) as error:
        read_config(path)
    assert reason in str(error.value)


def test_an_empty_rule_file_is_none(tmp_path: Path) -> None:
    path = tmp_path / "MY001.yaml"
    path.touch()
    with pytest.raises(RuleError, match=r":1: Expected `object`, got `null`"):
        load_own_rules((path,))
