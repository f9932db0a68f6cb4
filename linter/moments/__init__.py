"""How large signals are at iteration 0: moments of every blob, before the first update.

Random weights make a net's signals random with moments that can be computed. Nothing is run: the
rules here carry means, mean squares and covariances from layer to layer (docs/signal.md derives
them).
"""
