"""The page of each rule, and the index of rules by topic, made from the rule files.

What a bad example gives is asked of caffelint itself, so a page shows what users will see.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from difflib import unified_diff
from pathlib import PurePosixPath

from caffelint.engine.rule import Example, FixRule, Rule, RuleError
from caffelint.engine.symptom import Symptoms
from caffelint.examples import MAIN, found_in, main_of, unmarked
from caffelint.report import render
from caffelint.report.safe import printable
from caffelint.resources import load_rules

TOPICS = {
    "CL0": "Syntax and schema",
    "CL1": "Graph and legacy forms",
    "CL2": "Initialisation",
    "CL3": "Batch norm",
    "CL4": "Learning rate and decay",
    "CL5": "Solver",
    "CL6": "Fine-tuning and weights",
    "CL7": "Loss and outputs",
    "CL8": "Data",
    "CL9": "Training log",
}

_CAFFE = "https://github.com/BVLC/caffe/blob/master/"
_FOLDER = "/home/me/nets"
"""What stands for the directory of an example, where its whole path is printed."""

_CONTROL = re.compile("[\0-\x08\x0e-\x1f]")
_LONGEST_FILE = 2000
"""Characters; a longer file beside an example is left out of its page."""


def rules_page(rules: Iterable[Rule]) -> str:
    """All rules by topic, each with what it finds."""
    lines = [
        "# Rules",
        "",
        "By topic. There are also lists [by what you see in training](symptoms.md) and [by what",
        "Caffe prints](messages.md). `caffelint explain RULE` shows a page in the terminal.",
    ]
    rules = list(rules)
    for prefix, topic in TOPICS.items():
        of_topic = [rule for rule in rules if rule.id.startswith(prefix)]
        if of_topic:
            lines += ["", f"## {topic}", "", "| rule | severity | finds |", "| --- | --- | --- |"]
            lines += [_row(rule) for rule in of_topic]
    return "\n".join(lines) + "\n"


def _row(rule: Rule) -> str:
    severities = {rule.severity, *(softer.severity for softer in rule.softer)}
    order = [name for name in ("error", "warning", "info") if name in severities]
    return f"| {link(rule)} | {' / '.join(order)} | {cell(rule.summary)} |"


def link(rule: Rule) -> str:
    """A link to a rule's page from a page in docs/."""
    return f"[{rule.id} {rule.name}](rules/{page_name(rule)})"


def page_name(rule: Rule) -> str:
    """The file name of a rule's page."""
    return f"{rule.id}-{rule.name}.md"


_CODE_OR_ANGLE = re.compile("`[^`]*`|<")


def prose(text: str) -> str:
    """Text of a rule as markdown: paragraphs on one line each, so that no line starts a list."""
    paragraphs = (" ".join(part.split()) for part in text.strip().split("\n\n"))
    joined = "\n\n".join(paragraphs)
    return _CODE_OR_ANGLE.sub(lambda m: "&lt;" if m[0] == "<" else m[0], joined)


def cell(text: str) -> str:
    """Text for the cell of a table."""
    return prose(text).replace("|", "\\|")


def rule_page(rule: Rule, symptoms: Symptoms) -> str:
    """Everything that a rule's file says to a person, and what caffelint prints.

    Raises:
        RuleError: for a rule without a bad or without a good example.
    """
    bad = [example for example in rule.examples if example.bad]
    if not bad or len(bad) == len(rule.examples):
        raise RuleError(f"{rule.id}: a bad and a good example are needed")
    shown = next((example for example in bad if example.fixed), bad[0])
    folder, report = found_in(rule, shown, load_rules())
    said = render("text", report).replace(f"{folder}/", "").replace(folder, _FOLDER)
    parts = [
        f"# {rule.id} {rule.name}",
        prose(rule.summary) + ".",
        _table(rule, symptoms),
        "## Why",
        prose(rule.why),
        *_bad(rule, shown, said if report.diagnostics else ""),
        *_good(rule),
        *_options(rule),
        "## Ignore it",
        _ignoring(
            rule,
            rule.on != "run"
            and all("prototxt" in one.place.source.name for one in report.diagnostics),
        ),
    ]
    if rule.sources:
        parts += ["## Sources", "\n".join(f"- {_source(source)}" for source in rule.sources)]
    return "\n\n".join(parts) + "\n"


