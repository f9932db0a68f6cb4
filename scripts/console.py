"""What commands print, written into the console blocks of the tutorial and the start page."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

_BLOCK = re.compile(r"```console\n(.*?)```\n", re.DOTALL)
_PROMPT = "$ "


def with_outputs(page: str, samples: Path) -> str:
    """The page with the output of each line that starts with ``$`` in its console blocks put anew.

    The commands run in the order of the page in one directory with a copy of ``samples``, so what
    one of them changes is there for the next.

    Raises:
        RuntimeError: if a command could not run, or caffelint itself failed.
    """
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(samples, Path(folder) / samples.name)

        def renewed(block: re.Match[str]) -> str:
            commands = [line for line in block[1].splitlines() if line.startswith(_PROMPT)]
            printed = "".join(f"{line}\n{_output(line[2:], folder)}" for line in commands)
            return f"```console\n{printed}```\n"

        return _BLOCK.sub(renewed, page)


def _output(command: str, folder: str) -> str:
    """What a command prints, errors among it.

    What a command before a pipe writes to standard error comes at any time: redirect it.
    """
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    done = subprocess.run(
        ["/bin/sh", "-c", command],
        cwd=folder,
        env=os.environ | {"PATH": path},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    if done.returncode not in (0, 1):
        raise RuntimeError(f"{command}: exit status {done.returncode}\n{done.stdout}")
    return done.stdout
