"""The model as messages of ``proto/facts.proto``: the vocabulary that rules speak."""
