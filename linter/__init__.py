"""caffelint: a static linter for Caffe net and solver prototxt.

The public names are here; each is imported when first used, so that ``import caffelint`` is cheap.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .api import Parsed, ParseError, parse, signal

__version__ = "0.1.0"
__all__ = ["Inspection", "ParseError", "Parsed", "__version__", "inspect", "parse", "signal"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        from . import api

        return getattr(api, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
