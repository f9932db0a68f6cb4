"""Translate the expressions of the shipped rules into linter/engine/translated/<on>.py.

usage: python scripts/translate_rules.py [--check]

CEL checks the expressions and tells the type of each part; what is written here does the same as
CEL's own interpreter on the classes of the vocabulary, and saves a run starting that. An expression
that is not there, as after a change of its rule, is left to CEL, so nothing depends on these files
but the time of a run. ``--check`` writes nothing; the exit status is 1 if a file is stale.
"""

from __future__ import annotations

import keyword
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from google.protobuf import message_factory
from google.protobuf.descriptor import FieldDescriptor

from caffelint.core.pool import pool_of
from caffelint.engine.rule import On
from caffelint.engine.ruleset import VARIABLES, RuleSet, by_type
from caffelint.resources import load_rules, proto_folder
from compile_protos import compile_proto

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "linter" / "engine" / "translated"

OPERATIONS = ("at", "matches", "quotient", "text")
_DOUBLE = 4  # Type.primitive

_INFIX = {
    "equals": "==", "not_equals": "!=", "in_list": "in", "add_list": "+", "add_string": "+",
    **{
        f"{name}_{of}": sign
        for of in ("int64", "double")
        for name, sign in (
            ("less", "<"), ("less_equals", "<="), ("greater", ">"), ("greater_equals", ">="),
            ("add", "+"), ("subtract", "-"), ("multiply", "*"),
        )
    },
    "divide_double": "/",
}  # fmt: skip
"""Operators by the overload of CEL that they stand for."""

_CALLS = {
    "logical_not": "(not {})",
    "conditional": "({1} if {0} else {2})",
    "negate_double": "(-{})",
    "negate_int64": "(-{})",
    "list_size": "len({})",
    "contains_string": "({1} in {0})",
    "starts_with_string": "{}.startswith({})",
    "int64_to_string": "str({})",
    "double_to_string": "text({})",
    "divide_int64": "quotient({}, {})",
    "double_to_int64": "int({})",
    "int64_to_double": "float({})",
}
"""What the other overloads become; ``{0}`` is the first argument, or what a method is called on."""

_CHAINS = {"logical_and": "and", "logical_or": "or"}


class UntranslatableError(Exception):
    """Something in an expression that has no translation yet."""


_FACTS = pool_of((proto_folder() / "facts.desc").read_bytes())
_CHECKED: Any = message_factory.GetMessageClass(
    pool_of(compile_proto(Path(__file__).parent / "checked_expr.proto")).FindMessageTypeByName(
        "checked_expr.CheckedExpr"
    )
)


class Translation:
    """One checked expression; ``option`` is what stands for the rule's options."""

    def __init__(self, serialised: bytes, option: str = "option") -> None:
        from google.protobuf.any_pb2 import Any as Wrapped

        checked = _CHECKED.FromString(Wrapped.FromString(serialised).value)
        self._expr = checked.expr
        self._types = checked.type_map
        self._references = checked.reference_map
        self._option = option

    def python(self) -> str:
        """The expression in Python."""
        text = self._python(self._expr)
        # A fact of type double may be held as a whole number, which is shown with more digits.
        if self._types[self._expr.id].primitive == _DOUBLE:
            return f"float({text})"
        return text

    def _python(self, part: Any) -> str:
        kind = part.WhichOneof("kind")
        translate = getattr(self, f"_{kind.removesuffix('_expr')}", None) if kind else None
        if translate is None:
            raise UntranslatableError(f"a {kind}")
        return str(translate(part, getattr(part, kind)))

    def _const(self, _part: Any, constant: Any) -> str:
        return repr(getattr(constant, constant.WhichOneof("kind")))

    def _ident(self, _part: Any, ident: Any) -> str:
        if not ident.name.isidentifier() or keyword.iskeyword(ident.name):
            raise UntranslatableError(f"the name {ident.name}")
        return self._option if ident.name == "option" else str(ident.name)

    def _list(self, _part: Any, made: Any) -> str:
        return f"[{', '.join(map(self._python, made.elements))}]"

    def _select(self, _part: Any, select: Any) -> str:
        operand = self._python(select.operand)
        type_ = self._types[select.operand.id].message_type
        if not type_:
            if operand != self._option:
                raise UntranslatableError(f"a field of {operand}")
            name = repr(select.field)
            return f"({name} in {operand})" if select.test_only else f"{operand}[{name}]"
        field = _FACTS.FindMessageTypeByName(type_).fields_by_name[select.field]
        value = f"{operand}.{select.field}"
        return _presence(field, value) if select.test_only else _read(field, value)

    def _call(self, part: Any, call: Any) -> str:
        overloads = self._references[part.id].overload_id
        arguments = [call.target] if call.HasField("target") else []
        arguments += call.args
        if overloads[0] in _CHAINS:
            operands = [self._python(one) for one in self._chained(part, overloads[0])]
            return f"({f' {_CHAINS[overloads[0]]} '.join(operands)})"
        values = [self._python(one) for one in arguments]
        match list(overloads):
            case ["index_list"]:
                constant = arguments[1].WhichOneof("kind") == "const_expr"
                sure = constant and arguments[1].const_expr.int64_value >= 0
                return f"{values[0]}[{values[1]}]" if sure else f"at({', '.join(values)})"
            case ["in_list"] if arguments[1].WhichOneof("kind") == "list_expr":
                return f"({values[0]} in ({values[1][1:-1]},))"
            case ["matches_string"]:
                return f"matches({values[0]}, {_pattern(arguments[1])!r})"
            case [name] if name in _INFIX:
                return f"({values[0]} {_INFIX[name]} {values[1]})"
            case [name] if name in _CALLS:
                return _CALLS[name].format(*values)
            case several if {"double_to_int64", "int64_to_int64"} <= set(several):
                return f"int({values[0]})"
            case several if {"double_to_double", "int64_to_double"} <= set(several):
                return f"float({values[0]})"
        raise UntranslatableError(f"a call of {', '.join(overloads)}")

    def _chained(self, part: Any, overload: str) -> Iterator[Any]:
        """The operands of ``&&`` or ``||`` that are written one after the other."""
        kind = part.WhichOneof("kind")
        if kind == "call_expr" and self._references[part.id].overload_id[:1] == [overload]:
            for one in part.call_expr.args:
                yield from self._chained(one, overload)
        else:
            yield part

    def _comprehension(self, _part: Any, made: Any) -> str:
        """``all()``, ``exists()`` and ``filter()``, by the steps that CEL makes of them: ``result
        && condition``, ``result || condition``, ``condition ? result + [item] : result``.
        """
        step, each = made.loop_step, f"for {made.iter_var} in {self._python(made.iter_range)}"
        first, second = step.call_expr.args[:2]
        match list(self._references[step.id].overload_id):
            case ["logical_and"]:
                return f"all({self._python(second)} {each})"
            case ["logical_or"]:
                return f"any({self._python(second)} {each})"
            case ["conditional"]:
                added = second.call_expr.args[1:2]
                names = [one.ident_expr.name for it in added for one in it.list_expr.elements]
                if names == [made.iter_var]:
                    return f"[{made.iter_var} {each} if {self._python(first)}]"
        raise UntranslatableError(f"a macro {each}")


