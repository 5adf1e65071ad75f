"""Validation of a graph's inputs against the SDK's own argument types: names at any depth, and kinds of
values.

Python accepts any dictionary for a nested argument; the provider does not. What would fail in the middle of
a deployment (a misspelt nested key, tags on a type without tags, text in place of a number) is found here.
"""

import importlib
import inspect
import typing
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from pulumi import Archive, Asset, Output
from pulumi import _types as sdk_types

from kit.evaluation.graph import Graph

_PACKAGES = ("aws", "kubernetes")
_MODULES = {"lambda": "lambda_", "index": ""}
# apiVersion:kind of what clusters define themselves, so that the SDK has no class for it
_CUSTOM_RESOURCES = frozenset(
    {"karpenter.sh/v1:NodePool", "eks.amazonaws.com/v1:NodeClass", "eks.amazonaws.com/v1:TargetGroupBinding"}
)


def wrong_inputs(graph: Graph) -> Iterator[tuple[str, str]]:
    """Yield (URN, error) for every input that the resource's type does not have or that has the wrong kind.

    Raises LookupError for a resource type that the SDK does not have.
    """
    for resource in graph:
        package = resource.type.split(":", 1)[0]
        if package not in _PACKAGES or resource.read:
            continue
        arguments = arguments_of(resource.type)
        for message in _check(resource.inputs, arguments, ""):
            yield resource.urn, message


@lru_cache(maxsize=512)
def arguments_of(token: str) -> type:
    """Return the `*Args` class of a resource type such as `aws:s3/bucket:Bucket`. Raises LookupError."""
    package, path, name = token.split(":")
    if package == "kubernetes" and f"{path}:{name}" in _CUSTOM_RESOURCES:
        return _custom_resource()
    if package == "kubernetes":  # kubernetes:apps/v1:Deployment
        parts = [part.replace(".k8s.io", "").replace(".", "_") for part in path.split("/")]
        module_name = ".".join(("pulumi_kubernetes", *(["core", *parts] if len(parts) == 1 else parts)))
    else:
        module = _MODULES.get(path.split("/")[0], path.split("/")[0])
        module_name = f"pulumi_{package}.{module}" if module else f"pulumi_{package}"
    try:
        found = getattr(importlib.import_module(module_name), name)
    except (ImportError, AttributeError):
        raise LookupError(f"{token}: no such resource type in the SDK") from None
    for overload in typing.get_overloads(found.__init__):
        if "args" in inspect.signature(overload).parameters:
            names = {**vars(importlib.import_module(found.__module__)), "Output": Output, "T": Any}
            hints = typing.get_type_hints(overload, names)
            for candidate in (*typing.get_args(hints["args"]), hints["args"]):
                if inspect.isclass(candidate) and sdk_types.is_input_type(candidate):
                    return candidate
    raise LookupError(f"{token}: its arguments cannot be read from the SDK")


def _custom_resource() -> type:
    """Return the type of custom resources, whose spec has its schema in the cluster, so that any spec
    passes.
    """
    return importlib.import_module("pulumi_kubernetes.apiextensions.CustomResource").CustomResourceArgs


def _check(value: Any, arguments: type, where: str) -> Iterator[str]:
    names = {wire: python for python, wire in sdk_types.input_type_py_to_pulumi_names(arguments).items()}
    types = _hints(arguments)
    for key in sorted(value):
        path = f"{where}.{key}" if where else key
        if key not in names:
            yield f"{path}: {arguments.__name__} has no such input"
        else:
            yield from _check_value(value[key], types.get(names[key], Any), path)


@lru_cache(maxsize=1024)
def _hints(arguments: type) -> dict[str, Any]:
    """Return the type of each input by Python name, from the getters that the SDK generates."""
    names = {**vars(importlib.import_module(arguments.__module__)), "Output": Output, "T": Any}
    getters = inspect.getmembers(arguments, lambda member: isinstance(member, property))
    return {name: typing.get_type_hints(getter.fget, names).get("return", Any) for name, getter in getters}


def _check_value(value: Any, hint: Any, path: str) -> Iterator[str]:
    if isinstance(value, Mapping) and len(value) == 1:
        mark = next(iter(value))
        if mark == "$secret":
            yield from _check_value(value["$secret"], hint, path)
            return
        if mark == "$unknown":
            return
        if mark in ("$asset", "$archive", "$resource"):
            if not any(inspect.isclass(t) and issubclass(t, Asset | Archive) for t in _members(hint)):
                yield f"{path}: a file is given where none belongs"
            return
    members = list(_members(hint))
    if value is None or Any in members or object in members:
        return
    if isinstance(value, Mapping):
        nested = [t for t in members if inspect.isclass(t) and sdk_types.is_input_type(t)]
        if nested:
            yield from _check(value, nested[0], path)
        elif dict not in members:
            yield f"{path}: an object is given where {_named(members)} belongs"
        return
    if isinstance(value, list):
        element = next((t for t in members if typing.get_origin(t) is list), None)
        if element is None:
            yield f"{path}: a list is given where {_named(members)} belongs"
            return
        for index, one in enumerate(value):
            yield from _check_value(one, typing.get_args(element)[0], f"{path}[{index}]")
        return
    if not any(inspect.isclass(t) and _is_a(value, t) for t in members):
        yield f"{path}: {type(value).__name__} is given where {_named(members)} belongs"


def _is_a(value: Any, kind: type) -> bool:
    if kind is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if kind is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, kind)


def _members(hint: Any) -> Iterator[Any]:
    """Yield the plain types within `Optional[Input[Sequence[Input[XArgs]]]]`: XArgs classes, `list[…]`,
    dict, str, …
    """
    origin = typing.get_origin(hint)
    if hint is type(None):
        return
    if origin is None:
        if isinstance(hint, str | typing.ForwardRef):
            yield Any
        else:
            yield hint
    elif origin in (list, tuple) or getattr(origin, "__name__", "") in ("Sequence", "MutableSequence"):
        arguments = typing.get_args(hint)
        yield list[arguments[0] if arguments else Any]  # type: ignore[misc]
    elif getattr(origin, "__name__", "") in ("Mapping", "MutableMapping", "dict"):
        yield dict
    elif getattr(origin, "__name__", "") in ("Awaitable", "Output"):
        return
    else:
        for member in typing.get_args(hint):
            yield from _members(member)


def _named(members: list[Any]) -> str:
    return " or ".join(sorted({getattr(t, "__name__", str(t)) for t in members}))
