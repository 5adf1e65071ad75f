"""Where Claude is called: one module per provider, one HTTP transport, one order of failover (L1.2, L1.8)."""
