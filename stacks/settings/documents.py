"""Configuration file reader: YAML with exact amounts and without duplicate keys."""

import json
from collections.abc import Callable
from copy import deepcopy
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any, cast

import yaml

_MAXIMUM_BYTES = 1_000_000


class UnreadableFile(ValueError):
    """The file is missing, too large, or not valid YAML. The message names the file and the line."""


class _ExactLoader(yaml.SafeLoader):
    """YAML's safe subset, without aliases, duplicate keys or binary floats."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.events.AliasEvent):
            at = cast("Any", self).peek_event().start_mark  # the loader's own annotations leave it open
            raise yaml.constructor.ConstructorError(None, None, "an alias (*name): write the value out", at)
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            key = cast("Any", self).construct_object(key_node, deep=True)
            if not isinstance(key, str):
                raise yaml.constructor.ConstructorError(
                    None, None, "a key that is not text: put it in quotes", key_node.start_mark
                )
            if key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, "a key that was given before in the same mapping", key_node.start_mark
                )
            seen.add(key)
        return super().construct_mapping(node, deep=deep)


def _construct_decimal(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> Any:
    text = str(loader.construct_scalar(node)).replace("_", "")
    try:
        return Decimal(text)
    except ArithmeticError:
        return text  # .inf, .nan and sexagesimal numbers: no key accepts them, so the check names the key


_ExactLoader.add_constructor("tag:yaml.org,2002:float", _construct_decimal)


def read_yaml(path: Path) -> Any:
    """Return the document in a YAML file, or None if the file is empty.

    Raises:
        UnreadableFile: see the class.
    """
    try:
        if path.stat().st_size > _MAXIMUM_BYTES:
            raise UnreadableFile(f"{path} is bigger than {_MAXIMUM_BYTES} bytes")
        return parse_yaml(path.read_text("utf-8"), str(path))
    except FileNotFoundError:
        raise UnreadableFile(f"there is no file {path}") from None
    except OSError as error:
        raise UnreadableFile(f"{path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise UnreadableFile(f"{path} is not UTF-8 text") from None


def parse_yaml(text: str, name: str) -> Any:
    """Return the YAML document in `text`. `name` identifies it in errors. Raises `UnreadableFile`."""
    return deepcopy(_parsed(lambda: _loaded(text), name))


@lru_cache(maxsize=16)  # one plan reads a client file several times
def _loaded(text: str) -> Any:
    return yaml.load(text, Loader=_ExactLoader)  # noqa: S506 - a subclass of SafeLoader


def parse_json(text: str, name: str) -> Any:
    """Return the JSON document in `text`, with fractions as exact decimals. Raises `UnreadableFile`."""
    return _parsed(lambda: json.loads(text, parse_float=Decimal), name)


def _parsed(parse: Callable[[], Any], name: str) -> Any:
    """Return the result of `parse`. Errors never quote the text, which may contain a secret."""
    try:
        return parse()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise UnreadableFile(f"{name}{where}: {_plain(error)}") from None
    except json.JSONDecodeError as error:
        raise UnreadableFile(
            f"{name}, line {error.lineno}, column {error.colno}: not JSON: {error.msg}"
        ) from None
    except (yaml.YAMLError, RecursionError, ValueError):
        raise UnreadableFile(
            f"{name} is not YAML as the kit takes it (text in UTF-8, plain values)"
        ) from None


def _plain(error: yaml.MarkedYAMLError) -> str:
    problem = error.problem or "not YAML"
    if (
        isinstance(error, yaml.constructor.ConstructorError)
        and "could not determine a constructor" in problem
    ):
        return "a value with a tag (!...): write a plain value"
    return problem
