"""Generated documentation is current, complete, and leads where it says."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from caffelint.cli import cli
from caffelint.engine.rule import Rule, RuleError, Softer
from caffelint.resources import load_rules, load_symptoms
from console import with_outputs
from rule_pages import page_name, rule_page
from rule_pages import prose as prose_of
from symptom_pages import messages_page, symptoms_page

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = sorted([*DOCS.rglob("*.md"), ROOT / "README.md"])
RULES = {rule.name: rule for rule in load_rules().whole_rules}

_FENCE = re.compile(r"^```.*?^```$", re.DOTALL | re.MULTILINE)
_LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")


def test_generated_pages_are_current() -> None:
    command = [sys.executable, str(ROOT / "scripts" / "generate_docs.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert (done.stdout, done.stderr, done.returncode) == ("", "", 0)


def prose(page: Path) -> str:
    return _FENCE.sub("", page.read_text(encoding="utf-8"))


def anchors(page: Path) -> set[str]:
    """What can stand behind the # of a link to a page: its headings in small letters, its ids."""
    text = prose(page)
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    slugs = {re.sub(r"[\s-]+", "-", re.sub(r"[^\w\s-]", "", one.lower())) for one in headings}
    return slugs | set(re.findall(r'<a id="([^"]+)">', text))


def test_links_lead_to_pages_and_headings_that_there_are() -> None:
    known: dict[Path, set[str]] = {}
    broken, seen = [], 0
    for page in PAGES:
        for link in _LINK.findall(prose(page)):
            if "://" in link:
                continue
            name, _, anchor = link.partition("#")
            target = (page.parent / name).resolve() if name else page
            seen += 1
            there = target.is_file()
            if there and anchor:
                there = anchor in known.setdefault(target, anchors(target))
            if not there:
                broken.append((page.name, link))
    assert broken == []
    assert seen > len(RULES)


def test_every_rule_has_a_page_that_the_index_leads_to() -> None:
    index = (DOCS / "rules.md").read_text(encoding="utf-8")
    for rule in RULES.values():
        assert f"[{rule.id} {rule.name}](rules/{page_name(rule)})" in index
        assert (DOCS / "rules" / page_name(rule)).is_file()


def rules_by_symptom(page: str) -> dict[str, list[str]]:
    sections = re.split(r'<a id="([^"]+)"></a>', page)[1:]
    return {
        id_: re.findall(r"\[(CL\d{3}) ", text)
        for id_, text in zip(sections[::2], sections[1::2], strict=True)
    }


def test_the_chinese_page_has_the_same_rules_and_chinese_words() -> None:
    english = (DOCS / "symptoms.md").read_text(encoding="utf-8")
    chinese = (DOCS / "symptoms.zh.md").read_text(encoding="utf-8")
    assert rules_by_symptom(chinese) == rules_by_symptom(english)
    for one in load_symptoms().symptoms:
        for text in (one.zh.title, one.zh.about):
            assert re.search("[一-鿿]{2}", text), one.id
    for term in ("学习率", "过拟合", "权重初始化", "微调", "归一化", "权重衰减"):
        assert term in chinese


@pytest.mark.parametrize(
    ("symptom", "first"),
    [
        ("loss-87", "base-lr-too-high"),
        ("loss-at-ln-k", "missing-weight-filler"),
        ("loss-zero", "single-output-softmax"),
        ("accuracy-zero", "missing-weight-filler"),
        ("finetune-from-scratch", "weights-match-nothing"),
    ],
)
def test_the_most_likely_cause_comes_first(symptom: str, first: str) -> None:
    page = (DOCS / "symptoms.md").read_text(encoding="utf-8")
    assert rules_by_symptom(page)[symptom][0] == RULES[first].id


def test_a_rule_on_logs_is_listed_by_itself_as_soon_as_it_names_a_symptom() -> None:
    rules = [rule for rule in RULES.values() if rule.on != "run"]
    of_log = msgspec.structs.replace(
        RULES["base-lr-too-high"], id="CL999", name="loss-exploded", on="run", symptoms=["loss-87"]
    )
    for language in ("en", "zh"):
        page = symptoms_page([*rules, of_log], load_symptoms(), language)
        words = load_symptoms().pages[language].in_logs
        assert f"{words}\n\n- [CL999 loss-exploded](rules/CL999-loss-exploded.md)" in page
        assert page.count("CL999-loss-exploded.md") == 1
        assert page.count(words) == 1


@pytest.mark.parametrize(
    ("message", "rule"),
    [
        ("Unknown bottom blob", "unknown-bottom"),
        ("Check failed: shape[i] >= 0", "window-too-large"),
        ("Unknown learning rate policy", "unknown-lr-policy"),
        ("Ignoring source layer", "weights-layer-ignored"),
    ],
)
def test_messages_of_caffe_lead_to_their_rules(message: str, rule: str) -> None:
    page = messages_page(list(RULES.values()), load_symptoms())
    (line,) = [line for line in page.splitlines() if line.startswith(f"| `{message}` |")]
    assert page_name(RULES[rule]) in line


def page_of(rule: Rule) -> str:
    return rule_page(rule, load_symptoms())


def test_a_rules_page_says_it_all() -> None:
    page = page_of(RULES["base-lr-too-high"])
    for part in (
        "| severity | warning",
        "| `plain` |",
        "options:\n  base-lr-too-high: {",
        "[The loss is 87.3365](../symptoms.md#loss-87)",
        "# caffelint: ignore[CL401]",
        "](https://github.com/BVLC/caffe/blob/master/src/caffe/",
        "[CL401 base-lr-too-high]\n",
    ):
        assert part in page
    assert "# expect:" not in page