def _read(field: FieldDescriptor, value: str) -> str:
    """A field's value, or its default where it is absent."""
    if field.is_repeated:
        return value
    if field.type == FieldDescriptor.TYPE_MESSAGE:
        assert field.message_type is not None
        return f"({value} or NO_{field.message_type.name.upper()})"
    if field.has_presence:
        return f"({field.default_value!r} if {value} is None else {value})"
    return value


def _presence(field: FieldDescriptor, value: str) -> str:
    """Whether a field is there, as ``has()`` tells."""
    if field.is_repeated:
        return f"bool({value})"
    if field.has_presence:
        return f"({value} is not None)"
    return f"({value} != {field.default_value!r})"


def _pattern(constant: Any) -> str:
    """A regular expression of CEL, which means the same in Python but for its end."""
    pattern = str(constant.const_expr.string_value)
    body = pattern.removesuffix("$")
    if not pattern or "\\" in pattern or "$" in body:
        raise UntranslatableError(f"the pattern {pattern!r}")
    return pattern if body == pattern else rf"{body}\Z"


def module(on: On, ruleset: RuleSet) -> str:
    """The module of the rules on things of one sort."""
    rules = [rule for rule in ruleset.rules if rule.on == on]
    variables = ", ".join([*VARIABLES[on], "option"])
    lines = ["EXPRESSIONS: dict[str, Callable[..., Any]] = {"]
    for text in sorted({text for rule in rules for _, text in rule.expressions()}):
        python = Translation(ruleset.serialised(on, text)).python()
        lines.append(f"    {text!r}: lambda {variables}: {python},")
    lines += ["}", "", "GROUPS: dict[str, tuple[tuple[str, ...], Callable[..., list[bool]]]] = {"]
    for (_, type_), group in sorted(by_type(rules).items()):
        ids = tuple(rule.id for rule in group)
        lines += [f"    {type_!r}: ({ids!r}, lambda {variables}: ["]
        for rule in group:
            serialised = ruleset.serialised(on, rule.when)
            lines.append(f"        {Translation(serialised, f'option[{rule.id!r}]').python()},")
        lines.append("    ]),")
    lines += ["}", ""]
    return "\n".join([*_header(on, "\n".join(lines)), *lines])


def _header(on: On, body: str) -> Iterator[str]:
    yield "# Written by scripts/translate_rules.py: change the rules instead."
    yield f'"""The expressions of the rules on a {on}, and the conditions of those on one type."""'
    yield "\nfrom __future__ import annotations"
    yield "\nfrom collections.abc import Callable"
    yield "from typing import Any\n"
    absent = sorted({name for name in _names_of_facts() if f"NO_{name.upper()})" in body})
    if absent:
        yield f"from ..vocabulary import {', '.join(absent)}"
    if used := [name for name in OPERATIONS if re.search(rf"\b{name}\(", body)]:
        yield f"from .operations import {', '.join(used)}"
    yield from (f"\nNO_{name.upper()} = {name}()" for name in absent)
    yield ""


def _names_of_facts() -> Iterable[str]:
    return _FACTS.FindFileByName("facts.proto").message_types_by_name


def stale_files() -> dict[Path, str]:
    """The modules that are absent or out of date, with their proper content."""
    ruleset = load_rules()
    made = {FOLDER / f"{on}.py": module(on, ruleset) for on in VARIABLES}
    return {
        path: content
        for path, content in made.items()
        if not path.exists() or path.read_text(encoding="utf-8") != content
    }


def main() -> int:
    """Write the stale modules, or only name them under --check."""
    check = sys.argv[1:] == ["--check"]
    stale = stale_files()
    for path, content in stale.items():
        print(f"{'stale' if check else 'wrote'}: {path.relative_to(ROOT)}")
        if not check:
            path.write_text(content, encoding="utf-8")
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
