"""Condition and update expressions of DynamoDB over items in wire format, as far as its documentation's
grammar goes that the kit uses: comparisons, BETWEEN, IN, AND, OR, NOT, functions; SET, ADD, REMOVE, DELETE.
"""

import re
from collections.abc import Mapping
from typing import Any

_TOKEN = re.compile(r"\s*(<>|<=|>=|[()=<>,+-]|[#:]?[A-Za-z_][\w.]*)")
Item = dict[str, Any]


def holds(expression: str, item: Mapping[str, Any] | None, names: Mapping[str, str], values: Item) -> bool:
    """Whether a condition holds for an item; for none, as for an empty one."""
    return _Condition(expression, item or {}, names, values).read()


def updated(
    expression: str, item: Mapping[str, Any] | None, names: Mapping[str, str], values: Item
) -> dict[str, Any]:
    """The item after an update."""
    after = dict(item or {})
    for verb, rest in re.findall(
        r"(SET|ADD|REMOVE|DELETE)\s+(.*?)(?=\s+(?:SET|ADD|REMOVE|DELETE)\s|$)", expression, re.DOTALL
    ):
        for part in (one.strip() for one in rest.split(",")):
            _apply(verb, part, after, item or {}, names, values)
    return after


def _apply(verb: str, part: str, after: Item, before: Mapping[str, Any], names: Any, values: Item) -> None:
    if verb == "REMOVE":
        after.pop(names.get(part, part), None)
    elif verb == "SET":
        name, _, value = (one.strip() for one in part.partition("="))
        after[names.get(name, name)] = values[value]
    else:
        name, value = part.split()
        name, ((kind, content),) = names.get(name, name), values[value].items()
        if kind == "N":
            after[name] = {"N": str(int(before.get(name, {"N": "0"})["N"]) + int(content))}
        else:
            have = set(before.get(name, {kind: []})[kind])
            found = sorted(have | set(content) if verb == "ADD" else have - set(content))
            after.pop(name, None)
            if found:
                after[name] = {kind: found}


class _Condition:
    """A recursive descent over one condition."""

    def __init__(self, text: str, item: Mapping[str, Any], names: Mapping[str, str], values: Item) -> None:
        self._tokens = _TOKEN.findall(text)
        self._at = 0
        self._item = item
        self._names = names
        self._values = values

    def read(self) -> bool:
        found = self._either()
        assert self._at == len(self._tokens), self._tokens[self._at :]
        return found

    def _next(self) -> str:
        self._at += 1
        return self._tokens[self._at - 1]

    def _is(self, *words: str) -> bool:
        if self._at < len(self._tokens) and self._tokens[self._at] in words:
            self._at += 1
            return True
        return False

    def _either(self) -> bool:
        found = self._both()
        while self._is("OR"):
            found = self._both() or found
        return found

    def _both(self) -> bool:
        found = self._one()
        while self._is("AND"):
            found = self._one() and found
        return found

    def _one(self) -> bool:
        if self._is("NOT"):
            return not self._one()
        if self._is("("):
            found = self._either()
            assert self._is(")")
            return found
        word = self._next()
        if word in ("attribute_exists", "attribute_not_exists", "contains", "begins_with"):
            return self._function(word)
        left = self._operand(word)
        if self._is("BETWEEN"):
            first = self._operand(self._next())
            assert self._is("AND")
            last = self._operand(self._next())
            return left is not None and first <= left <= last
        if self._is("IN"):
            assert self._is("(")
            options = [self._operand(self._next())]
            while self._is(","):
                options.append(self._operand(self._next()))
            assert self._is(")")
            return left in options
        sign, right = self._next(), self._operand(self._next())
        if left is None or right is None:
            return sign == "<>"
        return {
            "=": left == right, "<>": left != right, "<": left < right,
            "<=": left <= right, ">": left > right, ">=": left >= right,
        }[sign]  # fmt: skip

    def _function(self, word: str) -> bool:
        assert self._is("(")
        value = self._operand(self._next())
        if word in ("attribute_exists", "attribute_not_exists"):
            assert self._is(")")
            return (value is not None) is (word == "attribute_exists")
        assert self._is(",")
        part = self._operand(self._next())
        assert self._is(")")
        if value is None:
            return False
        return value.startswith(part) if word == "begins_with" else part in value

    def _operand(self, word: str) -> Any:
        wire = self._values[word] if word.startswith(":") else self._item.get(self._names.get(word, word))
        if wire is None:
            return None
        ((kind, content),) = wire.items()
        return int(content) if kind == "N" else content
