"""Comments that silence findings: where they count, what is wrong with them, adding them."""

from __future__ import annotations

from pathlib import Path

import pytest

from caffelint.check import Checker
from caffelint.config import Config
from caffelint.control.add_ignores import add_all, added
from caffelint.control.suppress import PROBLEM_KINDS, Ignores
from caffelint.core.diagnostic import Diagnostic, Place, Report, RuleText, Severity
from caffelint.core.naming import RuleNames
from caffelint.core.source import Source, Span
from caffelint.resources import load_rules
from caffelint.syntax.lexer import comments

NAMES = RuleNames(
    RuleText(id_, name, Severity.ERROR, "high", "", "", "", ())
    for id_, name in (("CL101", "unknown-bottom"), ("CL201", "missing-weight-filler"))
)


def finding(source: Source, at: int, rule: str = "CL201") -> Diagnostic:
    place = Place(source, Span(at, at + 1))
    return Diagnostic(rule, "x", Severity.ERROR, "high", "message", "", place)


@pytest.mark.parametrize(
    ("text", "want"),
    [
        pytest.param("a: 1 # b", ["# b"], id="line-end"),
        pytest.param("a: '# b' # c", ["# c"], id="after-quotes"),
        pytest.param('a: "\\"# b" # c\n#d', ["# c", "#d"], id="escaped-quote"),
        pytest.param('a: "# open\n# c', ["# c"], id="open-quote"),
        pytest.param("# it's\n# b", ["# it's", "# b"], id="quote-in-comment"),
        pytest.param("# a\0# b", ["# a", "# b"], id="nul-ends-a-comment"),
    ],
)
def test_comments_of_a_text(text: str, want: list[str]) -> None:
    assert [text[start:end] for start, end in comments(text)] == want


# X marks what is silenced by the comment, Y what is not.
@pytest.mark.parametrize(
    "text",
    [
        pytest.param("Y: 1\nX: 1 # caffelint: ignore[CL201]\nY: 1", id="line"),
        pytest.param("X: 1 # caffelint: ignore[CL201] why, oh why", id="reason"),
        pytest.param("X: 1 # note  # caffelint: ignore[CL201]", id="behind-a-comment"),
        pytest.param("X: 1 # caffelint:ignore [ CL101 , CL201 ]", id="several"),
        pytest.param("X: 1 # caffelint: ignore[CL101] # caffelint: ignore[CL201]", id="twice"),
        pytest.param("X: 1 # caffelint: ignore[missing-weight-filler]", id="name"),
        pytest.param("X: 1 # caffelint: ignore[CL2]", id="beginning-of-ids"),
        pytest.param("X: 1 # caffelint: ignore[initialisation]", id="topic"),
        pytest.param("Y: 1 # caffelint: ignore[CL1]", id="other-rule"),
        pytest.param("Y: '# caffelint: ignore[CL201]'", id="in-quotes"),
        pytest.param("X { # caffelint: ignore[CL201]\n  X: 1\n  a { X: 1 }\n}\nY: 1", id="block"),
        pytest.param("X\n{ # caffelint: ignore[CL201]\n  X: 1\n}\nY: 1", id="brace-below"),
        pytest.param("X { a: 1 } # caffelint: ignore[CL201]\nY: 1", id="closed-block"),
        pytest.param("Y { a: 1\n  X: 1 # caffelint: ignore[CL201]\n Y: 1 }", id="line-in-block"),
        pytest.param("b { X { # caffelint: ignore[CL201]\n X: 1 }\n X: 1 } Y: 1", id="nested"),
        pytest.param("Y { a: 1\n} # caffelint: ignore[CL201]", id="closing-line"),
        pytest.param("Y: 1\n  # caffelint: ignore[CL201]\nX: 1\nY: 1", id="own-line"),
        pytest.param("# caffelint: ignore[CL201]\n\n# more\nX { X: 1\n X: 1\n}\nY: 1",
                     id="own-line-before-a-block"),
        pytest.param("\ufeff# caffelint: ignore[CL201]\nX: 1\nY: 1", id="own-line-behind-mark"),
        pytest.param("Y: 1\r\nX: 1 # caffelint: ignore[CL201]\r\nY: 1\r\n", id="crlf"),
        pytest.param("# caffelint: ignore-file\nX: 1\nX { X: 1 }", id="file"),
        pytest.param("# a\n# caffelint: ignore-file[CL201] made\nX: 1\nX: 1", id="file-of-a-rule"),
        pytest.param("X: 1 # caffelint: ignore-file\nX: 1", id="file-on-the-first-line"),
        pytest.param("Y: 1\n# caffelint: ignore-file[CL201]\nY: 1", id="file-too-late"),
        pytest.param("Y: 1 # caffelint: ignore", id="no-rule-named"),
        pytest.param("X { # caffelint: ignore[CL201]\n X: 1 ]]] \n X: 'open\n X", id="broken"),
    ],
)  # fmt: skip
def test_where_an_ignore_counts(text: str) -> None:
    source = Source("x", text)
    ignores = Ignores(source, NAMES)
    for at, char in enumerate(text):
        if char in "XY" and text[at + 1 : at + 3] in (": ", " {", "\n{", ""):
            silenced = ignores.silencing(finding(source, at)) is not None
            assert silenced == (char == "X"), text[at:]


