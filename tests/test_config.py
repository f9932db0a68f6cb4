"""Config files: what they may say, which one counts for a file, and rules of one's own."""

from __future__ import annotations

from pathlib import Path

import jsonschema
import pytest

from caffelint.check import Checker
from caffelint.config import Config, ConfigError, Configs, json_schema, read_config
from caffelint.engine import run as engine_run
from caffelint.engine.rule import RuleError
from caffelint.examples import failures_of_file
from caffelint.resources import load_own_rules, load_rules

from .test_check import NET as TRAINED

NET = """\
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 1 dim: 3 } } }
layer { name: "relu" type: "ReLU" bottom: "dat" top: "out" }
"""
RULE = """\
id: MY001
name: relu-named-badly
summary: A ReLU is not called relu
on: layer
types: [ReLU]
when: '!layer.name.startsWith("relu")'
severity: warning
message: '{layer.name} is a ReLU'
why: Names tell.
options:
  limit: { value: 1, why: An option. }
examples:
  - bad: |
      layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 1 dim: 3 } } }
      layer { name: "x" type: "ReLU" bottom: "data" top: "out" }  # expect: MY001 x is a ReLU
  - good: |
      layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 1 dim: 3 } } }
      layer { name: "relu1" type: "ReLU" bottom: "data" top: "out" }
"""


FIX = "fix: {title: t, safe: true, changes: [{set: '\"r\"', at: name}]}\noptions:\n"


def write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def found(folder: Path, *names: str, **given: object) -> dict[str, list[str]]:
    """Rules and severities by file name."""
    report = Checker(load_rules(), Configs(given)).check([folder / name for name in names])
    result: dict[str, list[str]] = {name: [] for name in names}
    for one in report.diagnostics:
        name = Path(one.place.source.name).relative_to(folder).as_posix()
        result[name].append(f"{one.rule} {one.severity.word}")
    return result


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        pytest.param("# a\nselct: []", 2, 'unknown setting "selct"; did you mean "select"?',
                     id="key"),
        pytest.param("overrides:\n- files: [a]\n  ignroe: []", 3,
                     'unknown setting "ignroe"; did you mean "ignore"?', id="key-of-override"),
        pytest.param("ignore:\n  - CL101\n  - unknown-botom", 3,
                     'no rule "unknown-botom"; did you mean "unknown-bottom"?', id="name"),
        pytest.param("select: [cl101]", 1, 'did you mean "CL101"?', id="small-letters"),
        pytest.param("severity:\n  CL2: info\n  CL1999: off", 3, 'no rule "CL1999"', id="id"),
        pytest.param("severity: {CL2: fatal}", 1, "Invalid enum value 'fatal'", id="severity"),
        pytest.param("overrides:\n- files: [a]\n  select: [nonsense-rule]", 3,
                     'no rule "nonsense-rule"', id="name-in-override"),
        pytest.param("options:\n  base-lr-too-high:\n    lmit: 3", 3,
                     'base-lr-too-high has no option "lmit"', id="option"),
        pytest.param("options: {CL101: {limit: 3}}", 1, "it has none", id="no-options"),
        pytest.param("options: {base-lr-too-hig: {a: 3}}", 1, 'did you mean "base-lr-too-high"?',
                     id="rule-of-option"),
        pytest.param("select: CL101", 1, "Expected `array`, got `str`", id="type"),
        pytest.param("extend-rules: [none.yaml]", 1, 'no file is named "none.yaml"', id="no-file"),
        pytest.param("a: &a [1]\nb: *a", 0, "line 2: aliases", id="alias"),
        pytest.param("a: 2001-99-99", 0, "month must be in", id="no-date"),
        pytest.param("a: " + "[" * 99 + "]" * 99, 1, 'unknown setting "a"', id="not-too-deep"),
        pytest.param("a: " + "[" * 100 + "]" * 100, 0, "line 1: nesting depth over 100", id="deep"),
        pytest.param("[" * 10_000, 0, "nesting depth", id="very-deep"),
        pytest.param("- a", 0, "Expected `object`", id="list"),
    ],
)  # fmt: skip
def test_a_mistake_is_named_with_its_line(
    tmp_path: Path, text: str, line: int, reason: str
) -> None:
    path = tmp_path / ".caffelint.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError) as error:
        read_config(path)
    assert reason in str(error.value)
    assert str(error.value).startswith(f"{path}:{line}:" if line else f"{path}: ")


