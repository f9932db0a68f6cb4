"""Findings for open files, and what is offered to do about them."""

from __future__ import annotations

from pathlib import Path

import pytest

from caffelint.core.diagnostic import Edit
from caffelint.core.source import Span
from caffelint.lsp.actions import actions
from caffelint.lsp.diagnose import Desk, difference, real
from caffelint.resources import load_rules

BROKEN = """\
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 1 dim: 8 } } }
layer { name: "relu" type: "ReLU" bottom: "dat" top: "out" }
"""


def applied(text: str, edits: tuple[Edit, ...]) -> str:
    for edit in sorted(edits, key=lambda edit: edit.span, reverse=True):
        text = text[: edit.span.start] + edit.text + text[edit.span.end :]
    return text


def rules_in(texts: dict[Path, str], path: Path) -> list[str]:
    found = Desk({real(each): text for each, text in texts.items()}).check(path)
    return [one.rule for one in found.by_file[real(path)]]


def test_a_text_counts_as_it_is_in_the_editor(tmp_path: Path) -> None:
    net = tmp_path / "net.prototxt"
    net.write_text(BROKEN)
    assert rules_in({net: BROKEN.replace('"dat"', '"data"')}, net) == []
    assert rules_in({net: BROKEN}, net) == ["CL101"]


def test_a_solver_sees_the_unsaved_net(tmp_path: Path) -> None:
    net, solver = tmp_path / "net.prototxt", tmp_path / "solver.prototxt"
    net.write_text(BROKEN.replace('"dat"', '"data"'))
    text = 'net: "net.prototxt"\nbase_lr: 0.1\nlr_policy: "fixed"\nmax_iter: 9\n'
    desk = Desk({real(net): BROKEN, real(solver): text})
    found = desk.check(solver)
    assert "CL101" in [one.rule for one in found.by_file[real(net)]]


@pytest.mark.parametrize("is_open", [True, False])
def test_a_net_has_the_solver_beside_it(tmp_path: Path, is_open: bool) -> None:
    net, solver = tmp_path / "net.prototxt", tmp_path / "my_solver.prototxt"
    text = "# net: 'x'\ntype: 'SGD' train_net: 'net.prototxt' base_lr: 0.1\n"
    net.write_text(BROKEN)
    solver.write_text("" if is_open else text)
    desk = Desk({real(net): BROKEN} | ({real(solver): text} if is_open else {}))
    assert desk.solvers_of(net) == [real(solver)]
    assert real(solver) in desk.check(net).by_file


def test_no_file_is_needed() -> None:
    nowhere = Path("/nowhere/at/all/net.prototxt")
    assert rules_in({nowhere: BROKEN}, nowhere) == ["CL101"]


@pytest.mark.parametrize("text", ["", "item { name: 'none_of_the_above' label: 0 }", "na"])
def test_what_is_none_of_caffes_is_left_alone(tmp_path: Path, text: str) -> None:
    assert rules_in({tmp_path / "x.prototxt": text}, tmp_path / "x.prototxt") == []


def test_actions_of_a_finding(tmp_path: Path) -> None:
    net = tmp_path / "net.prototxt"
    found = Desk({real(net): BROKEN}).check(net)
    findings = found.by_file[real(net)]
    here = Span(*findings[0].place.span)
    offered = actions(findings, here, found.names[real(net)])
    fixes = [one for one in offered if not one.title.startswith("Ignore")]
    assert fixes
    for fix in fixes:
        safe = fix.finding.fix is not None and fix.finding.fix.safe
        assert ("unsafe" in fix.title) is not safe
        assert rules_in({net: applied(BROKEN, fix.edits)}, net) == []
    (ignore,) = (one for one in offered if one.title.startswith("Ignore CL101"))
    assert rules_in({net: applied(BROKEN, ignore.edits)}, net) == []
    assert actions(findings, Span(0, 5), found.names[real(net)]) == []


def test_all_safe_fixes_at_once(tmp_path: Path) -> None:
    net = tmp_path / "net.prototxt"
    text = 'input: "x"\ninput_shape { dim: 1 dim: 4 }\nforce_backward: "true"\n'
    net.write_text("")
    desk = Desk({real(net): text})
    findings = desk.check(net).by_file[real(net)]
    assert any(one.fix is not None and one.fix.safe for one in findings)
    assert "force_backward: true" in desk.fixed(net)
    assert net.read_text() == ""


def test_marks_of_what_is_old_or_idle() -> None:
    tags = {rule.name: rule.tag for rule in load_rules().rules}
    old = {"old-net-form", "old-input-form", "solver-type-deprecated"}
    assert {name for name, tag in tags.items() if tag == "deprecated"} == old
    unfinished = {name for name, tag in tags.items() if tag == "not-in-editors"}
    assert unfinished == {"neither-net-nor-solver"}
    idle = {name for name, tag in tags.items() if tag == "unnecessary"}
    assert {"unused-ignore", "ignored-solver-field", "unread-data-field"} <= idle
    assert {name for name in tags if name.startswith(("ignored-", "unused-", "unread-"))} <= idle


@pytest.mark.parametrize(
    ("old", "new", "edit"),
    [
        ("abc", "abc", None),
        ("abc", "axc", Edit(Span(1, 2), "x")),
        ("aa", "aaa", Edit(Span(2, 2), "a")),
        ("", "a", Edit(Span(0, 0), "a")),
    ],
)
def test_difference(old: str, new: str, edit: Edit | None) -> None:
    assert difference(old, new) == edit
