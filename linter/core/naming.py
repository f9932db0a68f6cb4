"""How people name rules: by id, by the beginning of ids, by topic, or by name."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property

from .alike import closest
from .diagnostic import RuleText

TOPICS = {
    "CL0": "syntax",
    "CL1": "graph",
    "CL2": "initialisation",
    "CL3": "batch-norm",
    "CL4": "learning-rate",
    "CL5": "solver",
    "CL6": "fine-tuning",
    "CL7": "loss",
    "CL8": "data",
    "CL9": "training-log",
}
"""The topics by the beginning of their rules' ids."""


class RuleNames:
    """The rules that there are, by all the words that name them."""

    def __init__(self, rules: Iterable[RuleText]) -> None:
        self._rules = [(rule.id, rule.name) for rule in rules]
        self._found: dict[str, frozenset[str]] = {}

    def ids(self, word: str) -> frozenset[str]:
        """Ids of the rules that ``word`` names; none for a word that is not known."""
        if word not in self._found:
            self._found[word] = frozenset(
                id_ for id_, name in self._rules if word and word in _words(id_, name)
            )
        return self._found[word]

    def all_ids(self, words: Iterable[str]) -> frozenset[str]:
        """Ids of the rules that any of ``words`` names."""
        return frozenset().union(*map(self.ids, words))

    def knows(self, word: str) -> bool:
        """Whether ``word`` names rules, or a topic that may have some one day."""
        return bool(self.ids(word)) or word in TOPICS or word in TOPICS.values()

    def meant(self, word: str) -> str:
        """The known word that is most like an unknown one, or an empty text."""
        if len(word) > _LONGEST_WORD:
            return ""
        return closest(word, self._known, 0.7) or closest(word.upper(), self._known, 0.9)

    @cached_property
    def _known(self) -> list[str]:
        return [word for rule in self._rules for word in rule] + [*TOPICS, *TOPICS.values()]


_LONGEST_WORD = 60
"""What is longer is no rule's name misspelt."""


def _words(id_: str, name: str) -> frozenset[str]:
    """Every word that names a rule."""
    beginnings = (id_[:end] for end in range(2, len(id_) + 1))
    return frozenset((*beginnings, name, TOPICS.get(id_[:3], name)))
