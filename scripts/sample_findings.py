"""Draw findings at random and show them in their files, for judging how often a rule is right.

usage: python scripts/sample_findings.py PATH [--rule RULE] [--severity S] [--count N] [--seed N]
       [--context N] [--list]

PATH is a folder to check, or a report that ``caffelint check --format json`` has written. Of each
rule and severity, ``--count`` findings are drawn with a fixed ``--seed``, from as many
repositories (folders next below the root of all files) as there are. Each is printed with
``--context`` lines around its place; a judge then reads the file, and what starts it.
``--list`` only counts findings and files.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

Finding = dict[str, Any]


def findings(path: Path) -> list[Finding]:
    """The diagnostics of a written report, or of a run over a folder."""
    if path.is_file() and path.suffix == ".json":
        text = path.read_text(encoding="utf-8")
    else:
        command = [sys.executable, "-m", "caffelint", "check", "--format", "json", str(path)]
        text = subprocess.run(command, stdout=subprocess.PIPE, check=False).stdout.decode()
    found: list[Finding] = json.loads(text)["diagnostics"]
    return found


def sample(found: list[Finding], count: int, seed: int) -> list[Finding]:
    """``count`` findings, drawn one from each repository in turn."""
    draw = random.Random(seed)
    root = os.path.commonpath([Path(one["file"]).parent for one in found])
    by_repository: dict[str, list[Finding]] = defaultdict(list)
    for one in found:
        by_repository[Path(one["file"]).relative_to(root).parts[0]].append(one)
    piles = [draw.sample(pile, len(pile)) for _, pile in sorted(by_repository.items())]
    draw.shuffle(piles)
    drawn: list[Finding] = []
    while len(drawn) < count and any(piles):
        drawn += [pile.pop() for pile in piles if pile][: count - len(drawn)]
    return drawn


def show(one: Finding, context: int) -> None:
    """One finding as a judge needs it: words, assumptions, and the lines around it."""
    print(f"\n{one['rule']} {one['severity']}: {one['file']}:{one['line']}:{one['column']}")
    print(f"  {one['message']}")
    if one["context"]:
        print(f"  {one['context']}")
    lines = Path(one["file"]).read_text(encoding="utf-8", errors="replace").splitlines()
    first = max(0, one["line"] - 1 - context)
    for number, line in enumerate(lines[first : one["line"] + context], first + 1):
        mark = ">" if number == one["line"] else " "
        print(f"  {mark}{number:6} {line[:120]}")


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("path", type=Path)
    parser.add_argument("--rule", action="append", help="only this rule; repeatable")
    parser.add_argument("--severity", action="append", help="only this; repeatable")
    parser.add_argument("--count", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--context", type=int, default=6)
    parser.add_argument("--list", action="store_true", help="only count")
    options = parser.parse_args()
    groups: dict[tuple[str, str], list[Finding]] = defaultdict(list)
    for one in findings(options.path):
        if options.rule and one["rule"] not in options.rule:
            continue
        if one["severity"] in (options.severity or ["error", "warning"]):
            groups[one["rule"], one["severity"]].append(one)
    for (rule, severity), found in sorted(groups.items()):
        files = len({one["file"] for one in found})
        print(f"{rule} {found[0]['name']} {severity}: {len(found)} findings in {files} files")
        if not options.list:
            for one in sample(found, options.count, options.seed):
                show(one, options.context)


if __name__ == "__main__":
    main()
