"""Declaration of configuration keys: meaning, allowed values, strictness order, and effect."""

from collections.abc import Iterable
from dataclasses import MISSING, FrozenInstanceError, dataclass, field, fields
from functools import cache
from typing import Any, Literal, NamedTuple, TypeVar, cast, dataclass_transform

Order = Literal["less", "more"]
Growth = Literal["more", "less", "same", "free"]
T = TypeVar("T")
Changes = Literal["plan", "gateway", "cost", "command", "check"]


class Text(NamedTuple):
    """A kind of text value. `allowed` describes `pattern` in words; `examples` are two different valid
    values.

    `published` patterns are checked again when the gateway reads its policy, the others only in a client
    file.
    """

    allowed: str
    pattern: str = ""
    most: int = 200
    examples: tuple[str, ...] = ()
    lower: bool = False
    published: bool = False


class Key(NamedTuple):
    """Declaration of one key.

    says: one sentence of documentation.
    stricter: which value is stricter, `less` or `more`. Numbers and amounts compare by size, booleans as
        false < true, choices by position, lists and mappings by containment. None: no order.
    control: whether this is a security or evidence control, which a larger size never weakens.
    least, most: bounds of a number (for an amount, in micro-dollars) or of the number of list entries.
    choices: the allowed values.
    size: the sizing value that applies if the client sets none (`limits.user_tokens_per_minute`).
    grows: how a sizing value changes from a smaller size to a larger one.
    changes: what must change with the key: a resource of a `plan`, a decision of the `gateway`, a figure of
        `kit cost`, the behaviour of a `command`, or what a `check` of the configuration refuses.
    name: the key's name in the client file, if it differs from the field's.
    one_or_many: a single entry may be written without a list.
    empty_is_any: an empty list admits everything, so it is the weakest or the strictest value.
    """

    says: str
    stricter: Order | None = None
    control: bool = False
    least: float | None = None
    most: float | None = None
    choices: tuple[Any, ...] = ()
    size: str = ""
    grows: Growth | None = None
    changes: Changes = "plan"
    name: str = ""
    one_or_many: bool = False
    empty_is_any: bool = False


def key(
    says: str,
    *,
    default: Any = MISSING,
    stricter: Order | None = None,
    control: bool = False,
    least: float | None = None,
    most: float | None = None,
    choices: tuple[Any, ...] = (),
    size: str = "",
    grows: Growth | None = None,
    changes: Changes = "plan",
    name: str = "",
    one_or_many: bool = False,
    empty_is_any: bool = False,
) -> Any:
    """Declare a field of a `declared` class; see `Key`. Without `default` and `size` the key is required."""
    if control and stricter is None:
        stricter = "less" if grows == "less" else "more"
    declaration = Key(
        says, stricter, control, least, most, choices, size, grows, changes, name, one_or_many, empty_is_any
    )
    if isinstance(default, dict):
        return field(default_factory=lambda: cast("dict[str, Any]", default), metadata={"key": declaration})
    return field(default=default, metadata={"key": declaration})


@dataclass_transform(kw_only_default=True, frozen_default=True, field_specifiers=(key,))
def declared(cls: type[T]) -> type[T]:
    """Class decorator: a frozen dataclass with keyword-only fields declared with `key`.

    `dataclass` generates the methods of every class, which took a tenth of the gateway's start time. Here
    all classes share the same functions, and creating an instance is one dictionary update.
    """
    made = dataclass(init=False, repr=False, eq=False, kw_only=True)(cls)
    every = fields(made)  # pyright: ignore[reportArgumentType]
    made._names = tuple(one.name for one in every)  # pyright: ignore[reportAttributeAccessIssue]
    made._every = frozenset(made._names)  # pyright: ignore[reportAttributeAccessIssue]
    made._defaults = {  # pyright: ignore[reportAttributeAccessIssue]
        one.name: one.default if one.default_factory is MISSING else one.default_factory()
        for one in every
        if one.default is not MISSING or one.default_factory is not MISSING
    }
    for name, method in _METHODS.items():
        setattr(made, name, method)
    return made


def _init(self: Any, **values: Any) -> None:
    held = self.__dict__
    if len(values) < len(self._names):
        held.update(self._defaults)
    held.update(values)
    if held.keys() != self._every:
        wrong = ", ".join(sorted(held.keys() ^ self._every))
        raise TypeError(f"{type(self).__name__}: missing or unknown: {wrong}")


def _values(self: Any) -> tuple[Any, ...]:
    return tuple([self.__dict__[name] for name in self._names])


def _frozen(self: Any, name: str, *_: Any) -> None:
    raise FrozenInstanceError(f"{type(self).__name__}.{name} cannot be changed")


def _shown(self: Any) -> str:
    return f"{type(self).__name__}{dict(zip(self._names, _values(self), strict=True))}"


def _equal(self: Any, other: object) -> bool:
    return type(self) is type(other) and _values(self) == _values(other)


def _hash(self: Any) -> int:
    return hash(_values(self))


_METHODS: dict[str, Any] = {
    "__init__": _init,
    "__repr__": _shown,
    "__eq__": _equal,
    "__hash__": _hash,
    "__setattr__": _frozen,
    "__delattr__": _frozen,
}


class Declaration(NamedTuple):
    """A key of a `declared` class. `name` is the field's name, `file_name` the name in the client file."""

    name: str
    file_name: str
    annotation: Any
    key: Key
    default: Any  # MISSING if the key is required or follows from the size

    @property
    def money(self) -> bool:
        """Whether the key is an amount: US dollars in the client file, micro-dollars everywhere else."""
        return self.name.endswith("_microusd")

    @property
    def required(self) -> bool:
        """Whether the client file must contain the key."""
        return self.default is MISSING and not self.key.size


@cache
def keys_of(cls: type) -> tuple[Declaration, ...]:
    """Return the keys of a `declared` class in declaration order."""
    return tuple(
        Declaration(
            one.name,
            _file_name(one.name, one.metadata["key"]),
            one.type,
            one.metadata["key"],
            one.default if one.default_factory is MISSING else one.default_factory(),
        )
        for one in fields(cls)
        if "key" in one.metadata
    )


def class_of(value: object) -> type[object]:
    """Return the class of a value; `type` of a value without a known type has none either."""
    return type(value)


def is_declared(annotation: Any) -> bool:
    """Return whether the annotation is a `declared` class."""
    return isinstance(annotation, type) and hasattr(annotation, "__dataclass_fields__")


def weaker(one: Key, before: Any, after: Any) -> bool:
    """Return whether `after` is less strict than `before`. Always false for a key without an order."""
    if one.stricter is None or before == after:
        return False
    if isinstance(before, tuple | list | set | frozenset | dict):
        old: set[Any] = set(cast("Iterable[Any]", before))
        new: set[Any] = set(after)
        if one.empty_is_any and not (old and new):  # everything contains whatever the other one lists
            return bool(old if one.stricter == "less" else new)
        return not (new >= old if one.stricter == "more" else new <= old)
    if one.choices:  # unset follows another key: assume strict before, weak after
        strictest, weakest = (one.choices[-1], one.choices[0])
        if one.stricter == "less":
            strictest, weakest = weakest, strictest
        before = one.choices.index(strictest if before is None else before)
        after = one.choices.index(weakest if after is None else after)
    elif before is None or after is None:  # no bound is the weakest value
        return after is None
    return after < before if one.stricter == "more" else after > before


def _file_name(name: str, declaration: Key) -> str:
    if declaration.name:
        return declaration.name
    return name.removesuffix("_microusd") + "_usd" if name.endswith("_microusd") else name
