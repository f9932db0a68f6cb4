"""The rules' expressions as Python; only ``operations`` is not written by a script."""
