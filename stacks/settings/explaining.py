"""Turns what pydantic found into problems that a person can mend: key as written, value, what is allowed."""

from collections.abc import Mapping
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from stacks.problems import Problem, nearest, shown
from stacks.settings import models
from stacks.settings.credentials import looks_secret, secret_by_name

_PATTERNS = {
    models.ACCOUNT_ID: "twelve digits in quotes",
    models.ALIAS: "lower-case letters, digits, single hyphens or dots, a letter first",
    models.ARN: "an ARN such as arn:aws:iam::111122223333:role/name",
    models.CIDR: "a network such as 10.40.0.0/20, from /16 to /24",
    models.DOMAIN_NAME: "a domain name in lower case such as claude.example.com",
    models.EMAIL: "an e-mail address",
    models.HTTPS_URL: "a URL that begins with https://, without a query",
    models.MODEL_ID: "a model id such as claude-sonnet-5-5",
    models.REGION: "an AWS region such as eu-central-1",
    models.PROVIDER_URL: "a URL that begins with https:// (http:// for 127.0.0.1 only), without a query",
    models.METADATA_URL: "a URL that begins with https://",
    models.INSTANCE_ARN: "the ARN of an instance such as arn:aws:sso:::instance/ssoins-0123456789abcdef",
    models.DIRECTORY_GROUP: "a group id such as 90676a1b2c-11111111-2222-3333-4444-555555555555",
    models.SCOPE: "a scope such as claude/messages, without spaces",
    models.S3_URI: "an object in S3 such as s3://bucket/truststore.pem",
    models.TAG_KEY: "up to 120 letters, digits, spaces and _.:/=+@-",
    models.SLUG: "lower-case letters, digits and single hyphens, a letter first",
}
# Keys of earlier versions, and what to write instead.
_RETIRED = {
    "audit.retention_days": "it is sizing.retention.audit_days",
    "network.vpc_id": "it changed nothing: remove it (the subnets and security groups say which network)",
}


def explain(error: ValidationError, model: type[BaseModel]) -> list[Problem]:
    """The problems in a pydantic error, but not "too short" for a list whose entries are the trouble."""
    found = [dict(each) for each in error.errors(include_url=False)]
    return [_problem(each, model) for each in found if not _only_follows(each)]


def _only_follows(found: dict[str, Any]) -> bool:
    return found["type"] == "too_short" and len(found["input"]) > 0


def _problem(found: dict[str, Any], model: type[BaseModel]) -> Problem:
    path, owner, description = _walk(found["loc"], model)
    kind, context, value = found["type"], found.get("ctx", {}), _shown(path, found.get("input"))
    if kind == "missing":
        return Problem(path, "is required", description)
    if kind == "extra_forbidden":
        last = str(found["loc"][-1])
        retired = _RETIRED.get(path)
        return Problem(path, "is not a key", retired or (nearest(last, _keys(owner)) if owner else ""))
    if kind in ("literal_error", "enum"):
        return Problem(
            path, f"{value} is not allowed", "allowed: " + str(context["expected"]).replace("'", "")
        )
    if kind == "union_tag_not_found":
        return Problem(f"{path}.kind", "is required", "it chooses the other keys")
    if kind == "union_tag_invalid":
        tag = str(context["tag"])
        allowed = str(context["expected_tags"]).replace("'", "")
        return Problem(f"{path}.kind", f"{_shown(path, tag)} is not allowed", f"allowed: {allowed}")
    if kind == "string_pattern_mismatch":
        return Problem(path, f"{value} is not allowed", _allowed_by(str(context["pattern"]), description))
    if kind == "string_type":
        return Problem(path, f"{value} is not text", "put it in quotes" if _is_plain(found) else description)
    if kind == "too_short":
        return Problem(path, "has no entry", description)
    if kind in ("model_type", "model_attributes_type", "dict_type", "tuple_type"):
        wanted = "a list" if kind == "tuple_type" else "a mapping of names to values"
        return Problem(path, f"{value} is not {wanted}", description)
    if kind == "value_error":
        return Problem(path, f"{value} {context['error']}", description)
    return Problem(path, f"{value} is not allowed", found["msg"].replace("Input should", "should").lower())


def _allowed_by(pattern: str, description: str) -> str:
    return f"allowed: {_PATTERNS.get(pattern, description or 'what matches ' + pattern)}"


def _is_plain(found: dict[str, Any]) -> bool:
    return isinstance(found.get("input"), int | float) or hasattr(found.get("input"), "isoformat")


def _shown(path: str, value: Any) -> str:
    last = path.rpartition(".")[2].partition("[")[0]
    if isinstance(value, str) and (looks_secret(value) or secret_by_name(last)):
        return "a value that is not shown"
    return shown(value)


def _walk(loc: tuple[int | str, ...], model: type[BaseModel]) -> tuple[str, type[BaseModel] | None, str]:
    """The key as written in the file, the model that owns its last part, and the field's description.

    Pydantic puts the tag of a chosen alternative into `loc`; that is no key, so it is left out.
    """
    path, owner, description = "", model, ""
    annotation: Any = model
    rest = list(loc)
    while rest:
        part = rest.pop(0)
        alternatives = _alternatives(annotation)
        if alternatives and isinstance(part, str) and part in alternatives:
            annotation = alternatives[part]
            continue
        if isinstance(part, int):
            path, annotation = f"{path}[{part}]", _item(annotation)
            continue
        owner = _model(annotation)
        found = _field(owner, part) if owner else None
        description = (found.description or "") if found else ""
        if part == "[key]":  # pydantic's mark for the key of a mapping
            continue
        path = f"{path}.{part}" if path else str(part)
        annotation = found.annotation if found else _mapped(annotation)
    return path or "(the whole)", owner, description


def _bare(annotation: Any) -> Any:
    """Without `Annotated` and without `| None`."""
    while get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    if get_origin(annotation) in (Union, UnionType):
        rest = [each for each in get_args(annotation) if each is not type(None)]
        if len(rest) == 1:
            return _bare(rest[0])
    return annotation


def _model(annotation: Any) -> type[BaseModel] | None:
    bare = _bare(annotation)
    return bare if isinstance(bare, type) and issubclass(bare, BaseModel) else None


def _alternatives(annotation: Any) -> dict[str, type[BaseModel]]:
    """The models of a union by their `kind`; empty if it is none."""
    bare = _bare(annotation)
    if get_origin(bare) not in (Union, UnionType):
        return {}
    found: dict[str, type[BaseModel]] = {}
    for each in get_args(bare):
        member = _model(each)
        kind = member.model_fields.get("kind") if member else None
        if member and kind:
            found[get_args(kind.annotation)[0]] = member
    return found


def _item(annotation: Any) -> Any:
    bare = _bare(annotation)
    return get_args(bare)[0] if get_origin(bare) in (tuple, list) else None


def _mapped(annotation: Any) -> Any:
    bare = _bare(annotation)
    return get_args(bare)[1] if get_origin(bare) is dict else None


def _keys(owner: type[BaseModel]) -> list[str]:
    return [entry.alias or name for name, entry in owner.model_fields.items()]


def _field(owner: type[BaseModel], key: str) -> FieldInfo | None:
    return next((entry for name, entry in owner.model_fields.items() if (entry.alias or name) == key), None)


def as_text(value: Any) -> str:
    """A scalar as text, for comparisons in checks over unvalidated data."""
    return value if isinstance(value, str) else ""


def mapping(value: Any) -> Mapping[str, Any]:
    """A mapping, or an empty one where the data is something else."""
    return value if isinstance(value, Mapping) else {}
