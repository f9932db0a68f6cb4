"""The language server: what editors show of a net or solver while it is written.

Each feature is a module of plain functions over a ``Document``, in offsets; ``server`` alone knows
the protocol. Nothing here judges: findings come from ``check``, words from rules and schema.
"""
