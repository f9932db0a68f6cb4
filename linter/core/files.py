"""Writing files so that they are replaced whole, or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


def replace_file(path: Path, data: bytes) -> None:
    """Put ``data`` into ``path`` in one step; on any error the old file is left as it was.

    Raises:
        OSError: if the file cannot be written.
    """
    with replacing(path) as file:
        file.write(data)


def create_file(path: Path, data: bytes) -> None:
    """Put ``data`` into a file that is not there yet, in one step.

    Raises:
        FileExistsError: if there is one, which is left as it was.
        OSError: if it cannot be written.
    """
    import tempfile

    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".caffelint.") as folder:
        whole = Path(folder) / "new"
        whole.write_bytes(data)
        try:
            path.hardlink_to(whole)
        except FileExistsError:
            raise
        except OSError:  # a file system without such links
            with path.open("xb") as file:
                file.write(data)


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """A file to write that takes the place of ``path`` when the block ends; on any error, one in
    the block too, the old file is left as it was. Of a link the file that it leads to is replaced;
    what is no file, such as ``/dev/null`` or a pipe, is written into.

    Raises:
        OSError: if the file cannot be written.
    """
    import tempfile

    path = Path(os.path.realpath(path))
    if path.exists() and not path.is_file():
        with path.open("wb") as file:
            yield file
        return
    mode = path.stat().st_mode & 0o7777 if path.exists() else 0o666 & ~_umask()
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=".caffelint.")
    except OSError as error:
        error.filename = str(path)  # not the name that nobody asked for
        raise
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
        temporary.chmod(mode)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
