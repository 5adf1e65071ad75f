"""PATCH and PUT of a group, reduced to members added and removed.

A change that names its members (`add`, `remove` with a filter on `value` or with values) is applied without
reading the others, whatever the size of the group. Any other change applies to the whole group.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from scim2_models import Group, GroupMember, InvalidValueException, PatchOp, PatchOperation
from scim2_models.path import AttrPath, CompareOperator, Comparison, ValuePath

from lambdas.scim.groups import Edit, Member
from lambdas.scim.resources import POLICY

Members = Callable[[], Sequence[Member]]
_REMOVE = PatchOperation.Op.remove


def members_of(values: Iterable[Any]) -> tuple[Member, ...]:
    """Return the members that a request names. Raises InvalidValueException."""
    found = [value if isinstance(value, GroupMember) else _validated(value) for value in values]
    if any(not one.value for one in found):
        raise InvalidValueException(detail="members: one has no value", attribute="members")
    return tuple(Member(id=str(one.value), display=one.display or "") for one in found)


def replacement(resource: Any, members: Members) -> Callable[[Any], Edit]:
    """Return what a PUT of `resource` changes in a group with the members `members()`."""
    wanted = members_of(resource.members or ())

    def edit(before: Any) -> Edit:
        after = resource.model_copy(deep=True)
        after.members = None
        after.replace(before)
        return _difference(after, wanted, members())

    return edit


def patched(patch: PatchOp[Group], group_id: str, members: Members) -> Callable[[Any], Edit]:
    """Return what a PATCH changes in a group with the members `members()`."""
    operations = patch.operations or []
    named = [_named_members(operation) for operation in operations]
    whole = any(
        one is None and _touches_members(operation) for one, operation in zip(named, operations, strict=True)
    )

    def edit_named(before: Any) -> Edit:
        joins: dict[str, Member] = {}
        leaves: dict[str, None] = {}
        for operation, one in zip(operations, named, strict=True):
            for member in one or ():
                if operation.op == _REMOVE:
                    joins.pop(member.id, None)
                    leaves[member.id] = None
                else:
                    leaves.pop(member.id, None)
                    joins[member.id] = member
        rest = [operation for operation, one in zip(operations, named, strict=True) if one is None]
        return Edit(_apply(patch, rest, before, group_id), tuple(joins.values()), tuple(leaves))

    def edit_whole(before: Any) -> Edit:
        present = members()
        group = before.model_copy()
        group.members = [_plain(member) for member in present]
        after = _apply(patch, operations, group, group_id)
        wanted = members_of(after.members or ())
        after.members = None
        return _difference(after, wanted, present)

    return edit_whole if whole else edit_named


def _apply(patch: PatchOp[Group], operations: Sequence[Any], resource: Any, group_id: str) -> Any:
    """Return the resource after the operations. It has its id while they run, because Okta sends it."""
    if operations:
        resource.id = group_id
        patch.model_copy(update={"operations": list(operations)}).patch(resource, POLICY)
        resource.id = None
    return resource


def _difference(resource: Any, wanted: Sequence[Member], present: Sequence[Member]) -> Edit:
    stay = {member.id for member in wanted}
    return Edit(resource, tuple(wanted), tuple(one.id for one in present if one.id not in stay))


def _named_members(operation: Any) -> tuple[Member, ...] | None:
    """Return the members that an operation names individually, or None if it is about something else."""
    node = operation.path.ast if operation.path is not None else None
    if not isinstance(node, AttrPath | ValuePath):
        return None
    attribute = node if isinstance(node, AttrPath) else node.attr_path
    if attribute.attr.casefold() != "members" or attribute.sub_attr:
        return None
    if isinstance(node, ValuePath):
        chosen = node.val_filter
        by_value = (
            operation.op == _REMOVE
            and operation.value is None
            and not node.sub_attr
            and isinstance(chosen, Comparison)
            and chosen.op == CompareOperator.eq
            and chosen.attr_path.attr.casefold() == "value"
            and not chosen.attr_path.sub_attr
        )
        return (Member(str(chosen.value)),) if by_value and isinstance(chosen, Comparison) else None
    if operation.op == PatchOperation.Op.replace_ or operation.value is None:
        return None
    return members_of(operation.value if isinstance(operation.value, list) else [operation.value])


def _touches_members(operation: Any) -> bool:
    if operation.path is not None:
        return "members" in str(operation.path).casefold()
    return isinstance(operation.value, dict) and any("members" in key.casefold() for key in operation.value)


def _plain(member: Member) -> Any:
    return GroupMember.model_validate(
        {"value": member.id, "type": member.type, "display": member.display or None}
    )


def _validated(value: Any) -> Any:
    if not isinstance(value, dict):
        raise InvalidValueException(detail="members: each is an object with a value", attribute="members")
    return GroupMember.model_validate(value, scim_policy=POLICY)
