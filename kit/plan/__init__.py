"""A plan as a document: written, read, compared with another, shown."""
