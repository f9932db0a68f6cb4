"""When texts are checked: after the last change, one at a time, and no longer than they matter."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from lsprotocol import types

from caffelint.lsp import diagnose
from caffelint.lsp.server import Server, _Opened, make_server

from .marked import NET, document

Stopped = Callable[[], bool]


def with_text(server: Server, text: str = "") -> _Opened:
    one = server.opened["x"] = _Opened("x", document(text), "utf-16", 1)
    return one


@pytest.mark.asyncio
@pytest.mark.parametrize(("pause", "checks"), [(0.0, 1), (0.06, 3)])
async def test_checks(monkeypatch: pytest.MonkeyPatch, pause: float, checks: int) -> None:
    running, most, done = 0, 0, 0

    def check(_desk: object, _path: object, _stopped: Stopped) -> diagnose.Findings:
        nonlocal running, most, done
        running += 1
        most = max(most, running)
        time.sleep(0.1)
        running, done = running - 1, done + 1
        return diagnose.Findings({}, {})

    monkeypatch.setattr(diagnose.Desk, "check", check)
    server = Server("0")
    with_text(server)
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


@pytest.mark.asyncio
async def test_a_change_stops_the_check_of_what_it_changes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ended = []
    begun = asyncio.Event()
    loop = asyncio.get_running_loop()

    def check(_desk: object, _path: object, stopped: Stopped) -> diagnose.Findings:
        loop.call_soon_threadsafe(begun.set)
        for _ in range(200):
            if stopped():
                ended.append("stopped")
                raise diagnose.Stopped
            if ended:
                break
            time.sleep(0.01)
        ended.append("done")
        return diagnose.Findings({}, {})

    monkeypatch.setattr(diagnose.Desk, "check", check)
    server = Server("0")
    with_text(server)
    server.check_soon("x")
    first = server.waiting["x"]
    await asyncio.wait_for(begun.wait(), 5)
    server.check_soon("another")
    assert not ended
    server.check_soon("x")
    await asyncio.gather(first, server.waiting["x"])
    assert ended == ["stopped", "done"]


def test_a_check_ends_when_it_is_stopped(tmp_path: Path) -> None:
    desk = diagnose.Desk({tmp_path / "net.prototxt": NET})
    asked = 0

    def stopped() -> bool:
        nonlocal asked
        asked += 1
        return asked > 3

    with pytest.raises(diagnose.Stopped):
        desk.check(tmp_path / "net.prototxt", stopped)
    assert asked == 4


@pytest.mark.parametrize(
    ("took", "delays"),
    [
        pytest.param(0.0, (0.01, 0.03, 0.01), id="small"),
        pytest.param(0.3, (0.01, 0.1, 0.01), id="of 600 layers"),
        pytest.param(2.0, (0.01, 0.15, 0.01), id="huge"),
    ],
)
def test_a_large_net_waits_for_a_pause(
    monkeypatch: pytest.MonkeyPatch, took: float, delays: tuple[float, ...]
) -> None:
    told = []
    moments = iter((100.0, 100.2, 101.0))
    monkeypatch.setattr(time, "monotonic", lambda: next(moments))
    monkeypatch.setattr(Server, "check_soon", lambda _server, _uri, delay=0.0: told.append(delay))
    server = Server("0")
    server._took["x"] = took
    for _ in delays:
        server.check_changed("x")
    assert told == pytest.approx(list(delays))


@pytest.mark.asyncio
@pytest.mark.parametrize("changed", [True, False])
async def test_hints_of_a_text_that_has_changed_are_not_worked_out(changed: bool) -> None:
    server = make_server("0")
    with_text(server, NET)
    ask = server.protocol.fm.features[types.TEXT_DOCUMENT_INLAY_HINT]
    whole = types.Range(types.Position(0, 0), types.Position(99, 0))
    answer = asyncio.ensure_future(
        ask(types.InlayHintParams(types.TextDocumentIdentifier("x"), whole))
    )
    await asyncio.sleep(0)
    if changed:
        with_text(server, NET + " ")
    hints = await answer
    assert (hints is None) is changed
