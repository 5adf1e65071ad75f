"""A plan as a document: written, read, compared and rendered."""
