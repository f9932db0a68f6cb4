"""A picture of a terminal in which a command was run: SVG that loads nothing from elsewhere."""

from __future__ import annotations

import html
import io
import os
import pty
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import TerminalTheme
from rich.text import Text

_COLUMNS = 104

# Legible on black: at least 7 to 1 each, but for the dim ones.
_THEME = TerminalTheme(
    (22, 27, 34),
    (230, 237, 243),
    [
        *((72, 79, 88), (255, 123, 114), (86, 211, 100), (227, 179, 65)),
        *((121, 192, 255), (210, 168, 255), (86, 212, 221), (230, 237, 243)),
    ],
)

# As rich's own, without the font that it would fetch.
_FORM = """\
<svg class="rich-terminal" viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg" \
role="img">
<title>TITLE</title>
<style>
.{unique_id}-matrix {{
  font-family: ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace;
  font-size: {char_height}px; line-height: {line_height}px;
}}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal">
<rect x="0" y="0" width="{terminal_width}" height="{terminal_height}" />
</clipPath>
{lines}
</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""


def picture(command: str, samples: Path) -> str:
    """The terminal after a command, run in a directory with a copy of ``samples``."""
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(samples, Path(folder) / samples.name)
        printed = _printed(command, folder)
    console = Console(file=io.StringIO(), record=True, width=_COLUMNS, force_terminal=True)
    console.print(Text.from_markup(f"[bold green]$[/] [bold]{command}[/]"))
    console.print(Text.from_ansi(printed.rstrip()))
    form = _FORM.replace("TITLE", html.escape(command))
    return console.export_svg(title="", theme=_THEME, code_format=form, unique_id="terminal")


def _printed(command: str, folder: str) -> str:
    """What a command prints on a terminal."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = {k: v for k, v in os.environ.items() if k != "NO_COLOR"} | {"PATH": path}
    ours, its = pty.openpty()
    process = subprocess.Popen(
        ["/bin/sh", "-c", command], cwd=folder, env=environment, stdout=its, stderr=its
    )
    os.close(its)
    printed = b""
    with os.fdopen(ours, "rb", buffering=0) as terminal:
        try:
            while piece := terminal.read(65536):
                printed += piece
        except OSError:  # how Linux tells that nobody has the terminal open any more
            pass
    if process.wait() not in (0, 1):
        raise RuntimeError(f"{command}: {printed.decode()}")
    return printed.decode().replace("\r\n", "\n")
