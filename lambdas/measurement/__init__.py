"""Measurement: daily aggregates of the records' metadata copies (L5.1-L5.4)."""
