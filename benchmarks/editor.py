"""How soon an editor has the findings of a change: a conversation with the real language server.

usage: python benchmarks/editor.py [FILE …]

Without a file it takes nets of 150 and 600 layers made here. Three kinds of change, each a
number of times: one character of a value, with rest before it; one that breaks the syntax and is
taken back; a line that is typed, a character each 80 ms, of which the last one counts. With each
change the editor asks for inlay hints, and after the last one for all that editors ask for:
outline, folds, links, actions. Printed is the time on the clock from sending a change until its
findings have come, and until the hints have. Needs the extra ``lsp``.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lint import training_net

ROUNDS = 25
_KEY = 0.08
_REST = 0.3
_TYPED = '  loss_weight: 1 # a "word"\n'
_ASKED = ("inlayHint", "documentSymbol", "foldingRange", "documentLink", "codeAction")


class Editor:
    """One conversation, over the standard streams of a server."""

    def __init__(self, process: asyncio.subprocess.Process, uri: str) -> None:
        self._process = process
        self._uri = uri
        self._numbers = 0
        self._version = 0
        self._answers: dict[int, asyncio.Future[Any]] = {}
        self._findings: dict[int, asyncio.Future[int]] = {}
        self._reader = asyncio.create_task(self._read())

    async def _read(self) -> None:
        assert self._process.stdout is not None
        while True:
            size = 0
            while (line := (await self._process.stdout.readline()).strip()) or not size:
                if not line:
                    return
                if line.lower().startswith(b"content-length:"):
                    size = int(line.partition(b":")[2])
            told = json.loads(await self._process.stdout.readexactly(size))
            if told.get("id") in self._answers and "method" not in told:
                self._answers.pop(told["id"]).set_result(told.get("result"))
            elif told.get("method") == "textDocument/publishDiagnostics":
                waiting = self._findings.pop(told["params"].get("version"), None)
                if waiting is not None:
                    waiting.set_result(len(told["params"]["diagnostics"]))

    def tell(self, method: str, params: object, number: int | None = None) -> None:
        """Send a notification, or a request with its number."""
        message = {"jsonrpc": "2.0", "method": method, "params": params}
        data = json.dumps(message if number is None else {**message, "id": number}).encode()
        assert self._process.stdin is not None
        self._process.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(data), data))

    def ask(self, method: str, params: object) -> asyncio.Future[Any]:
        """Send a request; its answer is to come."""
        self._numbers += 1
        answer = self._answers[self._numbers] = asyncio.get_running_loop().create_future()
        self.tell(method, params, self._numbers)
        return answer

    async def start(self, root: Path) -> None:
        """Shake hands."""
        await self.ask(
            "initialize", {"processId": None, "rootUri": root.as_uri(), "capabilities": {}}
        )
        self.tell("initialized", {})

    async def stop(self) -> None:
        """End the server."""
        await self.ask("shutdown", None)
        self.tell("exit", None)
        await self._process.wait()
        self._reader.cancel()

    def _await_findings(self) -> asyncio.Future[int]:
        self._version += 1
        found = self._findings[self._version] = asyncio.get_running_loop().create_future()
        return found

    def open(self, text: str) -> asyncio.Future[int]:
        """Open the text; the number of its findings is to come."""
        found = self._await_findings()
        item = {"uri": self._uri, "languageId": "prototxt", "version": 1, "text": text}
        self.tell("textDocument/didOpen", {"textDocument": item})
        return found

    def change(self, text: str, *, last: bool) -> tuple[asyncio.Future[int], asyncio.Future[Any]]:
        """Change the text and ask for what is shown of it: its findings, and its hints."""
        found = self._await_findings()
        item = {"uri": self._uri, "version": self._version}
        self.tell(
            "textDocument/didChange", {"textDocument": item, "contentChanges": [{"text": text}]}
        )
        everything = {"start": {"line": 0, "character": 0}, "end": {"line": 60, "character": 0}}
        given = {"range": everything, "context": {"diagnostics": []}}
        item = {"uri": self._uri}
        asked = _ASKED if last else _ASKED[:1]
        answers = [
            self.ask(f"textDocument/{one}", {"textDocument": item, **given}) for one in asked
        ]
        return found, answers[0]


async def _times(editor: Editor, texts: list[str], rest: float) -> tuple[float, float]:
    """Seconds from the last of some changes to its findings, and to its hints."""
    for text in texts[:-1]:
        editor.change(text, last=False)
        await asyncio.sleep(rest)
    start = time.perf_counter()

    async def since(answer: asyncio.Future[Any]) -> float:
        await asyncio.wait_for(answer, 60)
        return time.perf_counter() - start

    found, hints = editor.change(texts[-1], last=True)
    return (await asyncio.gather(since(found), since(hints)))[0:2]


def _value(text: str, number: int) -> list[str]:
    """Another number of outputs in the middle of a net."""
    at = text.index("num_output: ", len(text) // 2) + len("num_output: ")
    return [text[:at] + str(number % 9 + 1) + text[at:]]


def _break(text: str, number: int) -> list[str]:
    """A bracket too many, and the text as it was."""
    at = text.index("{", len(text) // 2)
    return [text if number % 2 else text[:at] + "{" + text[at:]]


def _type(text: str, number: int) -> list[str]:
    """A line, one character after the other."""
    at = text.index("\n", text.index("layer {", len(text) // 2)) + 1
    typed = _TYPED.replace("1", str(number + 1))
    return [text[:at] + typed[:end] + text[at:] for end in range(1, len(typed) + 1)]


KINDS: dict[str, Callable[[str, int], list[str]]] = {
    "a value, after a rest": _value,
    "a bracket, after a rest": _break,
    "a line typed, its last key": _type,
}


def _shown(times: list[float]) -> str:
    ninety_fifth = statistics.quantiles(times, n=20, method="inclusive")[-1]
    return f"median {statistics.median(times) * 1e3:4.0f}  95 % {ninety_fifth * 1e3:4.0f}"


async def converse(name: str, text: str) -> None:
    """Print the times on one net."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "net.prototxt"
        path.write_text(text, encoding="utf-8")
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "caffelint", "lsp"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        editor = Editor(process, path.as_uri())
        await editor.start(Path(folder))
        print(f"{name}: {len(text) / 1e3:.0f} kB, {await editor.open(text)} findings (ms)")
        for kind, change in KINDS.items():
            rounds = ROUNDS if change is not _type else ROUNDS // 2
            times = []
            for number in range(rounds):
                await asyncio.sleep(_REST)
                times.append(await _times(editor, change(text, number), _KEY))
            found, hints = zip(*times, strict=True)
            print(f"  {kind:<28} findings: {_shown(list(found))}   hints: {_shown(list(hints))}")
        await editor.stop()


def main() -> None:
    """Converse about the given files, or about the nets made here."""
    texts = {Path(name).name: Path(name).read_text(encoding="utf-8") for name in sys.argv[1:]}
    if not texts:
        texts = {f"{layers} layers": training_net(layers) for layers in (150, 600)}
    for name, text in texts.items():
        asyncio.run(converse(name, text))


if __name__ == "__main__":
    main()
