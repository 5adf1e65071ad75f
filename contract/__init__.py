"""Single declaration of everything a client can configure.

The settings parser, the gateway policy and its reader, `docs/configuration.md` and the JSON Schema (`kit
schema`) are all derived from these declarations.

To add a setting: declare it with `key(...)` in the class it belongs to (a department's right in
`rights.py`, a size-dependent value in `sizes.py`, everything else in `client.py`), use it where it takes
effect, and run `make docs`. The tests in `tests/contract/` change the new value and fail, naming the key,
if nothing follows from it.

This package imports nothing else from the kit. It is bundled with the functions, so the gateway reads
exactly what the settings wrote.
"""
