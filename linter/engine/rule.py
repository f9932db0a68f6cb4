"""Rules as data: what a rule file may hold, and reading it with errors that name the line."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from ..core.diagnostic import RuleText, Severity, Tag
from ..core.late import late

On = Literal["problem", "solver", "net", "layer", "param", "run"]
SeverityName = Literal["error", "warning", "info"]
Confidence = Literal["certain", "high", "medium"]
ContextName = Literal["scratch", "finetune", "deploy"]
MendName = Literal[
    "bracket",
    "character",
    "colon",
    "comment",
    "delete",
    "duplicate",
    "field-name",
    "list",
    "quotes",
    "statement",
    "upgrade",
]

_Id = Annotated[str, msgspec.Meta(pattern=r"^[A-Z]{2,6}\d{3}$")]
_Name = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")]


ROWS = "rows"
"""In ``also`` of a rule on runs: some lines with a training loss after the one it points at."""


class RuleError(Exception):
    """A rule that cannot be used: where it stands, and why."""


class Option(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """A threshold or word list that is judgement: its value, and the reason for it.

    The expressions of the rule read it as ``option.NAME``; a config can set another value.
    """

    value: float | str | list[str]
    why: str


class Softer(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """Another severity where a condition holds; of several, the first one counts.

    ``where`` is the condition in words, for the rule's page: it goes on from "warning".
    """

    when: str
    severity: SeverityName
    confidence: Confidence | None = None
    where: str = ""


class Cause(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """What may lie behind that which a rule on runs reports.

    Findings of ``rules`` in the run's net and solver, of all rules with a ``symptom``, or of those
    that quote the message that ``printed`` is an expression for; where there are none, or no rules
    are named, the ``words`` (with placeholders), which tell what to look at, under a ``name``. It
    counts where ``when`` holds, or always.
    """

    rules: list[_Id] = []
    symptom: str = ""
    printed: str = ""
    when: str = ""
    name: str = ""
    words: str = ""


class Example(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """A small file that the rule must find (``bad``) or in which no rule may find anything
    (``good``).

    In a bad one, ``# expect: ID message`` stands on every line where the rule must speak; ``fixed``
    is the file that the rule's own fixes change, as they leave it, those marks left out. ``files``
    lie beside it under their names; ``context`` is what ``--context`` would say, ``options`` what a
    config would set, ``severity`` what the findings have, where that is worth pinning. Of rules on
    runs, ``bad`` and ``good`` are training logs.
    """

    bad: str = ""
    fixed: str = ""
    good: str = ""
    files: dict[str, str] = {}
    context: ContextName | None = None
    severity: SeverityName | None = None
    options: dict[str, float | str | list[str]] = {}


class Change(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """One step of a fix.

    Exactly one of these says what is done:

    - ``set``: the value of the field ``at`` a path, which is written if it is not there;
    - ``insert``: a statement put ``into`` a block (of the thing itself where no path is given),
      behind the first of the fields ``after`` that is written, else as the last one;
    - ``remove``: fields, by paths with commas between them, below ``from`` if that is given;
    - ``move``: the same, written again in ``into``;
    - ``rename``: the name of the field ``at`` a path; in rules on problems, of the one found;
    - ``replace``: the text that a problem points at;
    - ``mend``: a mistake in writing, by one of the names in ``MendName``;
    - ``bypass``: the type of a layer to be left out between this layer's bottom ``at`` and what
      it comes from.

    All but ``mend`` may hold placeholders. Blocks on the way of a path are made where they are
    missing. ``named`` is the name that a field has in the text, where an upgrade renames it; with
    ``case-only`` a value is set or replaced only by one that differs in upper and lower case alone.
    """

    set: str = ""
    insert: str = ""
    remove: str = ""
    move: str = ""
    rename: str = ""
    replace: str = ""
    mend: MendName | Literal[""] = ""
    bypass: str = ""
    at: str = ""
    into: str = ""
    after: list[str] = []
    source: str = msgspec.field(name="from", default="")
    named: str = ""
    case_only: bool = msgspec.field(name="case-only", default=False)


_TEMPLATES = ("set", "insert", "remove", "move", "rename", "replace", "bypass")
_OPERATIONS = (*_TEMPLATES, "mend")
_ON_PROBLEMS = ("rename", "replace", "mend")


class FixRule(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """How a finding is mended: all ``changes``, or nothing where one of them cannot be made.

    ``safe`` promises that net, weights and schedule stay what the author meant: Caffe refuses the
    file as it is and there is one thing it can mean, or reads it the same with the fix as without.
    """

    title: str
    safe: bool
    changes: list[Change]
    when: str = ""


class Rule(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """One rule file.

    ``on`` says what the rule looks at; ``kind`` (of problems) or ``when`` (a CEL expression over
    the facts) when it speaks. ``at`` names where to point: field paths of the user's text, the
    first one that is written; ``$param`` is the layer type's own block. ``message`` and ``hint``
    hold ``{…}`` placeholders: CEL expressions, or for problems the names of their values. Of
    several hints the first one counts whose placeholders are all filled, and of several fixes the
    first one that can be made. ``aborts`` marks rules whose every finding is one on which Caffe
    refuses to go on; problems know that themselves. ``tag`` is for editors: the findings are about
    what has no effect, about an old form, or worth saying of a finished file only. ``symptoms`` are
    ids of ``symptoms.yaml``: what the user sees in training, with this among its causes.

    Rules on runs, that is on training logs, have more: ``at`` names a moment of the run; ``also``
    further ones with words on each, and ``rows`` for some lines of the log after it; ``evidence``
    are templates of what the log shows, those left out of which a placeholder is empty; ``causes``
    stand in order of likelihood, ``otherwise`` says what to do where the log and the files show
    none.
    """

    id: _Id
    name: _Name
    summary: str
    on: On
    kind: str = ""
    types: list[str] = []
    when: str = ""
    severity: SeverityName
    softer: list[Softer] = []
    confidence: Confidence = "certain"
    aborts: bool = False
    tag: Tag = ""
    at: str | list[str] = []
    message: str
    hint: str | list[str] = ""
    symptoms: list[_Name] = []
    why: str
    sources: list[str] = []
    options: dict[str, Option] = {}
    evidence: list[str] = []
    also: dict[str, str] = {}
    causes: list[Cause] = []
    otherwise: str = ""
    fix: FixRule | list[FixRule] = []
    examples: list[Example] = []

    @property
    def text(self) -> RuleText:
        """The rule's words for reports and documentation."""
        hint = self.hint if isinstance(self.hint, str) else self.hint[-1]
        return RuleText(
            id=self.id,
            name=self.name,
            severity=Severity[self.severity.upper()],
            confidence=self.confidence,
            summary=self.summary,
            why=self.why.strip(),
            hint="" if "{" in hint else hint,
            sources=tuple(self.sources),
        )

    @property
    def hints(self) -> list[str]:
        """The hint templates in order of preference."""
        return [self.hint] if isinstance(self.hint, str) else self.hint

    @property
    def places(self) -> list[str]:
        """The field paths to point at, in order of preference."""
        return [self.at] if isinstance(self.at, str) else self.at

    @property
    def fixes(self) -> list[FixRule]:
        """The fixes in order of preference."""
        return [self.fix] if isinstance(self.fix, FixRule) else self.fix

    def expressions(self) -> Iterator[tuple[str, str]]:
        """Every CEL expression with the path of the YAML value it stands in."""
        if self.on == "problem":
            return
        yield "when", self.when
        for i, softer in enumerate(self.softer):
            yield f"softer.{i}.when", softer.when
        for name, templates in (("message", [self.message]), ("hint", self.hints)):
            for template in templates:
                for part in split_template(template)[1::2]:
                    yield name, part
        yield from self._run_expressions()
        for number, fix in enumerate(self.fixes):
            at = "fix" if isinstance(self.fix, FixRule) else f"fix.{number}"
            if fix.when:
                yield f"{at}.when", fix.when
            for template in (fix.title, *map(template_of, fix.changes)):
                for part in split_template(template)[1::2]:
                    yield at, part

    def _run_expressions(self) -> Iterator[tuple[str, str]]:
        """The expressions that only rules on runs have."""
        for i, cause in enumerate(self.causes):
            if cause.when:
                yield f"causes.{i}.when", cause.when
            if cause.printed:
                yield f"causes.{i}.printed", cause.printed
        words = [(f"causes.{i}.words", cause.words) for i, cause in enumerate(self.causes)]
        words += [(f"evidence.{i}", text) for i, text in enumerate(self.evidence)]
        for name, template in [*words, ("otherwise", self.otherwise)]:
            for part in split_template(template)[1::2]:
                yield name, part


