"""Measurement: the aggregating function and the dashboards (L5.1-L5.6)."""