@pytest.mark.parametrize(
    ("comment", "want"),
    [
        pytest.param("ignore[CL201]", ["unused-ignore ignore[CL201]"], id="unused"),
        pytest.param("ignore[CL1, CL201]", ["unused-ignore ignore[CL201]"], id="one-of-two"),
        pytest.param("ignore[nonsense]", ["unknown-ignore nonsense"], id="unknown"),
        pytest.param("ignore[CL9]", [], id="topic-without-rules"),
        pytest.param("ignore-file[CL201]", ["unused-ignore ignore[CL201]"], id="file-unused"),
        pytest.param("ignore", ["malformed-ignore brackets"], id="no-brackets"),
        pytest.param("ignore CL201", ["malformed-ignore brackets"], id="rule-without-brackets"),
        pytest.param("ignore-file CL201", ["malformed-ignore brackets"], id="file-without"),
        pytest.param("ignore[CL201", ["malformed-ignore known"], id="not-closed"),
        pytest.param("ignore[]", ["malformed-ignore missing"], id="empty"),
        pytest.param("ignore[CL201,]", ["malformed-ignore missing"], id="comma-at-the-end"),
        pytest.param("disable[CL201]", ["malformed-ignore known"], id="other-word"),
        pytest.param("ignored[CL201]", ["malformed-ignore known"], id="longer-word"),
        pytest.param("", ["malformed-ignore known"], id="nothing"),
    ],
)
def test_what_is_wrong_with_an_ignore(comment: str, want: list[str]) -> None:
    source = Source("x", f"a: 1 # caffelint: {comment}\n")
    ignores = Ignores(source, NAMES)
    ignores.silencing(finding(source, 0, "CL101"))
    problems = [*ignores.flaws(), *ignores.unused(frozenset({"CL101", "CL201"}))]
    assert len(problems) == len(want)
    for problem, (kind, words) in zip(problems, (one.split() for one in want), strict=True):
        assert problem.kind == kind
        assert words in " ".join(map(str, problem.values.values()))
        assert problem.kind in PROBLEM_KINDS


def test_the_rules_on_comments_are_named_like_their_problems() -> None:
    for kind in PROBLEM_KINDS:
        assert load_rules().by_kind[kind].name == kind


ALL = RuleNames(rule.text for rule in load_rules().rules)
NET = """\
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 1 dim: 3 } } }
layer { name: "relu" type: "ReLU" bottom: "dat" top: "out" }
"""


def check(text: str, **config: object) -> Report:
    checker = Checker(load_rules(), Config(**config))  # type: ignore[arg-type]
    return checker.check_text("net.prototxt", text.encode())


def test_a_silenced_finding_is_kept_apart_with_its_reason() -> None:
    report = check(NET.rstrip() + "  # caffelint: ignore[CL101] made later\n")
    assert report.diagnostics == ()
    (one,) = report.suppressed
    assert (one.diagnostic.rule, one.kind, one.reason) == ("CL101", "inSource", "made later")


def test_an_ignore_of_a_rule_that_is_off_is_not_unused() -> None:
    text = NET.replace('"dat"', '"data"').rstrip() + "  # caffelint: ignore[CL101]\n"
    assert [one.rule for one in check(text).diagnostics] == ["CL091"]
    assert check(text, ignore=["CL101"]).diagnostics == ()