def template_of(change: Change) -> str:
    """What a change holds placeholders in; empty for a mend."""
    return next((text for name in _TEMPLATES if (text := getattr(change, name))), "")


def filled(change: Change, text: str) -> Change:
    """The change with its template filled."""
    name = next((name for name in _TEMPLATES if getattr(change, name)), "")
    return msgspec.structs.replace(change, **{name: text}) if name else change


_TEMPLATE = late(r"\{\{|\}\}|\{([^{}]*)\}")


def split_template(template: str) -> list[str]:
    """A template as literal, placeholder, literal, …: it starts and ends with a literal."""
    parts, at = [""], 0
    for match in _TEMPLATE().finditer(template):
        parts[-1] += template[at : match.start()]
        at = match.end()
        if match[1] is None:
            parts[-1] += match[0][0]
        else:
            parts += [match[1].strip(), ""]
    parts[-1] += template[at:]
    return parts


def read_rules(paths: Iterable[Path]) -> list[Rule]:
    """Read rule files, in order of their ids.

    Raises:
        RuleError: for a file that is no rule, an id given twice, or a rule that lacks a part.
    """
    rules: dict[str, Rule] = {}
    for path in paths:
        rule = read_rule(path)
        if rule.id in rules:
            raise RuleError(f"{path}: the id {rule.id} is taken by {rules[rule.id].name}")
        rules[rule.id] = rule
    return [rules[id_] for id_ in sorted(rules)]