def test_a_value_of_another_type_is_refused(tmp_path: Path) -> None:
    rule, option = next((rule.id, name) for rule in load_rules().rules for name in rule.options)
    path = tmp_path / "pyproject.toml"
    path.write_text(f'[tool.caffelint.options.{rule}]\n{option} = "many"\n')
    with pytest.raises(ConfigError, match=f'option "{option}" takes a number'):
        read_config(path)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        pytest.param(
            "pyproject.toml", r"there is no \[tool.caffelint\] in it", id="another-tool's"
        ),
        pytest.param("folder", "folder: not a file", id="directory"),
        pytest.param("gone.yaml", "yaml: not a file", id="not-there"),
    ],
)
def test_what_is_no_config_is_refused(tmp_path: Path, name: str, reason: str) -> None:
    write(tmp_path, {"pyproject.toml": "[tool.ruff]\nline-length = 99\n", "folder/x": ""})
    with pytest.raises(ConfigError, match=reason):
        read_config(tmp_path / name)


def test_options_may_differ_by_file(tmp_path: Path) -> None:
    rule = next(rule for rule in load_rules().rules if rule.options)
    name = next(iter(rule.options))
    (tmp_path / ".caffelint.yaml").write_text(
        f"options: {{{rule.id}: {{{name}: 7}}}}\n"
        f"overrides: [{{files: [b.*], options: {{{rule.id}: {{{name}: 9}}}}}}]\n"
    )
    config = read_config(tmp_path / ".caffelint.yaml")
    given = [config.of(tmp_path / f"{one}.prototxt").options for one in "ab"]
    assert given == [{rule.id: {name: 7}}, {rule.id: {name: 9}}]


@pytest.mark.parametrize(
    ("config", "want"),
    [
        pytest.param("", ["CL101 error"], id="nothing"),
        pytest.param("ignore: [CL101]", [], id="ignore-id"),
        pytest.param("ignore: [unknown-bottom]", [], id="ignore-name"),
        pytest.param("ignore: [CL1]", [], id="ignore-beginning"),
        pytest.param("ignore: [graph]", [], id="ignore-topic"),
        pytest.param("select: [CL2]", [], id="select"),
        pytest.param("severity: {CL101: info}", ["CL101 info"], id="severity"),
        pytest.param("severity: {graph: warning}", ["CL101 warning"], id="severity-of-topic"),
        pytest.param("severity: {unknown-bottom: info, graph: off}", ["CL101 info"],
                     id="narrower-wins"),
        pytest.param("severity: {CL101: off}", [], id="off"),
        pytest.param("overrides: [{files: [b.prototxt], ignore: [CL101]}]", ["CL101 error"],
                     id="override-of-other"),
        pytest.param("overrides: [{files: [net.prototxt], ignore: [CL101]}]", [],
                     id="override-by-name"),
        pytest.param("overrides: [{files: [sub/*.prototxt], ignore: [CL101]}]", [],
                     id="override-by-path"),
        pytest.param("overrides: [{files: ['**/net.*'], severity: {CL101: info}}]",
                     ["CL101 info"], id="override-any-depth"),
        pytest.param("overrides: [{files: ['*/*/net.*'], ignore: [CL101]}]", ["CL101 error"],
                     id="override-too-deep"),
        pytest.param("overrides: [{files: [/net.prototxt], ignore: [CL101]}]", ["CL101 error"],
                     id="override-beside-the-config"),
        pytest.param("ignore: [CL101]\noverrides: [{files: [net.*], ignore: [CL2]}]", [],
                     id="ignores-add-up"),
        pytest.param("ignore: [CL2]\noverrides: [{files: [net.*], select: [CL2]}]", [],
                     id="select-in-override"),
    ],
)  # fmt: skip
def test_what_a_config_switches(tmp_path: Path, config: str, want: list[str]) -> None:
    write(tmp_path, {"sub/net.prototxt": NET, ".caffelint.yaml": config})
    assert found(tmp_path, "sub/net.prototxt") == {"sub/net.prototxt": want}


