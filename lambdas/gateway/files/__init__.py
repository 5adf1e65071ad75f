"""The Files API: documents that are uploaded once and named by their id afterwards (L1.1, L1.10, L2.3)."""
