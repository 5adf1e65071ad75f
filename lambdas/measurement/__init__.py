"""Measurement: daily aggregates of what the metadata copies of records say (L5.1-L5.4)."""
