"""A client's folder: written, looked through, and moved from the shape of an earlier version (Z.1, L3.1)."""
