"""``--changed [REV]``: what git says has changed, and what hangs on it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from ..config import Configs


def choose(
    revision: str, paths: tuple[Path, ...], configs: Configs
) -> tuple[tuple[Path, ...], frozenset[Path]]:
    """Where to look for files, and the real paths of those to check.

    ``--changed models`` may be meant as a path: what is no commit and lies there is one. Without
    paths the whole repository is looked at.

    Raises:
        click.UsageError: for what is both.
        caffelint.git.GitError: where git cannot tell.
    """
    from ..changed import affected
    from ..git import HEAD, Repository

    repository = Repository(Path.cwd())
    if revision != HEAD and os.path.lexists(revision):
        if repository.knows(revision):
            raise click.UsageError(
                f"--changed: {revision} is both a commit and a path; write --changed {HEAD} "
                f"{revision} for the path, or another name of the commit"
            )
        revision, paths = HEAD, (Path(revision), *paths)
    changed = repository.changed(revision)
    looked_at = paths or (Path(os.path.relpath(repository.top)),)
    return looked_at, frozenset(affected(looked_at, changed, configs))
