"""Hold verdicts and learning rates of solvers against what real Caffe said of them.

usage: python scripts/check_solvers.py RECORDS.jsonl FOLDER

Each line is a JSON object; those of ``kind`` "solver" are used: ``file`` (below FOLDER),
``verdict`` (accept or reject) and, where accepted, ``lr``: learning rates by iteration. Exit 1 on a
difference.
"""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path
from typing import Any

import caffelint
from caffelint.check import Checker
from caffelint.config import Config
from caffelint.model.schedule import rate
from caffelint.resources import load_rules
from caffelint.schema.upgrade import upgrade_solver

_TOLERANCE = 1e-5


def verdict(data: bytes) -> str:
    """Whether a rule says that Caffe refuses this solver, its nets left aside."""
    parsed = caffelint.parse(data, kind="solver")
    assert parsed.typed is not None
    _, problems = upgrade_solver(parsed.typed)
    if parsed.errors or any(problem.rejects for problem in problems):
        return "reject"
    aborting = {rule.id for rule in load_rules().rules if rule.aborts}
    report = Checker(load_rules(), Config()).check_text("solver.prototxt", data)
    return "reject" if any(one.rule in aborting for one in report.diagnostics) else "accept"


def wrong_rates(record: dict[str, Any], data: bytes) -> list[str]:
    """Iterations at which our learning rate is not Caffe's."""
    solver = caffelint.parse(data, kind="solver").typed
    assert solver is not None
    wrong = []
    for iteration, wanted in record.get("lr", {}).items():
        ours = rate(solver, int(iteration))
        if not _same(ours, wanted):
            wrong.append(f"{iteration}: {ours} for {wanted}")
    return wrong


def _same(ours: float | None, wanted: object) -> bool:
    if not isinstance(wanted, int | float):
        return ours is None
    # Caffe computes in single precision: what underflows there is 0.
    floor = 1e-37
    return ours is not None and math.isclose(ours, wanted, rel_tol=_TOLERANCE, abs_tol=floor)


def main() -> int:
    """Compare all records and print how many agree."""
    records = [json.loads(line) for line in Path(sys.argv[1]).read_text().splitlines()]
    solvers = [record for record in records if record.get("kind") == "solver"]
    agree = rates = right = 0
    for record in solvers:
        data = (Path(sys.argv[2]) / record["file"]).read_bytes()
        mine = verdict(data)
        agree += mine == record["verdict"]
        if mine != record["verdict"]:
            print(f"{record['file']}: Caffe {record['verdict']}s, caffelint {mine}s")
        wrong = wrong_rates(record, data)
        rates += len(record.get("lr", {}))
        right += len(record.get("lr", {})) - len(wrong)
        if wrong:
            print(f"{record['file']}: rates differ at {'; '.join(wrong)}")
    print(f"verdicts {agree}/{len(solvers)}, rates {right}/{rates}")
    return 0 if (agree, right) == (len(solvers), rates) else 1


if __name__ == "__main__":
    sys.exit(main())
