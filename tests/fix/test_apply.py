"""Passes over fixes that touch each other, break a text or do not help."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from caffelint.core.diagnostic import Diagnostic, Edit, Fix, Place, Report, Severity
from caffelint.core.source import Source, Span
from caffelint.fix.apply import Outcome, WriteError, fix_all, write
from caffelint.fix.told import listing

NAME = "a.prototxt"


def replaced(text: str, old: str, new: str, *, message: str = "", safe: bool = True) -> Diagnostic:
    """A finding whose fix puts ``new`` for the first ``old``."""
    start = text.index(old)
    span = Span(start, start + len(old))
    place = Place(Source(NAME, text), span)
    fix = Fix("t", (Edit(span, new),), safe)
    return Diagnostic(
        *("XX001", "x", Severity.INFO, "high", message or f"{old} to {new}", "", place), fix=fix
    )


def run(
    text: str, *rules: tuple[str, str], refused: str = "!", linted: tuple[str, ...] = (NAME,)
) -> Outcome:
    """Fix a text with rules ``(old, new)`` until none of them is found."""

    def look(contents: Mapping[Path, bytes]) -> Report:
        now = next(iter(contents.values()), text.encode()).decode()
        found = [replaced(now, old, new) for old, new in rules if old in now]
        found.sort(key=lambda one: one.sort_key)
        return Report(tuple(found), {}, linted)

    return fix_all(look, lambda _, data: data.count(refused.encode()), unsafe=False)


def text_of(outcome: Outcome) -> str:
    return next(iter(outcome.files.values())).new.decode()


@pytest.mark.parametrize(
    ("text", "rules", "wanted"),
    [
        pytest.param("a b", [("a", "x"), ("b", "y")], "x y", id="apart"),
        pytest.param("abc", [("ab", "x"), ("bc", "y")], "xc", id="overlapping-the-first-counts"),
        pytest.param("ab", [("a", "x"), ("b", "y")], "xy", id="meeting-one-after-the-other"),
        pytest.param("a", [("a", "b"), ("b", "c")], "c", id="one-leads-to-the-next"),
        pytest.param("a b", [("a", "!"), ("b", "y")], "a y", id="what-breaks-is-left-out"),
        pytest.param("a!", [("a", "b")], "b!", id="what-was-broken-may-stay"),
    ],
)
def test_passes(text: str, rules: list[tuple[str, str]], wanted: str) -> None:
    assert text_of(run(text, *rules)) == wanted


def test_what_is_left_out_is_told() -> None:
    (one,) = run("a b c", ("a", "!"), ("b", "!!"), ("c", "z")).files.values()
    assert (one.new, [found.message for found in one.made]) == (b"a b z", ["c to z"])
    assert [(found.message, reason) for found, reason in one.dropped] == [
        ("a to !", "its fix would break the file"),
        ("b to !!", "its fix would break the file"),
    ]
    words = list(listing(run("a b c", ("a", "!"), ("c", "z")), every=True))
    assert words == [
        "a.prototxt:1: t [XX001 x]",
        "a.prototxt:1: its fix would break the file [XX001 x]",
        "1 fix in 1 file",
    ]


def test_fixes_that_undo_each_other_come_to_an_end() -> None:
    assert text_of(run("a", ("a", "b"), ("b", "a"))) in ("a", "b")


def test_files_that_were_not_checked_stay() -> None:
    assert run("a", ("a", "b"), linted=("other.prototxt",)).files == {}


def test_a_fix_that_does_not_help_is_made_once() -> None:
    (one,) = run("a\n", ("a\n", "a\n\n")).files.values()
    assert one.new == b"a\n\n"
    assert [reason for _, reason in one.dropped] == ["its fix does not mend it"]


def test_the_report_is_of_the_fixed_text() -> None:
    assert run("a", ("a", "b")).report.diagnostics == ()


def test_a_file_that_has_changed_is_not_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    outcome = run("a", ("a", "b"))
    (tmp_path / NAME).write_text("other")
    with pytest.raises(WriteError, match=r"a\.prototxt: changed in the meantime"):
        write(outcome)
    assert (tmp_path / NAME).read_text() == "other"
    (tmp_path / NAME).write_text("a")
    write(outcome)
    assert (tmp_path / NAME).read_text() == "b"
    (tmp_path / NAME).unlink()
    with pytest.raises(WriteError, match="No such file"):
        write(outcome)
