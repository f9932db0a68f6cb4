"""Write the documentation that is made from other files, or check that it is current.

usage: python scripts/generate_docs.py [--check]

docs/rules.md from rules/*.yaml, docs/facts.md from proto/facts.proto, docs/rule.schema.json and
docs/config.schema.json from the structs that rule and config files are read into. With ``--check``
nothing is written; exit 1 if stale.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

from caffelint.config import json_schema as config_schema
from caffelint.engine.rule import Rule, json_schema
from caffelint.resources import load_rules, proto_folder

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"

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


def rules_page() -> str:
    """All rules by topic, each with what it finds."""
    lines = ["# Rules", "", "Made from `rules/*.yaml`; `caffelint explain RULE` tells the whole."]
    for prefix, topic in TOPICS.items():
        rules = [rule for rule in load_rules().rules if rule.id.startswith(prefix)]
        if rules:
            lines += ["", f"## {topic}", "", "| rule | severity | finds |", "| --- | --- | --- |"]
            lines += [_row(rule) for rule in rules]
    return "\n".join(lines) + "\n"


def _row(rule: Rule) -> str:
    severities = {rule.severity, *(softer.severity for softer in rule.softer)}
    order = [name for name in ("error", "warning", "info") if name in severities]
    summary = rule.summary.replace("|", "\\|")
    return f"| {rule.id} {rule.name} | {' / '.join(order)} | {summary} |"


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


def pages() -> dict[Path, str]:
    """Every generated file with its content."""
    return {
        DOCS / "rules.md": rules_page(),
        DOCS / "facts.md": facts_page(),
        DOCS / "config.schema.json": json.dumps(config_schema(), indent=2) + "\n",
        DOCS / "rule.schema.json": json.dumps(json_schema(), indent=2) + "\n",
    }


def main() -> int:
    """Write what is stale, or only name it under --check."""
    stale = [
        (path, text)
        for path, text in pages().items()
        if not path.exists() or path.read_text(encoding="utf-8") != text
    ]
    for path, text in stale:
        print(f"stale: {path.relative_to(ROOT)}")
        if "--check" not in sys.argv:
            path.write_text(text, encoding="utf-8")
    return 1 if stale and "--check" in sys.argv else 0


if __name__ == "__main__":
    sys.exit(main())
