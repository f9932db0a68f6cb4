"""The baseline: what is known stays silent after moves, what is new is told, what is gone too."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from caffelint.control.baseline import BaselineError, Compared, compare, entries, read, text_of
from caffelint.core.diagnostic import Diagnostic, Place, Report, RuleText, Severity
from caffelint.core.source import Source, Span

ON = frozenset({"CL101", "CL201"})
RULES = {id_: RuleText(id_, id_, Severity.ERROR, "high", "", "", "", ()) for id_ in (*ON, "CL301")}
TEXT = "a: 1\nX: 2\nb: 3\nX: 2\n"


def report(folder: Path, text: str, name: str = "net.prototxt", rule: str = "CL101") -> Report:
    """A finding at every X of a text that lies in the folder."""
    (folder / name).write_text(text)
    source = Source(str(folder / name), text)
    found = tuple(
        Diagnostic(rule, "x", Severity.ERROR, "high", "words", "", Place(source, Span(at, at + 1)))
        for at, char in enumerate(text)
        if char == "X"
    )
    return Report(found, RULES, (source.name,))


def compared(before: Report, after: Report, folder: Path, on: frozenset[str] = ON) -> Compared:
    path = folder / "baseline.json"
    path.write_text(text_of(before, path))
    return compare(after, read(path), path, on)


@pytest.mark.parametrize(
    ("text", "new", "stale"),
    [
        pytest.param(TEXT, 0, 0, id="same"),
        pytest.param("# more\n\n" + TEXT, 0, 0, id="lines-above"),
        pytest.param(TEXT.replace("X", "  X"), 0, 0, id="indented"),
        pytest.param(TEXT.replace("b: 3\n", ""), 0, 0, id="lines-between"),
        pytest.param(TEXT.replace("2", "2  # caffelint: ignore[CL301]"), 0, 0, id="ignore-added"),
        pytest.param(TEXT + "X: 2\n", 1, 0, id="one-more-alike"),
        pytest.param(TEXT + "X: 9\n", 1, 0, id="one-more"),
        pytest.param("a: 1\nX: 2\n", 0, 1, id="one-gone"),
        pytest.param("a: 1\nX: 7\nX: 2\n", 1, 1, id="one-changed"),
    ],
)
def test_what_is_new_and_what_is_gone(tmp_path: Path, text: str, new: int, stale: int) -> None:
    before = report(tmp_path, TEXT)
    result = compared(before, report(tmp_path, text), tmp_path)
    assert (len(result.report.diagnostics), len(result.stale)) == (new, stale)
    assert all(one.kind == "external" for one in result.report.suppressed)


def test_a_renamed_file_keeps_its_findings(tmp_path: Path) -> None:
    before = report(tmp_path, TEXT, "old.prototxt")
    (tmp_path / "old.prototxt").unlink()
    result = compared(before, report(tmp_path, TEXT, "new.prototxt"), tmp_path)
    assert (result.report.diagnostics, result.stale) == ((), ())


def test_a_copied_file_has_findings_of_its_own(tmp_path: Path) -> None:
    before = report(tmp_path, TEXT, "old.prototxt")
    result = compared(before, report(tmp_path, TEXT, "new.prototxt"), tmp_path)
    assert len(result.report.diagnostics) == 2


def test_entries_of_files_and_rules_that_were_not_looked_at_are_not_stale(tmp_path: Path) -> None:
    other = report(tmp_path, TEXT, "other.prototxt")
    assert compared(other, report(tmp_path, ""), tmp_path).stale == ()
    before = report(tmp_path, TEXT, rule="CL301")
    assert compared(before, report(tmp_path, ""), tmp_path).stale == ()


def test_a_baseline_does_not_depend_on_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sub").mkdir()
    before = report(tmp_path, TEXT, "sub/net.prototxt")
    monkeypatch.chdir(tmp_path / "sub")
    source = Source("net.prototxt", TEXT)
    from_sub = [
        Diagnostic("CL101", "x", Severity.ERROR, "high", "words", "", Place(source, Span(at, at)))
        for at in (5, 15)
    ]
    path = tmp_path / "baseline.json"
    assert entries(from_sub, Path("../baseline.json")) == entries(before.diagnostics, path)


def test_the_file_is_sorted_and_always_the_same(tmp_path: Path) -> None:
    found = report(tmp_path, "X: 3\nX: 1\nX: 2\n")
    reverse = Report(found.diagnostics[::-1], RULES, found.files)
    path = tmp_path / "baseline.json"
    text = text_of(found, path)
    assert text == text_of(reverse, path)
    prints = [one["fingerprint"] for one in json.loads(text)["findings"]]
    assert prints == sorted(prints)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        pytest.param(b"", "not JSON", id="empty"),
        pytest.param(b"[" * 100_000, "not JSON", id="deep"),
        pytest.param(b"\xff", "not JSON", id="not-utf-8"),
        pytest.param(b"[]", "not a baseline", id="list"),
        pytest.param(b'{"version": 1}', "not a baseline", id="no-findings"),
        pytest.param(b'{"version": 2, "findings": []}', "version 2", id="newer"),
        pytest.param(None, "No such file", id="missing"),
    ],
)
def test_what_is_no_baseline_is_refused(tmp_path: Path, content: bytes | None, reason: str) -> None:
    path = tmp_path / "baseline.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(BaselineError, match=reason):
        read(path)