def test_the_nearest_config_of_each_file_counts(tmp_path: Path) -> None:
    write(tmp_path, {
        ".caffelint.yaml": "ignore: [CL101]", "a.prototxt": NET,
        "one/.caffelint.yaml": "severity: {CL101: info}", "one/two/b.prototxt": NET,
        "other/pyproject.toml": "[tool.caffelint]\n", "other/c.prototxt": NET,
        "else/pyproject.toml": "[tool.other]\n", "else/d.prototxt": NET,
    })  # fmt: skip
    files = ["a.prototxt", "one/two/b.prototxt", "other/c.prototxt", "else/d.prototxt"]
    assert list(found(tmp_path, *files).values()) == [[], ["CL101 info"], ["CL101 error"], []]
    given = found(tmp_path, *files, ignore=["CL2"])
    assert list(given.values()) == [["CL101 error"], ["CL101 info"], *[["CL101 error"]] * 2]


def test_the_context_may_differ_by_file(tmp_path: Path) -> None:
    write(tmp_path, {
        "a/net.prototxt": TRAINED, "b/net.prototxt": TRAINED,
        ".caffelint.yaml":
            "select: [CL201]\ncontext: scratch\noverrides: [{files: [b/*], context: finetune}]",
    })  # fmt: skip
    result = found(tmp_path, "a/net.prototxt", "b/net.prototxt")
    assert result == {"a/net.prototxt": ["CL201 error"] * 2, "b/net.prototxt": []}


def test_the_run_has_the_config_of_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, {".caffelint.yaml": "fail-on: error"})
    monkeypatch.chdir(tmp_path)
    assert Configs().run.fail_on == "error"
    assert Configs({"fail_on": "info"}).run.fail_on == "info"
    with pytest.raises(ConfigError, match="--select: there is no rule"):
        Configs({"select": ["nonsense"]})


def test_a_config_file_for_all(tmp_path: Path) -> None:
    write(tmp_path, {"net.prototxt": NET, ".caffelint.yaml": "", "x/my.yaml": "ignore: [CL101]"})
    configs = Configs({}, tmp_path / "x" / "my.yaml")
    assert Checker(load_rules(), configs).check([tmp_path / "net.prototxt"]).diagnostics == ()


def test_the_schema_knows_what_a_config_may_hold() -> None:
    schema = json_schema()
    good = {"select": ["CL2"], "overrides": [{"files": ["a"], "context": "deploy"}],
            "severity": {"CL101": "off"}, "extend-rules": ["x.yaml"], "fail-on": "info",
            }  # fmt: skip
    jsonschema.validate(good, schema)
    wrong: list[object] = [
        {"selct": []}, {"severity": {"CL1": "bad"}}, {"overrides": [{"file": []}]},
    ]  # fmt: skip
    for bad in wrong:
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(bad, schema)


# Rules of one's own


def test_own_rules_run_beside_the_shipped_ones(tmp_path: Path) -> None:
    net = NET.replace('"relu"', '"act"')
    write(tmp_path, {
        "rules/MY001.yaml": RULE, "p/.caffelint.yaml": "extend-rules: [../rules/*.yaml]",
        "p/net.prototxt": net, "q/net.prototxt": net,
        "p/ignored.prototxt": net.rstrip() + "  # caffelint: ignore[relu-named-badly]\n",
    })  # fmt: skip
    files = ("p/net.prototxt", "q/net.prototxt", "p/ignored.prototxt")
    assert list(found(tmp_path, *files).values()) == [
        ["MY001 warning", "CL101 error"], ["CL101 error"], ["CL101 error"],
    ]  # fmt: skip
    write(tmp_path, {"p/.caffelint.yaml": "extend-rules: [../rules/*.yaml]\nignore: [MY001, CL1]"})
    assert found(tmp_path, "p/net.prototxt") == {"p/net.prototxt": []}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        pytest.param(("MY001", "CL101"), "CL101 is taken by the rule CL101", id="id-taken"),
        pytest.param(("relu-named-badly", "unknown-bottom"), "unknown-bottom is taken",
                     id="name-taken"),
        pytest.param(("on: layer", "on: problem\nkind: x"), "are caffelint's own", id="problem"),
        pytest.param(("layer.name.st", "layer.nme.st"), "undefined field 'nme'", id="fact"),
        pytest.param(("'!layer", "'" + "!" * 1000 + "layer"), "longer than 1000", id="long"),
        pytest.param(("why: Names", "why: " + "x" * 70_000), "larger than 64 KiB", id="large"),
        pytest.param(("on: layer", "on: lay: er"), "yaml:4: mapping values", id="no-yaml"),
        pytest.param(("why: Names", "why: *a"), "alias", id="alias"),
        pytest.param(('"relu"', '"relu" + layer.name'), '"+" of texts', id="longer-texts"),
        pytest.param(('layer.name.startsWith("relu")', "net.layers.map(l, [l] + [l]) == []"),
                     'in when', id="longer-lists"),
        pytest.param(('!layer.name.startsWith("relu")', '[1, layer.name][1] + [1, "a"][1] == "a"'),
                     '"+" of texts', id="untyped"),
        pytest.param(('!layer.name.startsWith("relu")', 'Layer{name: "a"} == layer'),
                     "messages cannot be made", id="message"),
    ],
)  # fmt: skip
def test_what_own_rules_may_not_do(tmp_path: Path, change: tuple[str, str], reason: str) -> None:
    path = tmp_path / "rule.yaml"
    path.write_text(RULE.replace(*change))
    with pytest.raises(RuleError) as error:
        load_own_rules((path,))
    assert str(error.value).startswith(str(path))
    assert reason in str(error.value)


