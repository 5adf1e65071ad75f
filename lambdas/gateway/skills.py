"""/v1/skills: the Skills that the caller's department may load, and no others (L1.10, G.9).

A Skill is instructions and code that run for everybody who loads it, so nobody uploads one for the
organisation through the API: an operator uploads it at the provider, and it is approved with all other
rights of a department, by `skills` in the client file, with its review and its history. What is not
approved does not exist.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, quote

from lambdas.common.identities import Principal
from lambdas.common.json_text import json_bytes
from lambdas.common.policy import Department, PolicyWatch
from lambdas.gateway import errors
from lambdas.gateway.access_log import AccessEntry
from lambdas.gateway.call import Caller, Deadlines, UpstreamCall
from lambdas.gateway.deliver import read_answer
from lambdas.gateway.errors import Header, not_found
from lambdas.gateway.exchange import Exchange
from lambdas.gateway.gate import Gate
from lambdas.gateway.providers.provider import response_headers
from lambdas.gateway.providers.registry import Providers
from lambdas.gateway.providers.user_sessions import attribution_of
from lambdas.gateway.request_rules import RequestRules, lists_skill
from lambdas.gateway.survey import Survey

_PARAMETERS = ("limit", "page", "source", "beta")
_LONGEST_ID = 128


@dataclass(frozen=True, slots=True)
class Skills:
    """Serves the skills routes."""

    policy: PolicyWatch
    gate: Gate
    rules: RequestRules
    providers: Providers
    caller: Caller
    deadlines: Deadlines

    async def answer(self, exchange: Exchange, entry: AccessEntry, principal: Principal) -> None:
        """Serve any request below /v1/skills. Raises `ApiError`."""
        department = await self.gate.admit(principal, exchange.headers)
        self.rules.hold(department, principal, exchange, {}, Survey())
        parts = exchange.path.split("/")[3:]
        if exchange.method not in {"GET", "HEAD"}:
            raise errors.policy_refusal(
                "Skills are uploaded by the operators of your organisation, at the provider, and approved "
                "for a department by `skills` in its settings (type:id@version). Ask "
                f"{department.contact or 'your Center of Excellence'}.",
                "skills_by_approval",
            )
        match parts:
            case []:
                entry.route = "skills.list"
                await self._list(exchange, principal, department, "")
            case [skill]:
                entry.route = "skills.retrieve"
                await self._retrieve(exchange, principal, department, skill, "")
            case [skill, "versions"]:
                entry.route = "skills.versions.list"
                await self._list(exchange, principal, department, skill)
            case [skill, "versions", version] | [skill, "versions", version, "content"]:
                entry.route = "skills.versions.retrieve"
                await self._retrieve(exchange, principal, department, skill, version)
            case _:
                raise not_found(f"There is no GET {exchange.path[:200]} here.", reason="no_route")

    async def _list(
        self, exchange: Exchange, principal: Principal, department: Department, skill: str
    ) -> None:
        """Return one page of the provider's, without unapproved Skills: it may be short or empty, with
        `next_page`.
        """
        if skill:
            self._approved(principal, department, skill, "")
        status, headers, data = await self._ask(exchange, principal, department)
        if status == 200:
            try:
                page = json.loads(data)
                page["data"] = [one for one in page["data"] if self._lists(one, principal, department, skill)]
            except (ValueError, KeyError, TypeError, RecursionError):
                raise errors.ApiError(
                    502, errors.API, "The provider's list cannot be read.", reason="unreadable_answer"
                ) from None
            data = json_bytes(page)
        await exchange.answer(status, headers, data)

    def _lists(self, one: Any, principal: Principal, department: Department, skill: str) -> bool:
        if skill:
            version = str(one.get("version") or one["id"])
            return lists_skill(department, principal.roles, skill, version)
        return lists_skill(department, principal.roles, str(one["id"]), "")

    async def _retrieve(
        self, exchange: Exchange, principal: Principal, department: Department, skill: str, version: str
    ) -> None:
        self._approved(principal, department, skill, version)
        status, headers, data = await self._ask(exchange, principal, department)
        await exchange.answer(status, headers, data)

    def _approved(self, principal: Principal, department: Department, skill: str, version: str) -> None:
        if not lists_skill(department, principal.roles, skill, version):
            name = f"{skill}@{version}" if version else skill
            raise not_found(
                f"Your department has no approved Skill {name[:_LONGEST_ID]}.", reason="unknown_skill"
            )

    async def _ask(
        self, exchange: Exchange, principal: Principal, department: Department
    ) -> tuple[int, list[Header], bytes]:
        able = [one for one in self.providers.of(self.policy.current()) if one.files]
        if not able:
            raise not_found(
                "No configured provider has Skills (Amazon Bedrock has none).", reason="no_skills"
            )
        upstream = UpstreamCall(
            "GET",
            _target(exchange.path, parse_qs(exchange.query.decode("latin-1"))),
            exchange.raw_headers,
            attribution_of(principal, department),
            lambda _: b"",
            self.deadlines.first_byte_stream,
        )
        answer = await self.caller.call(upstream, able[:1])
        data = await read_answer(answer, self.deadlines, exchange.request_id)
        return answer.response.status, response_headers(answer.response.headers), data


def _target(path: str, query: Mapping[str, Iterable[str]]) -> str:
    """Return path and query at the provider, rebuilt from the parts we understand."""
    parts = "/".join(quote(part, safe="") for part in path.split("/"))
    given = "&".join(
        f"{name}={quote(value, safe='')}" for name in _PARAMETERS for value in query.get(name, ())
    )
    return f"{parts}?{given}" if given else parts
