"""Providers of Claude: one module per provider, one HTTP transport, one failover order (L1.2, L1.8)."""
