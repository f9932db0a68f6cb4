"""What a file is, by its fields: a net, a solver, or neither. Its name does not matter."""

from __future__ import annotations

from ..syntax.tree import Tree
from .descriptor import MessageType, Schema

_BLOCK = 10


def detect(tree: Tree, schema: Schema) -> MessageType | None:
    """The message type that knows more of the file's top-level fields; None if neither does.

    A block counts as much as it weighs in a file: ``layer { … }`` decides against any scalar. A net
    of which most fields are unknown and no block is known is none: other programs have files of
    this form too, which begin with ``name``.
    """
    scores = {
        type_: sum(
            1 if field.children is None else _BLOCK
            for field in tree.fields
            if (known := type_.fields.get(field.name)) is not None
            and (known.message is not None) == (field.children is not None)
        )
        for type_ in (schema.net, schema.solver)
    }
    best = max(scores, key=lambda type_: scores[type_])
    needed = min(_BLOCK, len(tree.fields) / 2) if best is schema.net else 1
    return best if scores[best] >= max(needed, 1) else None