def test_an_expression_with_too_many_steps_ends_the_run(tmp_path: Path) -> None:
    ten = "[1,2,3,4,5,6,7,8,9,10]"
    deep = "true"
    for name in "abcde":
        deep = f"{ten}.all({name}, {deep})"
    path = tmp_path / "rule.yaml"
    path.write_text(RULE.replace('!layer.name.startsWith("relu")', deep))
    write(tmp_path, {"net.prototxt": NET})
    with pytest.raises(RuleError, match=r"rule MY001: .* takes too many steps"):
        Checker(load_rules(), Config(extend_rules=[str(path)])).check([tmp_path / "net.prototxt"])


def test_the_time_of_own_rules_is_bounded() -> None:
    clock = engine_run.Clock(10)
    clock.add("MY001", 6)
    with pytest.raises(RuleError, match=r"took more than 10 s, MY001 6\.0 s of it"):
        clock.add("MY002", 5)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        pytest.param(("x is a ReLU\n", "y is a ReLU\n"), "expected MY001 y is a ReLU", id="words"),
        pytest.param(('name: "relu1"', 'name: "y"'), "where nothing should be said", id="good"),
        pytest.param(("  - good: |", "  - bad: |"), "MY001: no good example", id="none-is-good"),
        pytest.param(("  - bad: |", "  - good: |"), "MY001: no bad example", id="none-is-bad"),
        pytest.param(("  - bad: |", "  - severity: error\n    bad: |"), "warning for MY001",
                     id="severity"),
        pytest.param(("options:\n", FIX), "MY001: no example of its fix", id="no-fix"),
        pytest.param(("options:\n", FIX), "its fix makes another text of it", id="fix"),
        pytest.param(("  - good: |", "    files: {../x: y}\n  - good: |"), "is not beside it",
                     id="file-elsewhere"),
        pytest.param(("  - good: |", "    files: {/nowhere/x: y}\n  - good: |"), "is not beside it",
                     id="absolute-file"),
    ],
)  # fmt: skip
def test_a_rule_that_does_not_do_what_its_examples_say(
    tmp_path: Path, change: tuple[str, str], reason: str
) -> None:
    path = tmp_path / "rule.yaml"
    path.write_text(RULE)
    assert failures_of_file(path)[1] == []
    changed = tmp_path / "changed.yaml"
    text = RULE.replace(*change)
    if "another text" in reason:
        text = text.replace("  - good: |", '    fixed: "name: 1"\n  - good: |')
    changed.write_text(text)
    try:
        reasons = failures_of_file(changed)[1]
    except RuleError as error:
        reasons = [str(error)]
    assert any(reason in one for one in reasons), reasons


def test_the_rule_of_the_documentation_does_what_it_says(tmp_path: Path) -> None:
    page = Path(__file__).parent.parent / "docs" / "write-a-rule.md"
    path = tmp_path / "rule.yaml"
    path.write_text(page.read_text(encoding="utf-8").split("```yaml\n")[1].split("```")[0])
    rule, failed = failures_of_file(path)
    assert (rule.id, failed) == ("MY001", [])


def test_the_config_of_the_documentation_is_one(tmp_path: Path) -> None:
    page = Path(__file__).parent.parent / "docs" / "settings.md"
    write(tmp_path, {"rules/MY001.yaml": RULE})
    path = tmp_path / ".caffelint.yaml"
    path.write_text(page.read_text(encoding="utf-8").split("```yaml\n")[1].split("```")[0])
    config = read_config(path)
    assert config.of(tmp_path / "x" / "deploy.prototxt").context == "deploy"
    assert config.of(tmp_path / "attic" / "a" / "b.prototxt").severity["graph"] == "info"