def _table(rule: Rule, symptoms: Symptoms) -> str:
    rows = [("severity", _severities(rule))]
    rows.append(("confidence", rule.confidence))
    topic = TOPICS[rule.id[:3]]
    rows.append(("topic", f"[{topic}](../rules.md#{topic.lower().replace(' ', '-')})"))
    if rule.types:
        rows.append(("layer types", ", ".join(rule.types)))
    if seen := [one for one in symptoms.symptoms if one.id in rule.symptoms]:
        links = (f"[{one.en.title}](../symptoms.md#{one.id})" for one in seen)
        rows.append(("you may see", "<br>".join(links)))
    hints = [hint for hint in rule.hints if "{" not in hint]
    if hints:
        rows.append(("what to do", cell(hints[-1])))
    if rule.fixes:
        rows.append(("fix", "<br>".join(map(_fix, rule.fixes))))
    return "\n".join(["| | |", "| --- | --- |", *(f"| {key} | {value} |" for key, value in rows)])


def _severities(rule: Rule) -> str:
    """The severity, and the others with the conditions on which they come."""
    parts: list[str] = [rule.severity]
    for softer in rule.softer:
        where = cell(softer.where) if softer.where else f"where `{cell(softer.when)}`"
        same = softer.confidence in (None, rule.confidence)
        sure = "" if same else f" (confidence {softer.confidence})"
        parts.append(f"{softer.severity}{sure} {where}")
    return "<br>".join(parts)


def _fix(fix: FixRule) -> str:
    title = cell(re.sub(r"\{([^{}]*)\}", "…", fix.title))
    return f"{title}: " + ("safe, `--fix`" if fix.safe else "unsafe, `--fix --unsafe-fixes`")


def _bad(rule: Rule, example: Example, said: str) -> Iterator[str]:
    """A bad example, what caffelint says of it, and what its fix makes of it."""
    yield "## Bad"
    yield from _files(rule, example)
    command = f"caffelint --context {example.context}" if example.context else "caffelint"
    if rule.on == "run":
        command = f"caffelint log {main_of(rule)}"
    if said:
        options = ", ".join(f"{name}: {_value(value)}" for name, value in example.options.items())
        given = f" with the options `{{{options}}}`" if options else ""
        yield f"`{command}`{given} says:"
        yield _block("text", said)
    if example.fixed:
        unsafe = "" if all(fix.safe for fix in rule.fixes) else " --unsafe-fixes"
        yield f"`{command} --fix{unsafe}` makes of it:"
        yield _block("diff", _diff(unmarked(rule, example)[MAIN], example.fixed))


def _good(rule: Rule) -> Iterator[str]:
    yield "## Good"
    yield from _files(rule, next(example for example in rule.examples if example.good))


def _files(rule: Rule, example: Example) -> Iterator[str]:
    """The files of an example that can be read."""
    for name, text in unmarked(rule, example).items():
        own = name == main_of(rule)
        if not own and (len(text) > _LONGEST_FILE or _CONTROL.search(text)):
            continue
        if not own:
            made = ", made from" if text.startswith("#!") else ""
            yield f"`{name}`{made}:" if text else f"`{name}` is empty."
        if text:
            yield _block("proto" if "prototxt" in name else "text", text)


def _diff(before: str, after: str) -> str:
    lines = unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=2)
    return "\n".join(list(lines)[2:])


def _block(language: str, text: str) -> str:
    lines = "\n".join(printable(line) for line in text.strip("\n").split("\n"))
    return f"```{language}\n{lines}\n```"


def _options(rule: Rule) -> Iterator[str]:
    if not rule.options:
        return
    yield "## Options"
    rows = [
        f"| `{name}` | {_value(option.value)} | {cell(option.why)} |"
        for name, option in rule.options.items()
    ]
    yield "\n".join(["| option | default | why |", "| --- | --- | --- |", *rows])
    name = next(iter(rule.options))
    yield "In `.caffelint.yaml`:"
    yield _block("yaml", f"options:\n  {rule.name}: {{{name}: …}}")


def _value(value: float | str | list[str]) -> str:
    if isinstance(value, list):
        return ", ".join(value)
    return f"{value:g}" if isinstance(value, float) else str(value)


def _ignoring(rule: Rule, in_prototxt: bool) -> str:
    """How the rule is told to be silent; only prototxt files have comments for it."""
    comment = (
        f"in one place, with `# caffelint: ignore[{rule.id}] reason` on the line or above it; "
    )
    setting = f"everywhere, with `ignore: [{rule.name}]` in `.caffelint.yaml`"
    text = comment + setting if in_prototxt else setting
    return f"{text[0].upper()}{text[1:]}. More in [Settings](../settings.md)."


def _source(source: str) -> str:
    """A source with a link, if it is an address, a file of Caffe, or a page of ours."""
    if source.startswith("http"):
        return f"<{source}>"
    match = re.match(r"[\w./+-]+", source)
    path = match[0] if match else ""
    target = f"../{PurePosixPath(path).name}" if path.startswith("docs/") else _CAFFE + path
    return f"[{path}]({target}){source[len(path) :]}"
