"""Adoption: champions and the quarterly governance review (L4.6, L5.5)."""
