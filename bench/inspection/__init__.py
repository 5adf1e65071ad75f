"""Accuracy and speed of the inspection: `python -m bench.inspection --data DIR`."""
