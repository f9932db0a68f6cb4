"""The user's own ``caffe.proto``: compiled by protoc, which parses it and does nothing else.

protoc comes with the extra ``caffelint[proto]``. It runs in a process of its own, with a limit on
its time, on a file of limited size; it is given no plugin, and sees the folder of the file only.
"""

from __future__ import annotations

import sys
from functools import cache
from importlib.util import find_spec
from pathlib import Path

_MOST_BYTES = 4 << 20
_MOST_RESULT = 16 << 20
_SECONDS = 30


class ProtoError(Exception):
    """The file cannot be used; the text says which, and why."""


def compile_proto(path: Path) -> bytes:
    """The descriptor set of a ``.proto`` file and what it imports.

    Raises:
        ProtoError: if the file cannot be read or is refused, or protoc is not installed.
    """
    try:
        stat = path.stat()
    except (OSError, ValueError) as error:
        raise ProtoError(f"{path}: {getattr(error, 'strerror', None) or error}") from error
    if not path.is_file() or stat.st_size > _MOST_BYTES:
        raise ProtoError(f"{path}: not a file of at most {_MOST_BYTES >> 20} MiB")
    return _compiled(path.resolve(), stat.st_mtime_ns)


@cache
def _compiled(path: Path, _changed: int) -> bytes:
    if find_spec("grpc_tools") is None:
        raise ProtoError('--proto needs protoc: pip install "caffelint[proto]"')
    import subprocess
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "out.desc"
        command = [sys.executable, "-I", "-m", "grpc_tools.protoc", f"-I{path.parent}"]
        # The whole path: a name such as --x_out=y.proto or @y.proto would be taken for an option.
        command += ["--include_imports", f"--descriptor_set_out={target}", str(path)]
        try:
            done = subprocess.run(  # noqa: S603 - protoc only parses
                command, capture_output=True, timeout=_SECONDS, check=False, cwd=folder
            )
        except subprocess.TimeoutExpired as error:
            raise ProtoError(f"{path}: protoc took more than {_SECONDS} s") from error
        if done.returncode != 0 or not target.exists():
            raise ProtoError(f"{path}: {_reason(done.stderr.decode('utf-8', 'replace'), path)}")
        if target.stat().st_size > _MOST_RESULT:
            raise ProtoError(f"{path}: too many messages")
        return target.read_bytes()


def _reason(said: str, path: Path) -> str:
    """The first complaint in what protoc printed, which has other lines of its own."""
    for line in said.splitlines():
        before, name, reason = line.partition(f"{path.name}:")
        if name and before in ("", f"{path.parent}/"):
            return reason.strip()
    return "protoc refuses it"
