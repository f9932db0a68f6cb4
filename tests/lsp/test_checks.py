"""When texts are checked: after the last change, and one at a time."""

from __future__ import annotations

import asyncio
import time

import pytest

from caffelint.lsp import diagnose
from caffelint.lsp.server import Server, _Opened

from .marked import document


@pytest.mark.asyncio
@pytest.mark.parametrize(("pause", "checks"), [(0.0, 1), (0.06, 3)])
async def test_checks(monkeypatch: pytest.MonkeyPatch, pause: float, checks: int) -> None:
    running, most, done = 0, 0, 0

    def check(_desk: object, _path: object, *, data: bool) -> diagnose.Findings:
        nonlocal running, most, done
        running += 1
        most = max(most, running)
        time.sleep(0.1)
        running, done = running - 1, done + 1
        return diagnose.Findings({}, {})

    monkeypatch.setattr(diagnose.Desk, "check", check)
    server = Server("0")
    server.opened["x"] = _Opened("x", document(""), "utf-16", 1)
    tasks = []
    for _ in range(checks):
        server.check_soon("x", 0.02)
        tasks.append(server.waiting["x"])
        server.check_soon("x", 0.02)
        tasks.append(server.waiting["x"])
        await asyncio.sleep(pause)
    await asyncio.gather(*tasks)
    assert most == 1
    assert 1 <= done <= checks
