"""Detectors of values, one kind per file: keyword, shape, check, level."""
