"""Synthetic rows of the portal for `kit demo`, every one labelled, so that no page is empty (S.3, L4.5)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from kit.measurement.maturity import TITLES
from lambdas.portal.table import CASE, PortalTable, Row

LABEL = "[demonstration]"
_DAY = 24 * 3600
_PEOPLE = ("Amara", "Bo", "Chidi", "Dana", "Elif", "Farid", "Gita", "Hugo")


def figures(departments: Sequence[str], now: datetime) -> dict[str, Any]:
    """Return synthetic figures of the current quarter, labelled."""
    quarter = f"{now.year}Q{(now.month + 2) // 3}"
    end = (now + timedelta(days=30)).date().isoformat()
    values = (([9_000_000_000, 14_000_000_000, 19_000_000_000], 7_500_000_000, "above", 3),
              ([2_000_000_000, 4_000_000_000, 6_000_000_000], 5_000_000_000, "undecided", 2))  # fmt: skip
    return {
        "quarter": quarter, "made_at": now.isoformat(timespec="seconds"), "made_up": True,
        "headline": f"{LABEL} The value of time saved cannot be distinguished from its full cost.",
        "departments": {
            name: {
                "value": value, "cost": cost, "verdict": verdict, "level": level, "due": end,
                "doubts": [] if verdict == "above" else ["fewer than 30 answers were rated"],
                "title": TITLES[level], "owner": f"head of {name}",
                "missing": [f"{LABEL} an outcome on ten uses (found: 4)"],
            }
            for name, (value, cost, verdict, level) in zip(departments, values, strict=False)
        },
        "risks": [["gates", f"{LABEL} 3 criteria open, 1 of them late"]],
        "behind": [[f"{LABEL} Baselines measured", "open", "Kim", end]],
        "decisions": [[f"{LABEL} Ask for feedback in {departments[0]}", "heads", end]],
    }  # fmt: skip


@dataclass(frozen=True)
class Member:
    """A person of the deployment, and the prompts (name and title) that their department may use."""

    person: str
    department: str
    prompts: Sequence[tuple[str, str]]


def fill(table: PortalTable, departments: Sequence[str], members: Sequence[Member], now: datetime) -> int:
    """Write the rows and return their number. Idempotent."""
    prompts = [name for one in members if one.department == departments[0] for name, _ in one.prompts[:4]]
    made = [*_rows(departments, list(dict.fromkeys(prompts)), now), *_own_rows(members, now)]
    for row in made:
        table.write(row)
    return len(made)


def _own_rows(members: Sequence[Member], now: datetime) -> Iterator[Row]:
    """What each person sees as their own: uses of prompts, rated and not, and a favourite."""
    for member in members:
        for number, (name, title) in enumerate(member.prompts[:3]):
            at = int((now - timedelta(days=1 + 2 * number)).timestamp())
            facts: dict[str, Any] = {
                "prompt": name, "version": 1, "title": f"{title} {LABEL}", "use_case": "", "conversation": "",
                "at": at, "most_minutes": 40,
            }  # fmt: skip
            if number:
                facts |= {"verdict": "useful", "minutes": 15 * number}
            yield Row(f"PERSON#{member.person}", f"RUN#req_{number:026}", facts, expires=at + 90 * _DAY)
        for name, _ in member.prompts[:1]:
            yield Row(f"PERSON#{member.person}", f"FAV#{name}", {"at": int(now.timestamp())})


def _rows(departments: Sequence[str], prompts: Sequence[str], now: datetime) -> Iterator[Row]:
    first, second = departments[0], departments[min(1, len(departments) - 1)]
    at = int(now.timestamp())
    yield Row("CHAMPION", "demo-1", {"name": f"Amara {LABEL}", "department": first, "at": at})
    yield Row("CHAMPION", "demo-2", {"name": f"Bo {LABEL}", "department": second, "at": at})
    for number, (text, minutes, of) in enumerate(
        (
            ("The first version of the autumn newsletter from last year's text. I corrected two claims "
             "that had lost their limits.", 40, first),
            ("Forty comments in six themes before the meeting. One quotation was not verbatim: worth "
             "checking every time.", 75, second),
        )
    ):  # fmt: skip
        facts = {"text": f"{LABEL} {text}", "minutes": minutes, "department": of, "author": "", "at": at}
        yield Row("STORY", f"sto_demo{number}", {**facts, "person": "demo"})
    for number, (title, problem, state, value, feasibility, risks) in enumerate(
        (
            ("Answers to questions on travel", "The same forty questions every month.", "live", 4, 5, []),
            ("Drafts of replies about deliveries", "Replies take two days.", "pilot", 5, 3, ["customers"]),
            ("Sort applications", "Two hundred applications a month.", "declined", 4, 3,
             ["people", "personal-data"]),
            ("Summaries of field reports", "Nobody reads forty pages.", "new", 0, 0, []),
        )
    ):  # fmt: skip
        decided = state not in {"new", "assessed"}
        yield Row(
            "IDEA",
            f"ide_demo{number}",
            {
                "title": f"{title} {LABEL}", "problem": problem, "department": departments[number % 2],
                "person": "demo", "name": "", "at": at - number * _DAY, "risks": risks, "state": state,
                "value": value, "feasibility": feasibility,
                **({"owner": "Amara", "decided_by": "Kim", "decided_at": at,
                    "decision": "A ranking of people is already a decision about them."
                    if state == "declined" else "Few risks, measured baseline."} if decided else {}),
            },
        )  # fmt: skip
    states = ("active", "active", "renewing", "accepted", "started", "overdue", "active", "active")
    for number, (name, state) in enumerate(zip(_PEOPLE, states, strict=True)):
        left = [] if state == "active" else ["working-with-drafts"]
        due = (now + timedelta(days=number - 4)).date().isoformat() if left else ""
        facts = {"name": f"{name} {LABEL}", "department": departments[number % len(departments)],
                 "state": state, "left": left, "due": due, "at": at}  # fmt: skip
        yield Row("PEOPLE", f"demo-{number}", facts)
        for course in ("data-classes", "responsible-use"):
            yield Row("PASSED", f"{course}#demo-{number}", {"on": now.date().isoformat()})
    for number, prompt in enumerate(prompts[:4]):
        people = [f"demo{one:02}" for one in range(5)]
        yield Row(f"USED#{first}", prompt, {
            "runs": 40 - 7 * number, "people": people, "useful": 12 - number, "edited": 9, "rejected": 2,
            "minutes": 540 - 60 * number,
        })  # fmt: skip
    for number, (kind, text) in enumerate(
        (
            ("question", "May I translate a supplier's manual?"),
            ("blocked", "The number is a published test number."),
            ("proposal", "A prompt for agendas."),
        )
    ):
        asked = now - timedelta(days=number)
        facts = {
            "kind": kind, "person": "demo", "name": LABEL, "department": first, "about": "",
            "text": f"{LABEL} {text}", "at": int(asked.timestamp()), "state": "open",
        }  # fmt: skip
        yield Row(f"TICKET#tic_{number:026}", "HEAD", facts, queue="open", at=asked.isoformat())
    weeks = (
        ("sponsor", "Kim", True),
        ("works-council", "Noor", True),
        ("classes", "Noor", True),
        ("foundation", "Robin", True),
        ("baselines", "Kim", False),
    )
    for task, owner, done in weeks:
        due = (now + timedelta(days=-20 if done else 5)).date().isoformat()
        yield Row("WEEK", task, {"owner": f"{owner} {LABEL}", "due": due, "done": done, "by": LABEL})
    for number, (name, count, state) in enumerate((("Farid", 7, "open"), ("Dana", 5, "closed"))):
        month = (now.replace(day=1) - timedelta(days=1)).strftime("%Y-%m")
        person = f"demo-{number}"
        yield Row(CASE, f"{month}#{person}", {
            "person": person, "name": f"{name} {LABEL}", "department": second, "month": month, "count": count,
            "reasons": {"restricted": count}, "state": state, "at": at,
            **({"outcome": "false-alarm", "note": f"{LABEL} Published test numbers.", "closed_by": "demo",
                "closed_at": at} if state == "closed" else {}),
        })  # fmt: skip
    for number, (question, answer) in enumerate(
        (
            ("May I translate a contract?",
             "Your own drafts, yes. A supplier's contract is Internal: use the prompt for it, and have "
             "a lawyer read the result."),
            ("Why was my test number refused?", "A card number is refused whether it is real or not. Say in "
             "the ticket which published number it is."),
        )
    ):  # fmt: skip
        facts = {"question": f"{question} {LABEL}", "answer": answer, "person": "demo", "name": "", "at": at}
        yield Row("ANSWER", f"ans_{number:026}", facts)
