"""Write the documentation that is made from other files, or check that it is current.

usage: python scripts/generate_docs.py [--check]

From rules/*.yaml: docs/rules.md, docs/rules/*.md, and with rules/symptoms.yaml the ways to them,
docs/symptoms.md, docs/symptoms.zh.md and docs/messages.md. docs/facts.md from proto/facts.proto,
docs/rule.schema.json and docs/config.schema.json from the structs that rule and config files are
read into, docs/cli.md from the commands. docs/images/check.svg is a terminal in which caffelint has
run. In docs/index.md and docs/tutorial.md only what commands print is renewed. With ``--check``
nothing is written; exit 1 if anything is stale, or left over from a rule that is gone.
"""

from __future__ import annotations

import inspect
import json
import re
import sys
from pathlib import Path
from typing import Any

from caffelint.config import json_schema as config_schema
from caffelint.engine.rule import json_schema
from caffelint.engine.symptom import check_symptoms
from caffelint.resources import load_rules, load_symptoms, proto_folder
from cli_page import cli_page
from console import with_outputs
from rule_pages import page_name, rule_page, rules_page
from symptom_pages import messages_page, symptoms_page
from terminal_picture import picture

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
RULES = DOCS / "rules"

_FIELD = re.compile(r"^\s*(repeated |optional )?([\w.]+) (\w+) = \d+;")


def facts_page() -> str:
    """The messages of facts.proto with their fields and comments."""
    lines = [
        "# Facts",
        "",
        "Made from `proto/facts.proto`: what the expressions of a rule can ask.",
    ]
    comment: list[str] = []
    for line in (proto_folder() / "facts.proto").read_text(encoding="utf-8").splitlines():
        stripped = line.strip()
        if stripped.startswith("//"):
            comment.append(stripped.removeprefix("//").strip())
        elif stripped.startswith("message "):
            name = stripped.split()[1]
            lines += ["", f"## {name}", "", " ".join(comment), ""]
            lines += ["| field | type | meaning |", "| --- | --- | --- |"]
            comment = []
        elif match := _FIELD.match(line):
            label, type_, name = match.groups()
            meaning = " ".join(comment).replace("|", "\\|")
            lines.append(f"| `{name}` | {label or ''}{type_} | {meaning} |")
            comment = []
        elif not stripped:
            comment = []
    return "\n".join(lines) + "\n"


def schema_text(schema: dict[str, Any]) -> str:
    """A JSON Schema whose descriptions, which are docstrings, lack the indentation of the code.

    Python 3.13 and later take it off themselves.
    """
    for struct in schema["$defs"].values():
        struct["description"] = inspect.cleandoc(struct["description"])
    return json.dumps(schema, indent=2) + "\n"


def _with_outputs(page: Path) -> str:
    return with_outputs(page.read_text(encoding="utf-8"), ROOT / "samples")


def pages() -> dict[Path, str]:
    """Every generated file with its content."""
    rules, symptoms = load_rules().whole_rules, load_symptoms()
    check_symptoms(rules, symptoms)
    return {
        DOCS / "rules.md": rules_page(rules),
        **{RULES / page_name(rule): rule_page(rule, symptoms) for rule in rules},
        **{DOCS / name: _with_outputs(DOCS / name) for name in ("index.md", "tutorial.md")},
        DOCS / "symptoms.md": symptoms_page(rules, symptoms, "en"),
        DOCS / "symptoms.zh.md": symptoms_page(rules, symptoms, "zh"),
        DOCS / "messages.md": messages_page(rules, symptoms),
        DOCS / "cli.md": cli_page(),
        DOCS / "facts.md": facts_page(),
        DOCS / "images" / "check.svg": picture("caffelint samples/broken", ROOT / "samples"),
        DOCS / "config.schema.json": schema_text(config_schema()),
        DOCS / "rule.schema.json": schema_text(json_schema()),
    }


def main() -> int:
    """Write what is stale and remove what is left over, or only name it under --check."""
    wanted = pages()
    check = "--check" in sys.argv
    stale = [
        path
        for path, text in wanted.items()
        if not path.exists() or path.read_text(encoding="utf-8") != text
    ]
    left_over = sorted(set(RULES.glob("*.md")) - set(wanted))
    for path in [*stale, *left_over]:
        print(f"{'stale' if path in wanted else 'left over'}: {path.relative_to(ROOT)}")
    if not check:
        for path in stale:
            path.parent.mkdir(exist_ok=True)
        for path in stale:
            path.write_text(wanted[path], encoding="utf-8")
        for path in left_over:
            path.unlink()
    return 1 if check and (stale or left_over) else 0


if __name__ == "__main__":
    sys.exit(main())