def test_that_an_ignore_is_unused_can_be_ignored() -> None:
    text = NET.replace('"dat"', '"data"').rstrip() + "  # caffelint: ignore[CL101]\n"
    assert check("# caffelint: ignore-file[CL091]\n" + text).diagnostics == ()


@pytest.mark.parametrize(
    ("text", "at", "want"),
    [
        pytest.param("X: 1\n", [0], "X: 1  # caffelint: ignore[CL201]\n", id="line"),
        pytest.param("X: 1", [0], "X: 1  # caffelint: ignore[CL201]", id="no-line-end"),
        pytest.param("X: 1\r\nb: 2\r\n", [0], "X: 1  # caffelint: ignore[CL201]\r\nb: 2\r\n",
                     id="crlf"),
        pytest.param("X: 1 # a\n", [0], "X: 1 # a  # caffelint: ignore[CL201]\n", id="comment"),
        pytest.param("X: 1 \n", [0], "X: 1 # caffelint: ignore[CL201]\n", id="blank-at-the-end"),
        pytest.param("X: 1 # caffelint: ignore[CL101] b\n", [0],
                     "X: 1 # caffelint: ignore[CL101, CL201] b\n", id="other-ignore"),
        pytest.param("a {\n\tX: 'b\n}", [5],
                     "a {\n\t# caffelint: ignore[CL201]\n\tX: 'b\n}", id="open-quote"),
        pytest.param("a {\r\n  X: 'b\r\n}", [7],
                     "a {\r\n  # caffelint: ignore[CL201]\r\n  X: 'b\r\n}", id="open-quote-crlf"),
        pytest.param("X {\n b: 1\n}\n", [0, 5], "X {  # caffelint: ignore[CL201]\n b: 1\n}\n",
                     id="block-covers-what-is-in-it"),
        pytest.param("# a\nX: 1\n", [0], "# caffelint: ignore-file[CL201]\n# a\nX: 1\n",
                     id="line-with-nothing"),
        pytest.param("\ufeff# a\nX: 1\n", [0],
                     "\ufeff# caffelint: ignore-file[CL201]\n# a\nX: 1\n", id="byte-order-mark"),
        pytest.param("# caffelint: ignore-file[CL101]\nX: 1\n", [0],
                     "# caffelint: ignore-file[CL101, CL201]\nX: 1\n", id="file-list-grows"),
        pytest.param("", [0], "# caffelint: ignore-file[CL201]\n", id="empty"),
    ],
)  # fmt: skip
def test_adding_ignores(text: str, at: list[int], want: str) -> None:
    source = Source("x", text)
    new = added(source, [finding(source, one) for one in at], NAMES)
    assert new == want
    again = Source("x", new)
    first = new.find("X") if "X" in new and "file" not in new else 0
    assert Ignores(again, NAMES).silencing(finding(again, first)) is not None


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(NET, id="line"),
        pytest.param(NET.replace("\n", "\r\n"), id="crlf"),
        pytest.param("\ufeff" + NET, id="byte-order-mark"),
        pytest.param(NET.replace('"out"', '"out'), id="open-quote"),
        pytest.param(NET.replace("{", "{\n"), id="blocks"),
        pytest.param("item { name: 'cat' }", id="neither-net-nor-solver"),
        pytest.param("# only\n", id="only-a-comment"),
        pytest.param(NET + "<<<<<<< a\nb\n=======\nc\n>>>>>>> d\n", id="conflict"),
        pytest.param("layer {" * 60, id="deep"),
        pytest.param("\0\1\2'\n\"\n\\", id="rubbish"),
    ],
)
def test_nothing_is_found_when_all_is_ignored(tmp_path: Path, text: str) -> None:
    path = tmp_path / "net.prototxt"
    path.write_bytes(text.encode())

    def look(contents: object) -> Report:
        checker = Checker(load_rules(), Config())
        checker.contents.update(contents)  # type: ignore[call-overload]
        return checker.check([path])

    changed, report = add_all(look, lambda _: ALL)
    # A comment may make another thing of rubbish, so that one is not needed any more.
    assert {one.name for one in report.diagnostics} <= {"unused-ignore"}
    path.write_bytes(changed[path.resolve()][2])
    assert add_all(look, lambda _: ALL)[0] == {}
