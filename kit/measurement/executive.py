"""One page for the CIO and the board, and the paper that asks for approval (L5.5, C.3, Z.2).

It covers what the money bought, what is at risk, who is behind (with owner and date), and what is asked of
the reader. Every sentence rests on a figure of the quarterly report, a gate, a register or the
verification; what was not checked is stated as such.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from html import escape
from typing import TYPE_CHECKING

from kit.measurement import pages, period
from kit.measurement.maturity import TITLES
from kit.measurement.quarter import Quarter
from kit.measurement.report import headline
from lambdas.common.registers import Entry

if TYPE_CHECKING:
    from stacks.gates import Finding

MOST_DECISIONS = 3
WEEKS = {"foundation": (1, 4), "integration": (5, 8), "rollout": (9, 12)}


@dataclass(frozen=True)
class Standing:
    """The input of the page. `registers`: entries, or None if no deployment was read; `verified`: calls and
    findings of the last week's verification, or None likewise.
    """

    quarter: Quarter
    gates: "Sequence[Finding]"
    registers: Sequence[Entry] | None
    verified: tuple[int, int] | None
    today: date

    def due(self, stage: str) -> date | None:
        """When a stage is due; None if the rollout has no first day."""
        started = self.quarter.settings.rollout_started
        return started + timedelta(weeks=WEEKS[stage][1], days=-1) if started else None

    @property
    def open_gates(self) -> "list[Finding]":
        """Criteria that are not met."""
        return [one for one in self.gates if not one.holds]

    @property
    def overdue(self) -> list[tuple[Entry, str]]:
        """Overdue register entries."""
        end = datetime.combine(self.today, time.max, UTC)
        return [(one, said) for one in self.registers or () for said in one.overdue(end)]


def risks(standing: Standing) -> list[tuple[str, str]]:
    """Return each risk and its status."""
    found: list[tuple[str, str]] = []
    if standing.verified is None:
        found.append(("records", "not verified here: kit audit verify"))
    else:
        calls, findings = standing.verified
        said = f"{findings} findings of the verification" if findings else "verified, nothing found"
        found.append(("records of the last week", f"{calls:,} calls: {said}"))
    late = [
        one for one in standing.open_gates if (standing.due(one.criterion.stage) or date.max) < standing.today
    ]
    found.append(("gates", f"{len(standing.open_gates)} criteria open, {len(late)} of them late"))
    if standing.registers is None:
        found.append(("registers", "not asked: there is no deployment"))
    else:
        open_ = [one for one in standing.registers if one.register == "incidents" and one.state != "closed"]
        found.append(("incidents", f"{len(open_)} open"))
        found.append(("overdue in registers", f"{len(standing.overdue)}"))
    settings = standing.quarter.settings
    providers = ", ".join(one.name for one in settings.claude.providers)
    found.append(("data residency", f"{', '.join(settings.data_residency)}; providers: {providers}"))
    return found


def behind(standing: Standing) -> list[tuple[str, str, str, str]]:
    """Return who is behind: item, status, owner, date."""
    rows = []
    for one in standing.open_gates:
        due = standing.due(one.criterion.stage)
        if due is None or due < standing.today + timedelta(weeks=4):
            owner = one.criterion.owner or "not named"
            rows.append((one.criterion.title, one.state, owner, f"{due}" if due else "no date"))
    rows += [
        (f"{one.register}: {one.title}", said, one.owner or "not named", "now")
        for one, said in standing.overdue
    ]
    end = f"{period.quarter(standing.quarter.use.period.name).last}"
    for one in standing.quarter.maturity:
        if one.level < 2 and one.missing:
            state = f"level {one.level}, {TITLES[one.level]}: {one.missing[0].says}"
            rows.append((f"department {one.department}", state, f"head of {one.department}", end))
    return rows


def decisions(standing: Standing) -> list[tuple[str, str, str]]:
    """Return at most three decisions, the most urgent first: what is asked, of whom, by when."""
    asked: list[tuple[str, str, str]] = []
    end = f"{period.quarter(standing.quarter.use.period.name).last}"
    for entry, said in standing.overdue:
        if entry.register == "incidents":
            asked.append((f"Decide on {entry.title}: {said}", entry.owner or "governance lead", "now"))
    asked += [
        (f"Stop or cut back {name}: below its full cost in two quarters", "director", "next meeting")
        for name, (now, before) in standing.quarter.stop_rule.items()
        if standing.quarter.over and (now, before) == ("below", "below")
    ]
    for stage in WEEKS:
        late = [one for one in standing.open_gates if one.criterion.stage == stage]
        due = standing.due(stage)
        if late and due and due < standing.today:
            owners = ", ".join(dict.fromkeys(one.criterion.owner for one in late if one.criterion.owner))
            asked.append(
                (f"Close or waive {len(late)} criteria of {stage}, late since {due}", owners, "next meeting")
            )
    undecided = [name for name in standing.quarter.values if standing.quarter.verdict(name) == "undecided"]
    if undecided:
        asked.append((f"Ask for feedback in {', '.join(undecided)}: value and cost overlap", "heads", end))
    unpriced = [name for name in standing.quarter.values if standing.quarter.verdict(name) == "unpriced"]
    if unpriced:
        asked.append((f"Have a baseline measured in {', '.join(unpriced)}", "heads", end))
    return asked[:MOST_DECISIONS]


def executive_page(standing: Standing) -> str:
    """Return the page as HTML."""
    quarter = standing.quarter
    value, cost = quarter.value, sum(quarter.costs.values())
    people, goal = len(quarter.use.total.total.people), quarter.settings.sizing.adoption.live_people
    people = people if quarter.over else people // 5 * 5
    money = f"{_usd(int(value.low))} to {_usd(int(value.high))}" if value.high else "no figure"
    cards = "".join(
        f"<div class=card><b>{escape(figure)}</b><span>{escape(words)}</span></div>"
        for figure, words in (
            (money, "USD of time saved, low to high"),
            (_usd(cost), f"USD of full cost in {quarter.days} days"),
            (f"{people:,}", f"people used it; the goal is {goal:,}"),
        )
    )
    title = f"Claude at {escape(quarter.settings.organization)}: {quarter.use.period.name}"
    asked = [tuple(map(escape, one)) for one in decisions(standing)]
    body = [
        f"<h1>{title}</h1><p class=soft>As of {standing.today} (UTC); figures until "
        f"{quarter.use.last_whole}.</p>",
        f"<h2>What we got for the money</h2><p><b>{escape(headline(quarter))}</b></p>"
        f"<div class=cards>{cards}</div>",
        "<h2>What is at risk</h2>"
        + pages.table(("risk", "state"), [tuple(map(escape, one)) for one in risks(standing)]),
        "<h2>Who is behind</h2>"
        + (
            pages.table(
                ("what", "state", "owner", "date"), [tuple(map(escape, one)) for one in behind(standing)]
            )
            if behind(standing)
            else "<p>Nobody.</p>"
        ),
        "<h2>What we ask you to decide</h2>"
        + (pages.table(("decision", "by", "until"), asked) if asked else "<p>Nothing this time.</p>"),
        "<p class=soft>Methods, ranges and queries: kit report roi. Evidence: kit evidence export.</p>",
    ]
    return pages.page(title, "".join(body), synthetic=quarter.use.synthetic)


def board_paper(standing: Standing) -> str:
    """Return the paper that asks for approval: range, risks, timeline, staffing by phase and the next
    quarter.
    """
    quarter = standing.quarter
    settings, model = quarter.settings, quarter.cost
    rows = [
        (
            escape(one.item),
            f"{one.low_usd:,.0f} - {one.high_usd:,.0f}",
            f"{one.model_usd:,.0f}",
            escape(one.verdict),
        )
        for one in model.comparisons
    ]
    staffing = settings.sizing.staffing
    roles = (
        "director",
        "enablement_lead",
        "ai_engineer",
        "training_lead",
        "governance_lead",
        "data_science_lead",
    )
    staff = [
        (role.replace("_", " "), *(f"{_at(role, getattr(staffing, role), stage)}" for stage in WEEKS))
        for role in roles
    ]
    started = settings.rollout_started
    timeline = [
        (
            stage,
            f"weeks {first} to {last}",
            f"{started + timedelta(weeks=first - 1)} to {standing.due(stage)}" if started else "no first day",
            f"{sum(one.criterion.stage == stage for one in standing.gates)} exit criteria, "
            f"{sum(one.criterion.stage == stage and one.holds for one in standing.gates)} met",
        )
        for stage, (first, last) in WEEKS.items()
    ]
    intake = [
        one for one in standing.registers or () if one.register == "inventory" and one.state != "closed"
    ]
    roadmap = [
        f"{one.department}: {one.missing[0].says} (now {one.missing[0].found})"
        for one in quarter.maturity
        if one.missing
    ]
    roadmap += [
        f"use case {one.title}: {one.fields.get('risk_class', 'risk class not decided')}" for one in intake
    ]
    title = f"Claude at {escape(settings.organization)}: request for approval"
    body = [
        f"<h1>{title}</h1><p class=soft>{standing.today}, size {model.size}, {model.people:,} people. "
        "Costs are those of the cost model (kit cost), each beside its planning range.</p>",
        "<h2>What it costs</h2>"
        + pages.table(("item", "planning range (USD)", "model (USD)", "verdict"), rows, numbers=(1, 2)),
        f"<p><b>First year: {_usd(model.first_year())} USD.</b> Of it use of Claude "
        f"{_usd(model.first_year('api'))} USD; with half or twice the use "
        f"{_usd(model.first_year() - model.first_year('api') // 2)} to "
        f"{_usd(model.first_year() + model.first_year('api'))} USD.</p>",
        f"<h2>What it brings</h2><p>{escape(headline(quarter))}</p>",
        "<h2>Risks</h2>"
        + pages.table(("risk", "state"), [tuple(map(escape, one)) for one in risks(standing)]),
        "<h2>Timeline</h2>" + pages.table(("stage", "weeks", "dates", "gate"), timeline),
        "<h2>People of the Center by stage</h2>" + pages.table(("role", *WEEKS), staff, numbers=(1, 2, 3)),
        "<h2>Roadmap of the next quarter (draft)</h2><ul>"
        + ("".join(f"<li>{escape(one)}</li>" for one in roadmap) or "<li>Nothing that the figures show.</li>")
        + "</ul>",
        "<h2>What is asked</h2><p>Approval of the first year's budget above, of the stop rule in the budget "
        "approval (value below full cost in two quarters one after the other), and of the stages.</p>",
    ]
    return pages.page(title, "".join(body), synthetic=quarter.use.synthetic)


def _at(role: str, people: int, stage: str) -> int:
    """Return how many people a role needs in a stage: the director and those who build and govern are
    complete from the first week; those who train and measure start with one person until there are
    people to train.
    """
    late = {"enablement_lead": "integration", "training_lead": "integration", "data_science_lead": "rollout"}
    order = list(WEEKS)
    return people if order.index(stage) >= order.index(late.get(role, "foundation")) else min(1, people)


def _usd(microusd: int) -> str:
    return f"{microusd / 1e6:,.0f}"
