"""Measurement for people: baselines, value, statements, maturity, dashboards and the report (L5.1-L5.6)."""
