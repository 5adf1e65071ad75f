"""Measurement: the function that aggregates, the dashboards (L5.1-L5.6)."""