def read_rule(path: Path) -> Rule:
    """Read one rule file.

    Raises:
        RuleError: with path and line, where the file is not a well-formed rule.
    """
    from yaml import YAMLError

    from .yaml import load

    text = path.read_text(encoding="utf-8")
    try:
        content = load(text)
    except YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        position = f":{mark.line + 1}" if mark else ""
        raise RuleError(f"{path}{position}: {getattr(error, 'problem', error)}") from error
    try:
        rule = msgspec.convert(content, Rule)
    except msgspec.ValidationError as error:
        reason, _, where = str(error).partition(" - at `$")
        line = yaml_line(text, where.strip("`."))
        raise RuleError(f"{path}:{line}: {reason}") from error
    if rule.on == "problem" and not rule.kind:
        raise RuleError(f"{path}:{yaml_line(text, 'on')}: a rule on problems needs a kind")
    if rule.on != "problem" and not rule.when:
        raise RuleError(f"{path}:{yaml_line(text, 'on')}: a rule on a {rule.on} needs a when")
    for part in ("evidence", "also", "causes", "otherwise"):
        if rule.on != "run" and getattr(rule, part):
            raise RuleError(f"{path}:{yaml_line(text, part)}: {part} is for rules on runs only")
    for fix in rule.fixes:
        if reason := _misuse(rule, fix):
            raise RuleError(f"{path}:{yaml_line(text, 'fix')}: {reason}")
    return rule


def _misuse(rule: Rule, fix: FixRule) -> str:
    """What is wrong with a fix of a rule; empty where nothing is."""
    on_problem = rule.on == "problem"
    if on_problem and fix.when:
        return "a fix of a rule on problems has no when"
    for change in fix.changes:
        done = [name for name in _OPERATIONS if getattr(change, name)]
        if len(done) != 1:
            return (
                f"a change is one of {', '.join(_OPERATIONS)}, not {' and '.join(done) or 'none'}"
            )
        if on_problem != (done[0] in _ON_PROBLEMS) and done[0] != "rename":
            what = "problems" if on_problem else f"a {rule.on}"
            return f"{done[0]} cannot stand in a rule on {what}"
        if done[0] in ("set", "bypass") and not change.at:
            return f"{done[0]} needs at"
    return "" if fix.changes else "a fix without changes"


def yaml_line(text: str, path: str) -> int:
    """Line, from 1, of the value at a path like ``softer.0.when`` or ``softer[0].when``; of the
    deepest part of the path that exists.
    """
    from .yaml import compose

    node: Any = compose(text)
    for step in re.findall(r"[\w-]+", path):
        following = _child(node, step)
        if following is None:
            break
        node = following
    if node is None:  # an empty file
        return 1
    # A block scalar starts on the line after its key.
    return int(node.start_mark.line) + 1 + (getattr(node, "style", None) in ("|", ">"))


def _child(node: Any, step: str) -> Any:
    from yaml import MappingNode, SequenceNode

    if isinstance(node, MappingNode):
        return next((value for key, value in node.value if key.value == step), None)
    if isinstance(node, SequenceNode) and step.isdigit() and int(step) < len(node.value):
        return node.value[int(step)]
    return None


def json_schema() -> dict[str, Any]:
    """JSON Schema of a rule file, for editors."""
    return msgspec.json.schema(Rule)
