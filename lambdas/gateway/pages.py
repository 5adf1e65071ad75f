"""Pages of the lists that clients read, by `limit`, `after_id` and `before_id` as in the Claude API."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lambdas.gateway.errors import invalid_request

_DEFAULT = "20"
_TOKEN = "page_"  # noqa: S105 - what the Claude API's newer lists call a cursor
_LONGEST_NAMED = 128


@dataclass(frozen=True, slots=True)
class Page:
    """The ids of one page, and whether there are more in the direction that was asked for."""

    ids: Sequence[str]
    more: bool

    def body(self, data: Sequence[Any]) -> dict[str, Any]:
        """Return the answer with what is known of each id."""
        return {
            "data": data,
            "has_more": self.more,
            "first_id": self.ids[0] if self.ids else None,
            "last_id": self.ids[-1] if self.ids else None,
        }

    def next_token(self) -> str | None:
        """Return the `page` of the next request, where the API has such tokens."""
        return _TOKEN + self.ids[-1] if self.more and self.ids else None


def page_of(ids: Sequence[str], query: Mapping[str, list[str]], *, what: str, largest: int) -> Page:
    """Return the requested page of a list of `what`; `page` is another name of `after_id`.

    Raises `ApiError` 400 naming the parameter.
    """
    limit = query.get("limit", [_DEFAULT])[-1]
    if not (limit.isascii() and limit.isdigit() and 1 <= int(limit[:5]) <= largest):
        raise invalid_request(f"limit: must be 1 to {largest}")
    size = int(limit)
    name = "page" if "page" in query else "after_id"
    after = query.get(name, [""])[-1].removeprefix(_TOKEN)
    before = query.get("before_id", [""])[-1]
    for parameter, given in ((name, after), ("before_id", before)):
        if given and given not in ids:
            raise invalid_request(f"{parameter}: there is no {what} {given[:_LONGEST_NAMED]} in the list")
    if before:
        end = ids.index(before)
        return Page(ids[max(0, end - size) : end], end > size)
    start = ids.index(after) + 1 if after else 0
    return Page(ids[start : start + size], len(ids) > start + size)
