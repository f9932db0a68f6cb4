"""Where a start goes: the modules that checking one net imports, and how long that takes.

usage: python scripts/start_up.py [FILE]

Runs ``python -X importtime -m caffelint check FILE`` several times (without FILE on a net of
samples/lenet) with all modules compiled, and takes the least time of each module. The table has by
library how many modules there are, and their own milliseconds, without what they import. ``-X
importtime`` itself makes imports slower.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).parent.parent
ROUNDS = 5
_NET = ROOT / "samples" / "lenet" / "train_test.prototxt"
_NAMES = {"google": "protobuf", "_cel": "cel-expr-python", "cel_expr_python": "cel-expr-python"}
_LIBRARIES = ("caffelint", "click", "msgspec", "protobuf", "cel-expr-python", "yaml")
_PYTHON = "Python itself"


def imported(path: Path, compiled: str) -> dict[str, float]:
    """Milliseconds that each module takes by itself, by its full name; ``compiled`` is a directory
    for what Python makes of modules.
    """
    command = [sys.executable, "-X", "importtime", "-m", "caffelint", "check", str(path)]
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    environment["PYTHONPYCACHEPREFIX"] = compiled
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if done.returncode not in (0, 1):
        raise SystemExit(done.stderr)
    rows = (line.removeprefix("import time:").split("|") for line in done.stderr.splitlines())
    times = {row[2].strip(): row[0].strip() for row in rows if len(row) == 3}
    return {name: int(time) / 1e3 for name, time in times.items() if time.isdigit()}


def library(module: str) -> str:
    """The library that a module belongs to."""
    top = module.partition(".")[0]
    name = _NAMES.get(top, top)
    return name if name in _LIBRARIES else _PYTHON


def main() -> None:
    """Print the table."""
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else _NET
    with tempfile.TemporaryDirectory() as compiled:
        imported(path, compiled)
        rounds = [imported(path, compiled) for _ in range(ROUNDS)]
    by_library: dict[str, list[float]] = defaultdict(list)
    for module in rounds[0]:
        by_library[library(module)].append(min(one.get(module, 0) for one in rounds))
    print("| library | modules | ms |\n| --- | ---: | ---: |")
    for name, times in sorted(by_library.items(), key=lambda item: -sum(item[1])):
        print(f"| {name} | {len(times)} | {sum(times):.1f} |")
    every = [time for times in by_library.values() for time in times]
    print(f"| all | {len(every)} | {sum(every):.1f} |")


if __name__ == "__main__":
    main()
