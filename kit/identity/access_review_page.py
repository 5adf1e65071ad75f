"""The access review as a page: plain HTML that loads nothing and prints."""

from html import escape

from kit.identity.access_review import AccessReview, Entry
from kit.measurement.pages import page, table

_TITLES = {
    "person": "People",
    "key": "Keys and workloads",
    "provisioning-token": "Tokens of provisioning",
    "console-role": "Roles in AWS",
}
_HEAD = ("who", "state", "department", "may", "by", "since", "last used", "ends", "remarks")


def review_page(review: AccessReview, organization: str) -> str:
    """The whole page."""
    scope = f", {review.department}" if review.department else ""
    last = review.last
    signed = f"{last.at} by {last.by}" if last else "never"
    changes = review.changes() if last else {}
    moved = ", ".join(f"{len(ids)} {name}" for name, ids in changes.items())
    body = [
        f"<h1>Access review: {escape(organization)}{escape(scope)}</h1>",
        f"<p class='soft'>{escape(review.environment)}, as of {escape(review.at)}. "
        f"SHA-256 of the rights: <code>{review.sha256}</code></p>",
        f"<p>Signed off last: {escape(signed)}{f'; since then {escape(moved)}' if moved else ''}.</p>",
    ]
    for kind, title in _TITLES.items():
        entries = [one for one in review.entries if one.kind == kind]
        if entries:
            body.append(f"<h2>{title} ({len(entries)})</h2>")
            body.append(table(_HEAD, (_row(one) for one in entries)))
    return page(f"Access review {review.at[:10]}", "\n".join(body), wide=True)


def _row(entry: Entry) -> tuple[str, ...]:
    narrowed = [
        *entry.roles,
        *([f"only {', '.join(entry.data_classes)} data"] if entry.data_classes else []),
        *([f"only {', '.join(entry.models)}"] if entry.models else []),
    ]
    who = escape(entry.name or entry.id) + (f"<br><small>{escape(entry.id)}</small>" if entry.name else "")
    lists = [", ".join(narrowed), "; ".join(entry.granted_by)]
    times = [entry.since[:10], entry.last_used[:16].replace("T", " "), entry.expires_at[:10]]
    texts = [entry.state, entry.department, *lists, *times, "; ".join(entry.remarks)]
    return (who, *map(escape, texts))
