"""The Files API: documents uploaded once and referenced by id afterwards (L1.1, L1.10, L2.3)."""
