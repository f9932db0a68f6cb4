"""``caffelint lsp``: the language server, for editors."""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec

import click


@click.command()
def lsp() -> None:
    """Serve an editor: findings, fixes, completion and more over the language server protocol.

    Talks on standard input and output; docs/editors.md tells how to set editors up. Needs
    `pip install "caffelint[lsp]"`.
    """
    if find_spec("pygls") is None or find_spec("lsprotocol") is None:
        raise click.ClickException('the language server needs: pip install "caffelint[lsp]"')
    from .. import __version__
    from ..lsp.server import make_server

    # The server closes what it writes to, and standard output is flushed when the process ends.
    with os.fdopen(os.dup(sys.stdout.fileno()), "wb") as output:
        make_server(__version__).start_io(stdout=output)
