"""Detectors of values, one kind to a file: what announces a value, its shape, its check, its level."""
