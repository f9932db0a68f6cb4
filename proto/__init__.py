"""Schemas as they ship: ``.proto`` sources and the descriptor sets compiled from them."""