def test_pages_show_what_caffelint_says_of_the_bad_example() -> None:
    silent = []
    for rule in RULES.values():
        page = (DOCS / "rules" / page_name(rule)).read_text(encoding="utf-8")
        said = rf"^`caffelint[^`]*`.* says:\n\n```text\n.*\[{rule.id} {rule.name}\]$"
        if not re.search(said, page, re.MULTILINE):
            silent.append(rule.id)
    assert silent == []


@pytest.mark.parametrize(
    ("rule", "where"),
    [("missing-weight-filler", "In one place, with"), ("hdf5-not-finite", "Everywhere, with")],
)
def test_comments_are_offered_where_the_file_can_have_them(rule: str, where: str) -> None:
    assert f"## Ignore it\n\n{where}" in page_of(RULES[rule])


def test_a_rule_without_examples_has_no_page() -> None:
    rule = msgspec.structs.replace(RULES["base-lr-zero"], examples=[])
    with pytest.raises(RuleError, match="CL404: a bad and a good example are needed"):
        page_of(rule)


def test_a_fix_is_shown_as_the_change_it_makes() -> None:
    page = page_of(RULES["unknown-field"])
    assert "`caffelint --fix --unsafe-fixes` makes of it:\n\n```diff\n" in page
    assert re.search(r"^-.*\n\+", page, re.MULTILINE)


def test_a_condition_without_words_is_shown_as_it_is() -> None:
    rule = msgspec.structs.replace(
        RULES["base-lr-zero"],
        softer=[
            Softer(when="net.a || b", severity="info"),
            Softer("c", "warning", "medium", "if c"),
        ],
    )
    row = "| severity | error<br>info where `net.a \\|\\| b`<br>warning (confidence medium) if c |"
    assert row in page_of(rule)


def test_every_softer_severity_has_its_condition_in_words() -> None:
    missing = [
        rule.id for rule in RULES.values() for softer in rule.softer if not softer.where.strip()
    ]
    assert missing == []


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("one\n- two\n\nthree", "one - two\n\nthree"),
        ("a < b, `c < d`", "a &lt; b, `c < d`"),
    ],
)
def test_words_of_a_rule_mean_nothing_in_markdown(text: str, shown: str) -> None:
    assert prose_of(text) == shown


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("https://a.b/c", "<https://a.b/c>"),
        ("src/caffe/net.cpp (Init)", "[src/caffe/net.cpp](CAFFEsrc/caffe/net.cpp) (Init)"),
        (
            "src/a_layer.cpp, b_layer.cpp (F)",
            "[src/a_layer.cpp](CAFFEsrc/a_layer.cpp), b_layer.cpp (F)",
        ),
        ("docs/settings.md (Comments)", "[docs/settings.md](../settings.md) (Comments)"),
    ],
)
def test_sources_are_links(source: str, shown: str) -> None:
    rule = msgspec.structs.replace(RULES["base-lr-zero"], sources=[source])
    caffe = "https://github.com/BVLC/caffe/blob/master/"
    assert page_of(rule).endswith(f"## Sources\n\n- {shown.replace('CAFFE', caffe)}\n")


def test_commands_of_a_page_run_in_one_directory(tmp_path: Path) -> None:
    samples = tmp_path / "samples"
    samples.mkdir()
    (samples / "a.txt").write_text("one\n", encoding="utf-8")
    page = (
        "before\n\n```console\n$ sed -i s/one/two/ samples/a.txt\n$ cat samples/a.txt\nold\n```\n"
    )
    page += "```sh\n$ not run\n```\n```console\n$ ls missing 2>/dev/null || echo none\n```\n"
    assert with_outputs(page, samples) == page.replace("old\n", "two\n").replace(
        "echo none\n", "echo none\nnone\n"
    )
    assert (samples / "a.txt").read_text(encoding="utf-8") == "one\n"


def test_a_command_that_cannot_run_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "samples").mkdir()
    with pytest.raises(RuntimeError, match="exit status 127"):
        with_outputs("```console\n$ no-such-command-here\n```\n", tmp_path / "samples")


def test_the_tutorial_ends_with_repaired_nets() -> None:
    tutorial = (DOCS / "tutorial.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```console\n(.*?)```\n", tutorial, re.DOTALL)
    for rule in ("missing-weight-filler", "raw-pixels-saturate", "base-lr-too-high"):
        assert f"[{RULES[rule].id} {rule}]\n" in tutorial
    for sample in ("two_class_vgg", "rate_too_high", "frozen_batch_norm"):
        *_, last = [block for block in blocks if f"samples/{sample}" in block]
        assert last.endswith("no findings in 2 files\n"), sample


@pytest.mark.parametrize(
    ("words", "status", "lines"),
    [
        (["missing-weight-filler"], 0, ["CL201 missing-weight-filler (error)"]),
        (["87.3365"], 0, ["The loss is 87.3365", "CL401 base-lr-too-high"]),
        (["loss", "is", "0"], 0, ["The loss is 0, or falls to 0 at once"]),
        (["过拟合"], 0, ["训练 loss 下降而测试 loss 上升"]),
        (["Unknown bottom blob"], 0, ["CL101 unknown-bottom: "]),
        (["aborts in the middle"], 0, ["see\nWhat Caffe prints."]),
        (["missing-weight-fillr"], 2, ["did you mean missing-weight-filler?"]),
        (["x"], 2, ["there is no rule x"]),
    ],
)
def test_explain_takes_rules_symptoms_and_messages(
    words: list[str], status: int, lines: list[str]
) -> None:
    done = CliRunner().invoke(cli, ["explain", *words])
    assert done.exit_code == status
    for line in lines:
        assert line in done.output
