"""Parser for YAML of the kit or of a client, in C: a plan reads some 200 files, and the parser in Python
would take a tenth of its time.
"""

from typing import Any

import yaml

LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # a build without libyaml has only the latter


def load_yaml(text: str) -> Any:
    """Return the document in `text`, or None if it is empty. Raises `yaml.YAMLError`."""
    return yaml.load(text, Loader=LOADER)  # noqa: S506 - both are safe loaders
