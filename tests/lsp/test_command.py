"""``caffelint lsp`` as a process, and where the server's library is missing."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from click.testing import CliRunner

from caffelint.cli import lsp as command


def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "find_spec", lambda _name: None)
    done = CliRunner().invoke(command.lsp, [])
    assert done.exit_code == 1
    assert 'pip install "caffelint[lsp]"' in done.output


def test_the_server_leaves_quietly() -> None:
    asked: list[tuple[str, object]] = [
        ("initialize", {"capabilities": {}}),
        ("shutdown", None),
        ("exit", None),
    ]
    said = b""
    for number, (method, params) in enumerate(asked):
        message: dict[str, object] = {"jsonrpc": "2.0", "method": method, "params": params}
        if method != "exit":
            message["id"] = number
        data = json.dumps(message).encode()
        said += b"Content-Length: %d\r\n\r\n%s" % (len(data), data)
    done = subprocess.run(
        [sys.executable, "-m", "caffelint", "lsp"],
        input=said,
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert b"hoverProvider" in done.stdout
    assert (done.stderr, done.returncode) == (b"", 0)
