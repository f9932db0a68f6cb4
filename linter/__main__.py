"""``python -m caffelint``."""

from __future__ import annotations

import sys
from pathlib import Path

# Python looks for modules in the working directory first, which may be the tree to lint: nothing is
# taken from there, unless caffelint itself was.
if (
    __name__ == "__main__"
    and not sys.flags.safe_path
    and Path(sys.path[0]).resolve() not in Path(__file__).resolve().parents
):
    del sys.path[0]

from .cli import program

if __name__ == "__main__":
    program()
