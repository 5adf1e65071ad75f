"""How well the inspection finds things, and how fast: `python -m bench.inspection --data DIR`."""
