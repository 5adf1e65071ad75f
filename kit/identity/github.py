"""Repositories of GitHub by the ids that they keep: names are given away, ids are not (L1.3)."""

import json
import os
import re
import urllib.error
import urllib.request
from dataclasses import dataclass
from urllib.parse import urlsplit

from kit.errors import ExitCode, KitError
from kit.identity.operator import usage

ISSUER = "https://token.actions.githubusercontent.com"
_NAME = re.compile(r"[A-Za-z0-9-]{1,39}/[A-Za-z0-9._-]{1,100}")
_SECONDS = 15


@dataclass(frozen=True)
class RepositoryIds:
    """What GitHub never gives to another repository or owner."""

    repository: str
    owner: str


def repository_ids(name: str, api: str) -> RepositoryIds:
    """The ids of OWNER/REPOSITORY. Raises KitError."""
    if not _NAME.fullmatch(name):
        raise usage(f"{name} is not OWNER/REPOSITORY", "as in example/payments")
    parts = urlsplit(api)
    if parts.scheme != "https" and parts.hostname not in {"127.0.0.1", "localhost"}:
        raise usage(f"{api} is not an https address", "https://api.github.com, or that of your own GitHub")
    headers = {"accept": "application/vnd.github+json", "user-agent": "claude-enterprise-kit"}
    if os.environ.get("GITHUB_TOKEN"):
        headers["authorization"] = f"Bearer {os.environ['GITHUB_TOKEN']}"
    request = urllib.request.Request(f"{api.rstrip('/')}/repos/{name}", headers=headers)  # noqa: S310 - checked
    try:
        with urllib.request.urlopen(request, timeout=_SECONDS) as answer:  # noqa: S310 - checked above
            found = json.loads(answer.read(1 << 20))
            return RepositoryIds(str(int(found["id"])), str(int(found["owner"]["id"])))
    except urllib.error.HTTPError as error:
        hint = "check the name; for a private repository put a token into GITHUB_TOKEN"
        raise usage(f"GitHub answers {error.code} for {name}", hint) from None
    except (OSError, ValueError, KeyError, TypeError):
        raise KitError(
            f"{parts.hostname} gives no answer that can be read",
            hint="check the network and --api",
            exit_code=ExitCode.ENVIRONMENT,
        ) from None


def rule(name: str, ids: RepositoryIds, ref: str, environment: str | None, audience: str) -> str:
    """The rule as YAML, for `trusted_issuers`."""
    slug = re.sub(r"[^a-z0-9]+", "-", f"github-{name}".lower()).strip("-")[:40].rstrip("-")
    claims = {"repository_id": ids.repository, "repository_owner_id": ids.owner, "ref": ref}
    if environment:
        claims["environment"] = environment
    lines = [
        f"- name: {slug} # {name}",
        f"  issuer: {ISSUER}",
        f"  audience: {json.dumps(audience)}",
        f"  jwks_uri: {ISSUER}/.well-known/jwks",
        "  claims: { application: repository_id }",
        "  required_claims:",
        *(f"    {claim}: {json.dumps(value)}" for claim, value in claims.items()),
    ]
    return "\n".join(lines) + "\n"
