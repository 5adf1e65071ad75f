"""What a client decides, declared once: from here come the settings parser, the gateway policy and its
reader, `docs/configuration.md` and the JSON Schema that editors check by (`kit schema`).

To add a setting: declare it with `key(...)` in the class that it belongs to (a department's right in
`rights.py`, what a size says in `sizes.py`, all else in `client.py`), use it where it takes effect, and run
`make docs`. The law in `tests/contract/` then changes its value and fails by its name where nothing follows.

This package imports nothing of the kit; functions carry it, so that the gateway reads what the settings
wrote.
"""
