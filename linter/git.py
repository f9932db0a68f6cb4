"""What git says has changed in a repository, without any program that the repository names.

A repository's own config can name programs that git runs (a monitor of the file system, filters,
helpers of remotes). So only commands are used that compare names, times and hashes; monitor and
filters are off, for git does look at contents where times tell nothing; and nothing is fetched.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from hashlib import new as new_hash
from pathlib import Path
from shutil import which

_SAFE = ("-c", "core.fsmonitor=false", "-c", f"core.hooksPath={os.devnull}", "--no-pager")
_ENVIRONMENT = {
    "GIT_ALLOW_PROTOCOL": "none",  # a partial clone would fetch what is missing
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
    "LC_ALL": "C",
}
_SECONDS = 120
_NO_OBJECT = "0"
"""An object's name of nothing but this stands for what lies in the working tree."""

HEAD = "HEAD"


class GitError(Exception):
    """Git cannot say what has changed, and why."""


class Repository:
    """The repository that a directory lies in.

    Raises:
        GitError: where there is none, or no git.
    """

    def __init__(self, directory: Path) -> None:
        program = which("git")
        if program is None:
            raise GitError("--changed needs git, which is not installed")
        self._program = program
        self._directory = directory
        self._settings: list[str] = []
        top = os.fsdecode(self._run("rev-parse", "--show-toplevel").rstrip(b"\r\n"))
        if not top:
            raise GitError(f"{directory} lies in no working tree of git")
        self.top = Path(top)
        """The real path of its working tree."""
        self._directory = self.top
        self._settings = list(self._without_filters())

    def knows(self, revision: str) -> bool:
        """Whether something is a commit."""
        return self._commit(revision) is not None

    def changed(self, revision: str = HEAD) -> set[Path]:
        """Files of the working tree that differ from a commit, are gone since, or are new and not
        ignored: staged or not.

        Raises:
            GitError: for a revision that there is none.
        """
        commit = self._commit(revision)
        if commit is None:
            if revision != HEAD or self._run("for-each-ref", "--count=1"):
                raise GitError(f'there is no commit "{revision}"')
            everything = ("--cached", "--others", "--exclude-standard")  # before the first commit
            return {self.top / name for name in _names(self._run("ls-files", "-z", *everything))}
        new = self._run("ls-files", "-z", "--others", "--exclude-standard")
        return {self.top / name for name in (*self._differing(commit), *_names(new))}

    def _without_filters(self) -> Iterator[str]:
        """Options by which git runs none of the filters that it knows of."""
        for name in _names(self._run("config", "--list", "--null", "--name-only")):
            if not name.startswith("filter."):
                continue
            if "=" in name:  # an option of git would end the name there
                raise GitError(f"the config of git has a filter with a strange name: {name!r}")
            if name.endswith((".clean", ".process", ".required")):
                yield from ("-c", f"{name}=")

    def _commit(self, revision: str) -> str | None:
        if not revision or revision.startswith("-"):
            return None
        try:
            found = self._run("rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}")
        except (GitError, ValueError):  # a NUL in it
            return None
        return found.decode("ascii").strip()

    def _differing(self, commit: str) -> Iterator[str]:
        """Names of tracked files that are not what they are in a commit."""
        told = self._run(
            *("diff-index", "--raw", "-z", "--no-renames", "--no-ext-diff", "--no-textconv"),
            *("--no-abbrev", "--no-relative", "--ignore-submodules=all", commit, "--"),
        )
        fields = iter(told.split(b"\0")[:-1])
        for state, name in zip(fields, map(os.fsdecode, fields), strict=True):
            old_mode, new_mode, old, new, _ = state.decode("ascii").lstrip(":").split(" ")
            # Of a file with new times git does not look at what it holds.
            unknown = not new.strip(_NO_OBJECT) and old_mode == new_mode
            if not (unknown and self._holds(self.top / name, old)):
                yield name

    def _holds(self, path: Path, object_: str) -> bool:
        """Whether a file holds just what an object does."""
        try:
            data = path.read_bytes() if path.is_file() and not path.is_symlink() else b""
        except OSError:
            return False
        kind = "sha256" if len(object_) == 64 else "sha1"
        digest = new_hash(kind, b"blob %d\0" % len(data), usedforsecurity=False)
        digest.update(data)
        return digest.hexdigest() == object_

    def _run(self, *arguments: str) -> bytes:
        command = [self._program, *_SAFE, *self._settings, "-C", str(self._directory), *arguments]
        environment = {**os.environ, **_ENVIRONMENT}
        try:
            done = subprocess.run(  # noqa: S603 - arguments of our own, and a commit's hash
                command, env=environment, capture_output=True, timeout=_SECONDS,
                stdin=subprocess.DEVNULL, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            raise GitError(f"git took more than {_SECONDS} s") from None
        if done.returncode:
            reason = done.stderr.decode("utf-8", "replace").strip().removeprefix("fatal: ")
            raise GitError(f"git: {reason.splitlines()[0] if reason else 'failed'}")
        return done.stdout


def _names(told: bytes) -> list[str]:
    """Names that git tells with ``-z``."""
    return [os.fsdecode(name) for name in told.split(b"\0") if name]
