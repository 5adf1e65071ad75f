"""Reading the records: verification, search, and erasure of a person's part (G.3)."""
