"""Measurement for people: baselines, value, statements, maturity, dashboards, the report (L5.1-L5.6)."""
