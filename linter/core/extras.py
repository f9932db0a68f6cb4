"""Libraries that are there only where an extra of the package was installed."""

from __future__ import annotations

from importlib import import_module
from typing import Any


def library(name: str) -> Any | None:
    """A module by its name; None where it is not installed, or its installation is broken.

    One that was built for another NumPy raises a ValueError, one whose shared library is gone an
    OSError; what such a module could have done is then not done, as if it were not there.
    """
    try:
        return import_module(name)
    except Exception:  # noqa: BLE001 - a broken installation raises whatever it runs into first
        return None
