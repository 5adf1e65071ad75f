"""Reading the records: is all there and unaltered, what happened, erasing a person's part of it (G.3)."""
