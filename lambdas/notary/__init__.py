"""Seals the records of each hour in a signed manifest (L2.5, G.3)."""
