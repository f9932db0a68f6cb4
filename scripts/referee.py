"""protobuf's C++ text format parser, the one that Caffe runs, called in this process.

It is compiled from ``referee.cc`` when it is asked for, which takes two seconds, a C++ compiler,
and protobuf's C++ library in a version before 22 with its headers (Debian: ``g++``,
``libprotobuf-dev``). So it costs microseconds a text, where a call of ``protoc --encode`` costs a
process.
"""

from __future__ import annotations

import ctypes
import shutil
import subprocess
from pathlib import Path

from caffelint.resources import proto_folder

_CODE = Path(__file__).with_name("referee.cc")


class RefereeError(Exception):
    """The C++ parser cannot be had on this machine; the message says why."""


class Referee:
    """The parser for the types of BVLC's ``caffe.proto``; the library is built in ``folder``."""

    def __init__(self, folder: Path) -> None:
        compiler = shutil.which("g++")
        if compiler is None:
            raise RefereeError("there is no g++")
        library = folder / "referee.so"
        command = [*(compiler, "-O2", "-std=c++17", "-shared", "-fPIC"), str(_CODE)]
        done = subprocess.run(
            [*command, "-o", str(library), "-lprotobuf"], capture_output=True, text=True
        )
        if done.returncode:
            raise RefereeError(f"{_CODE.name} does not compile: {done.stderr[:500]}")
        self._library = ctypes.CDLL(str(library))
        self._library.referee_wire.restype = ctypes.c_void_p
        schema = (proto_folder() / "caffe.desc").read_bytes()
        if not self._library.referee_schema(schema, len(schema)):
            raise RefereeError("the C++ library does not take caffe.desc")

    def read(self, text: bytes, type_: str) -> bytes | None:
        """The serialised message that a text stands for; None where the parser refuses it.

        ``type_`` is the name of a message type, such as ``NetParameter``.
        """
        size = self._library.referee_parse(f"caffe.{type_}".encode(), text, len(text))
        return None if size < 0 else ctypes.string_at(self._library.referee_wire(), size)
