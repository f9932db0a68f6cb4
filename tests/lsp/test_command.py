"""``caffelint lsp`` where the server's library is missing."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from caffelint.cli import lsp as command


def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "find_spec", lambda _name: None)
    done = CliRunner().invoke(command.lsp, [])
    assert done.exit_code == 1
    assert 'pip install "caffelint[lsp]"' in done.output
