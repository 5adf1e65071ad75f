"""Fetches the Usage and Cost reports from the provider's Admin API, page by page."""

import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

from kit.errors import ExitCode, KitError

BASE_URL = "https://api.anthropic.com"
_SECONDS = 60
_MOST_PAGES = 1_000
REPORTS = {
    "usage": ("usage_report/messages", (("bucket_width", "1h"),), ("workspace_id", "model", "service_tier")),
    "cost": ("cost_report", (), ("workspace_id", "description")),
}


def fetch(kind: str, first: date, last: date, key: str, base_url: str = BASE_URL) -> list[dict[str, Any]]:
    """Return all pages of a report (`usage` or `cost`) for the days `first` to `last` (UTC). Raises
    KitError.
    """
    return list(_pages(kind, first, last, key, base_url))


def _pages(kind: str, first: date, last: date, key: str, base_url: str) -> Iterator[dict[str, Any]]:
    path, settings, groups = REPORTS[kind]
    query = [
        ("starting_at", f"{first}T00:00:00Z"),
        ("ending_at", f"{last + timedelta(days=1)}T00:00:00Z"),
        *settings,
        *(("group_by[]", group) for group in groups),
    ]
    page: list[tuple[str, str]] = []
    for _ in range(_MOST_PAGES):
        url = f"{base_url}/v1/organizations/{path}?{urllib.parse.urlencode([*query, *page])}"
        answer = _get(url, key)
        yield answer
        if not answer.get("has_more"):
            return
        page = [("page", str(answer.get("next_page")))]
    raise KitError(f"the {kind} report has more than {_MOST_PAGES} pages", hint="ask for fewer days")


def _get(url: str, key: str) -> dict[str, Any]:
    headers = {"x-api-key": key, "anthropic-version": "2023-06-01"}
    request = urllib.request.Request(url, headers=headers)  # noqa: S310 - the operator's own base URL
    try:
        with urllib.request.urlopen(request, timeout=_SECONDS) as answer:  # noqa: S310
            document = json.load(answer)
    except urllib.error.HTTPError as error:
        raise KitError(
            f"the Admin API refuses the report: {error.code}",
            hint="ANTHROPIC_ADMIN_KEY must be an Admin key (sk-ant-admin…) of the organization",
            exit_code=ExitCode.ENVIRONMENT,
        ) from None
    except (OSError, ValueError) as error:
        raise KitError(
            f"no report from {urllib.parse.urlsplit(url).netloc}: {type(error).__name__}",
            hint="fetch it elsewhere and give it with --report FILE",
            exit_code=ExitCode.ENVIRONMENT,
        ) from None
    if not isinstance(document, dict):
        raise KitError("the Admin API answered with something else than a report")
    return document
