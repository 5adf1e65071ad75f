"""A client's folder: created, checked, and migrated from an earlier version (Z.1, L3.1)."""
