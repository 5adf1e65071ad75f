"""The quarterly report for a board: value, cost, risk, what works, what to stop and what comes next (L5.5).

Every figure carries a number that links to its query, and uncertainty is stated next to the figure. All
figures cover groups that may be disclosed (`lambdas/measurement/privacy.py`) and completed days in UTC.
Advice follows from the verdict of value against full cost, which the headline uses as well.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from html import escape

from kit.measurement import charts, pages
from kit.measurement.baselines import ANY, baseline_for
from kit.measurement.closing import Closed, Correction
from kit.measurement.maturity import TITLES
from kit.measurement.quarter import API, Quarter, Verdict
from kit.measurement.value import ENOUGH_RATED, Range, Value
from lambdas.measurement.aggregates import OTHER, Cell
from lambdas.measurement.privacy import SMALLEST_GROUP, coarse, hidden, total_shown
from lambdas.measurement.queries import once

_VALUE_METHOD = (
    "It is built on complete answers that people could use: none of applications, no embeddings, none that a "
    "reviewer rejected. Low: only minutes that people stated. Centre: answers without feedback saved half of "
    "the stated mean. High: they saved the upper end of its 95 % interval, drawn from people (Student's t), "
    "and none from fewer than five people. Never more than the baseline's minutes of a task, for no more "
    "tasks than the baseline has, once for all use cases that it covers. Who rates may be who was helped: if "
    "nobody else was, the low end holds. Full cost: own calls and training; infrastructure and set-up by "
    "share of calls; the Center of Excellence by share of active people."
)
_VERDICTS: Mapping[Verdict, str] = {
    "above": "above its cost, even at the low end",
    "undecided": "undecided: the range includes the cost",
    "below": "below its cost, even at the high end",
    "unpriced": "not priced",
}


class Report:
    """Builds the page of one quarter. `closed` and `corrections` apply to a closed quarter."""

    def __init__(
        self, quarter: Quarter, closed: Closed | None = None, corrections: Sequence[Correction] = ()
    ) -> None:
        self._quarter, self._use = quarter, quarter.use
        self._closed, self._corrections = closed, corrections
        self._departments = quarter.departments
        self._total = self._use.total.total
        self._queries: list[tuple[str, str]] = []

    def html(self) -> str:
        """Return the whole page."""
        organization = escape(self._quarter.settings.organization)
        period = self._use.period
        title = f"Claude at {organization}: report of {period.name}"
        if not self._departments:
            body = f"<h1>{title}</h1><p>No department has five people or more to tell of.</p>"
            return pages.page(title, body, synthetic=self._use.synthetic)
        parts = [
            f"<h1>{title}</h1><p class=soft>{self._span()} Small numbers beside figures lead to the query "
            "behind each. Value is a range, because it rests on what people say.</p>",
            self._closing(),
            self._summary(),
            self._adoption(),
            self._value(),
            self._cost(),
            self._quality_and_risk(),
            self._decisions(),
            self._methods(),
        ]
        return pages.page(title, "".join(parts), synthetic=self._use.synthetic)

    def _span(self) -> str:
        period, quarter = self._use.period, self._quarter
        begun = quarter.begun
        late = f" The programme began on {begun}; cost counts from then." if begun else ""
        part = "" if quarter.over else " <b>The quarter is not over: it is compared with no whole one.</b>"
        return f"{period.first} to {self._use.last_whole} (UTC).{late}{part}"

    def _closing(self) -> str:
        if self._closed is None:
            return ""
        rows = [
            (escape(one.place), escape(f"{one.closed}"), escape(f"{one.now}")) for one in self._corrections
        ]
        found = (
            pages.table(("figure", "closed", "now"), rows, caption="Corrections since")
            if rows
            else "<p>Computed again today, every figure is the same.</p>"
        )
        return (
            f"<p class=soft>Closed on {escape(self._closed.closed_at[:10])} with SHA-256 "
            f"<code>{self._closed.sha256}</code>.</p>{found}"
        )  # fmt: skip

    # -- sections ----------------------------------------------------------------------------------------

    def _summary(self) -> str:
        quarter, counts = self._quarter, self._total.counts
        value, cost, people = quarter.value, sum(quarter.costs.values()), self._people()
        goal = quarter.settings.sizing.adoption.live_people
        eligible = quarter.settings.sizing.people
        net = (
            f"{_ratio(value.low, cost)} to {_ratio(value.high, cost)}"
            if value.high
            else "no baseline, no figure"
        )
        cards = [
            (
                f"{people:,}",
                f"people used Claude: {_share(people, goal)} of the goal of {goal:,}, "
                f"{_share(people, eligible)} of {eligible:,} for whom it is sized{self._change('people')}",
                self._people_query(),
            ),
            (
                _money_range(value),
                f"US dollars: value of time saved, low to high{self._change('value')}",
                self._value_query(),
            ),
            (_usd(cost), f"US dollars: full cost{self._change('cost')}", self._cost_query()),
            (net, "US dollars of value for each dollar of full cost, low to high", self._value_query()),
            (
                _share(counts["validated"], counts["completed"]),
                "of answers have feedback or a review",
                self._quality(),
            ),
            (
                f"{counts['refused']:,}",
                "requests stopped before they left the account",
                self._refusal_query(),
            ),
        ]
        html = "".join(
            f"<div class=card><b>{text}{link}</b><span>{what}</span></div>" for text, what, link in cards
        )
        doubts = "".join(f"<li>{escape(one)}</li>" for one in self._doubts())
        return (
            f"<h2>In short</h2><p><b>{escape(headline(quarter))}</b></p><div class=cards>{html}</div>"
            f"<p class=doubt>What makes these figures uncertain:</p><ul class=doubt>{doubts}</ul>"
        )

    def _people(self) -> int:
        people = len(self._total.people)
        return people if self._quarter.over else coarse(people)

    def _change(self, what: str) -> str:
        """Return the previous quarter's figure and the change since then; only between two whole quarters.

        The change of a range is itself a range: from its lowest end against the highest end of before, to
        the reverse.
        """
        before = self._quarter.earlier
        if before is None or not self._quarter.over:
            return ""
        if what == "value":
            now, then = self._quarter.value, before.value
            low, high = int(now.low - then.high), int(now.high - then.low)
            sure = "" if low > 0 or high < 0 else ", so it may be none"
            changed = f"changed by {_signed(low)} to {_signed(high)}{sure}"
            return f"; the quarter before: {_money_range(then)}; {changed}"
        if what == "cost":
            spent, earlier = sum(self._quarter.costs.values()), sum(before.costs.values())
            return f"; the quarter before: {_usd(earlier)}; changed by {_signed(spent - earlier)}"
        people = len(before.use.total.total.people)
        return f"; the quarter before: {people:,}; changed by {len(self._total.people) - people:+,}"

    def _adoption(self) -> str:
        weeks = [week for week in self._use.weeks if self._use.whole_week(week)]
        series: dict[str, list[float | None]] = {"all people": []} | {name: [] for name in self._departments}
        for week in weeks:
            aggregate = self._use.weeks[week]
            groups = {name: one.total.people for name, one in aggregate.departments.items()}
            secret = hidden({name: one.behind for name, one in aggregate.departments.items()})
            shown = total_shown({name: one.behind for name, one in aggregate.departments.items()})
            series["all people"].append(coarse(len(aggregate.total().people)) if shown else None)
            for name in self._departments:
                series[name].append(None if name in secret else coarse(len(groups.get(name, {}))))
        chart = charts.lines(series, [week[5:] for week in weeks], title="People active in each whole week")
        return (
            f"<h2>Adoption</h2><h3>People active in each whole week, in steps of five{self._people_query()}"
            f"</h3>{chart}<h3>Use cases{self._use_case_query()}</h3>{self._use_cases()}{self._cohorts()}"
        )

    def _use_cases(self) -> str:
        """Covers completed months: in a running month a use case could reveal what one person did today."""
        cells = [
            (name, case, cell)
            for name, one in self._departments.items()
            for case, cell in one.use_cases.items()
            if len(cell.behind) >= SMALLEST_GROUP or not cell.behind
        ]
        rows = []
        for name, case, cell in sorted(cells, key=lambda one: -one[2].counts["calls"])[:12]:
            people = coarse(len(cell.people))
            by_people = cell.counts["calls"] - cell.counts["application_calls"]
            each = f"{by_people / len(cell.people):.0f}" if people else "-"
            what = "no use case named, or few people" if case == OTHER else case
            calls = cell.counts["calls"] // 10 * 10
            rows.append((escape(what), escape(name), f"{calls:,}", f"{people:,}", each))
        if not rows:
            return "<p>No month of the quarter is over: use cases are shown by whole months.</p>"
        return pages.table(
            ("use case", "department", "calls, in tens", "people, in fives", "calls of a person in all"),
            rows,
            numbers=(2, 3, 4),
            caption="Use cases in the months that are over",
        )

    def _cohorts(self) -> str:
        rows = []
        for week, active in self._use.cohorts.items():
            if active[0] < SMALLEST_GROUP:
                continue
            later = active[4] if len(active) > 4 else None
            shown = (
                "not yet"
                if later is None
                else _share(coarse(later), coarse(active[0]))
                if later >= SMALLEST_GROUP
                else "under 5 people"
            )
            rows.append((escape(week), f"{coarse(active[0]):,}", shown))
        if not rows:
            return ""
        head = ("first call in the week of", "people, in fives", "active four weeks later")
        table = pages.table(head, rows, numbers=(1, 2))
        return f"<h3>Do they come back?{self._people_query()}</h3>{table}"

    def _value(self) -> str:
        million = Decimal(1_000_000)
        ranges, rows = [], []
        for name in self._departments:
            one = self._quarter.values[name]
            if one.microusd is not None:
                low, central, high = (float(each / million) for each in _three(one.microusd))
                ranges.append((name, low, central, high, f"{low:,.0f} - {high:,.0f} USD"))
            rows.append(self._value_row(name, one))
        chart = charts.ranges(ranges, title="Value of time saved by department, in USD") if ranges else ""
        head = (
            "department", "hours saved", "value (USD)", "full cost (USD)", "value against cost",
            "rated answers", "uncertain because",
        )  # fmt: skip
        return (
            f"<h2>Value</h2><h3>By department{self._value_query()}</h3>{chart}"
            + pages.table(head, rows, numbers=(1, 2, 3, 5), caption="Value against full cost, by department")
            + f"<p class=soft>{_VALUE_METHOD}</p>"
        )

    def _value_row(self, name: str, one: Value) -> tuple[str, ...]:
        hours = one.minutes.times(Decimal(1) / 60)
        money = _money_range(one.microusd) if one.microusd else "not priced"
        doubts = f'<span class="doubt">{escape("; ".join(one.doubts))}</span>' if one.doubts else "-"
        return (
            escape(name),
            f"{hours.low:,.0f} - {hours.high:,.0f}",
            money,
            _usd(self._quarter.full_costs[name]),
            _VERDICTS[self._quarter.verdict(name)],
            f"{one.rated:,} of {one.answers:,}",
            doubts,
        )

    def _cost(self) -> str:
        costs = self._quarter.costs
        budget = self._quarter.settings.budget.organization_monthly_microusd
        limit = int(budget * Decimal(self._quarter.days) / Decimal("30.4375"))
        used = costs[API]
        chart = charts.bars(
            [(name, amount / 1e6, f"{_usd(amount)} USD") for name, amount in costs.items()],
            title="Full cost by kind, in USD",
        )
        left = f"{_usd(limit - used)} USD are left" if used <= limit else f"{_usd(used - limit)} USD over it"
        return (
            f"<h2>Cost</h2><h3>What the {self._quarter.days} days of the programme in this quarter have cost"
            f"{self._cost_query()}</h3>{chart}"
            f"<p>The API used {_usd(used)} USD of a budget of {_usd(limit)} USD for these days: {left}. "
            "Infrastructure, Center of Excellence, training and set-up are planned values of the cost model, "
            "not invoices.</p>"
        )

    def _quality_and_risk(self) -> str:
        counts = self._total.counts
        reasons: dict[str, int] = {}
        for one in (*self._departments.values(), self._use.rest):
            for reason, count in one.reasons.items():
                reasons[reason] = reasons.get(reason, 0) + count
        blocked = sorted(reasons.items(), key=lambda one: -one[1])
        rows = [
            ("answers with feedback or a review", _share(counts["validated"], counts["completed"])),
            ("of the rated, useful", _share(counts["useful"], counts["rated"])),
            (
                "of the rated and reviewed, used after a change",
                _share(_redone(self._total), _judged(self._total)),
            ),
            ("of the rated and reviewed, not used", _share(_rejected(self._total), _judged(self._total))),
            (
                "answers that needed a review and got one",
                f"{counts['reviewed']:,} of {counts['review_needed']:,}",
            ),
            ("answers from approved prompts", _share(counts["registered"], counts["completed"])),
            ("statements on material decisions", f"{counts['material']:,}"),
            ("judgements of answers of another quarter, not counted", f"{counts['unmatched']:,}"),
        ]
        chart = charts.bars([(name, float(count), f"{count:,}") for name, count in blocked], title="Blocked")
        return (
            f"<h2>Quality, risk and control</h2><h3>Quality{self._quality()}</h3>"
            + pages.table(("what", "share"), rows, numbers=(1,))
            + self._rework()
            + self._availability()
            + f"<h3>Requests blocked before they left the account{self._refusal_query()}</h3>"
            + (chart if blocked else "<p>None.</p>")
            + "<p>That what was served is what was recorded, and that no record was altered, is not "
            "computed here: <code>kit audit verify</code> proves it for any period.</p>"
        )

    def _rework(self) -> str:
        """Return the rework rate next to the rate before the rollout."""
        rows = []
        for name, one in self._departments.items():
            baseline = baseline_for(self._quarter.baselines, name, ANY)
            before = f"{baseline.rework_percent} %" if baseline else "not recorded"
            judged = _judged(one.total)
            now = (
                _share(_redone(one.total) + _rejected(one.total), judged)
                if judged >= ENOUGH_RATED
                else f"fewer than {ENOUGH_RATED} judged"
            )
            rows.append((escape(name), before, now))
        head = ("department", "redone before", "changed or not used now")
        return f"<h3>Rework against the baseline{self._quality()}</h3>" + pages.table(
            head, rows, numbers=(1, 2)
        )

    def _availability(self) -> str:
        """Compare each month with the objective: the error rate that raises an alarm, held for the month."""
        objective = 100 - self._quarter.settings.sizing.alarms.gateway_error_percent
        rows = []
        for month, one in self._use.months.items():
            cells = [each.total.counts for each in (*one.departments.values(), *filter(None, [one.rest]))]
            completed, gateway, provider = (
                sum(each[name] for each in cells) for name in ("completed", "failed", "provider_failed")
            )
            tried = completed + gateway + provider
            share = f"{100 * completed / tried:.2f} %" if tried else "no calls"
            met = "-" if not tried else "met" if 100 * completed >= objective * tried else "missed"
            if not one.over:
                month, met = f"{month} (until {self._use.last_whole})", f"{met} so far" if tried else met
            rows.append((month, share, f"{gateway:,}", f"{provider:,}", met))
        head = ("month", "calls answered", "failed at the gateway", "failed at a provider", "objective")
        return (
            f"<h3>Availability by month{self._availability_query()}</h3><p class=soft>Objective: "
            f"{objective} % of calls are answered (alarms.gateway_error_percent). Requests that are "
            "invalid or stopped by a rule, and callers who hang up, are not counted.</p>"
            + pages.table(head, rows, numbers=(1, 2, 3))
        )

    def _decisions(self) -> str:
        works, stop, following = self._judgements()
        levels = [
            (
                escape(one.department), str(one.level), TITLES[one.level],
                escape("; ".join(condition.says for condition in one.missing) or "-"),
            )
            for one in self._quarter.maturity
        ]  # fmt: skip
        return (
            "<h2>What works, what to stop, what is next</h2>"
            + _list("What works", works)
            + _list("What to stop or fix", stop)
            + self._stop_rule()
            + _list("Next quarter", following)
            + "<h3>Maturity of each department</h3>"
            + pages.table(("department", "level", "name", "missing for the next level"), levels, numbers=(1,))
        )

    def _stop_rule(self) -> str:
        """Apply the stop rule of the budget approval to the verdicts."""
        rows = []
        for name, (now, before) in self._quarter.stop_rule.items():
            met = "no"
            if now == "below":
                met = "below so far; judged when the quarter is over"
                if self._quarter.over:
                    met = "stop or cut back" if before == "below" else "watch: the first quarter below"
            rows.append((escape(name), _VERDICTS[now], _VERDICTS[before] if before else "not measured", met))
        head = ("department", "this quarter", "the quarter before", "stop rule")
        return (
            "<h3>The stop rule of the budget approval</h3><p class=soft>It is met where value was below full "
            "cost in two quarters one after the other, at the high end of its range.</p>"
            + pages.table(head, rows)
        )

    def _judgements(self) -> tuple[list[str], list[str], list[str]]:
        """Derived from figures alone: each sentence names the figure that it rests on."""
        works, stop, following = [], [], []
        for name, department in self._departments.items():
            cell, value = department.total, self._quarter.values[name]
            judged, verdict = _judged(cell), self._quarter.verdict(name)
            cost = _usd(self._quarter.full_costs[name])
            if verdict == "above" and value.microusd:
                works.append(
                    f"{name}: even the low value ({_usd(int(value.microusd.low))} USD) is above its full "
                    f"cost ({cost} USD)"
                )
            if verdict == "below" and value.microusd:
                stop.append(
                    f"{name}: even the high value ({_usd(int(value.microusd.high))} USD) is below its full "
                    f"cost ({cost} USD)"
                )
            if verdict == "undecided" and value.microusd:
                following.append(
                    f"{name}: decide whether it pays: value {_money_range(value.microusd)} USD against "
                    f"{cost} USD of full cost"
                )
            if judged >= ENOUGH_RATED and 2 * (_redone(cell) + _rejected(cell)) > judged:
                stop.append(
                    f"{name}: more than half of the judged answers had to be changed or were not used"
                )
            if cell.counts["rated"] >= ENOUGH_RATED and 2 * cell.counts["useful"] < cell.counts["rated"]:
                stop.append(f"{name}: less than half of the rated answers were useful")
            if value.rated < ENOUGH_RATED:
                following.append(
                    f"{name}: ask for feedback ({value.rated} rated answers; {ENOUGH_RATED} make a mean)"
                )
            if value.microusd is None:
                following.append(f"{name}: record a baseline, so that time has a price")
        for one in self._quarter.maturity:
            if one.missing:
                first = one.missing[0]
                following.append(
                    f"{one.department}: to reach level {one.level + 1}: {first.says} (now {first.found})"
                )
        return works, stop, following

    def _methods(self) -> str:
        queries = "".join(
            f'<h3 id="q{number}">Query {number}: {escape(title)}</h3><pre>{escape(text)}</pre>'
            for number, (title, text) in enumerate(self._queries, 1)
        )
        claude, aws = self._quarter.cost.prices_as_of
        return (
            '<h2 class="page">Where the figures come from</h2>'
            "<p class=soft>The report is computed from the records of the audit store themselves, so that a "
            "lost copy changes nothing; the queries run in Athena over the copies and show the same where "
            f"none is missing. Prices of Claude of {claude}, of AWS of {aws}.</p>{queries}"
        )

    # -- queries -----------------------------------------------------------------------------------------

    def _linked(self, title: str, text: str) -> str:
        query = (title, text)
        if query not in self._queries:
            self._queries.append(query)
        number = self._queries.index(query) + 1
        return f'<sup><a href="#q{number}">{number}</a></sup>'

    def _where(self, condition: str) -> str:
        period = self._use.period
        filed = (
            f"dt BETWEEN '{period.first}' AND '{period.last + timedelta(days=1)}'"  # delivered a day later
        )
        return (
            f"FROM {once(filed)}\nWHERE copy = 1 AND {condition}\n"
            f"  AND substr(\"at\", 1, 10) BETWEEN '{period.first}' AND '{period.last}'"
        )

    def _people_query(self) -> str:
        return self._linked(
            "active people by week and department",
            "SELECT date_trunc('week', CAST(substr(\"at\", 1, 10) AS date)) AS week, department,\n"
            "       count(DISTINCT principal) AS people\n"
            f"{self._where(_BY_PEOPLE)}\n"
            "GROUP BY 1, 2 HAVING count(DISTINCT principal) >= 5 ORDER BY 1, 2",
        )  # fmt: skip

    def _availability_query(self) -> str:
        return self._linked(
            "how calls ended",
            'SELECT substr("at", 1, 7) AS month, result, status, count(*) AS calls\n'
            f"{self._where(_OUTCOME)}\nGROUP BY 1, 2, 3 ORDER BY 1, 2, 3",
        )

    def _use_case_query(self) -> str:
        return self._linked(
            "use cases",
            "SELECT coalesce(use_case, prompt, 'other') AS use_case, department, count(*) AS calls,\n"
            "       count(DISTINCT principal) AS people\n"
            f"{self._where(_OUTCOME)}\nGROUP BY 1, 2 ORDER BY 3 DESC",
        )

    def _value_query(self) -> str:
        return self._linked(
            "time saved as people state it; the range and the baselines are in the repository",
            "SELECT department, use_case, count(*) AS rated,\n"
            "       sum(minutes_saved) AS minutes\n"
            f"{self._where(_FEEDBACK)}\nGROUP BY 1, 2\n"
            "-- baselines: kit baseline show; cost of calls: query of cost",
        )

    def _cost_query(self) -> str:
        return self._linked(
            "cost of calls; infrastructure and people: kit cost",
            "SELECT department, CAST(sum(cost_microusd) AS double) / 1000000 AS usd\n"
            f"{self._where(_PAID)}\nGROUP BY 1\n"
            f"-- infrastructure and Center of Excellence: kit cost --size {self._quarter.cost.size} --json",
        )

    def _quality(self) -> str:
        return self._linked(
            "feedback and reviews",
            "SELECT kind, useful, edited, rejected, decision, count(*) AS answers\n"
            f"{self._where(_JUDGED)}\nGROUP BY 1, 2, 3, 4, 5",
        )

    def _refusal_query(self) -> str:
        return self._linked(
            "blocked requests", f"SELECT reason, count(*) AS requests\n{self._where(_REFUSED)}\nGROUP BY 1"
        )

    def _doubts(self) -> list[str]:
        found: dict[str, list[str]] = {}
        for name in self._departments:
            for doubt in self._quarter.values[name].doubts:
                found.setdefault(doubt, []).append(name)
        doubts = [f"{doubt}: {', '.join(names)}" for doubt, names in found.items()]
        rated = sum(one.rated for one in self._quarter.values.values())
        answers = sum(one.answers for one in self._quarter.values.values())
        return [
            *doubts,
            f"{_share(rated, answers)} of the answers have feedback; who gives it may be who was helped",
            "infrastructure, Center of Excellence, training and set-up are planned values, not invoices",
        ]


_OUTCOME = "kind = 'outcome'"
_BY_PEOPLE = "kind = 'outcome' AND principal_kind = 'person'"
_FEEDBACK = "kind = 'feedback'"
_PAID = "kind IN ('outcome', 'batch_results')"
_JUDGED = "kind IN ('feedback', 'review')"
_REFUSED = "kind = 'refusal'"


def _judged(cell: Cell) -> int:
    return cell.counts["rated"] + cell.counts["reviewed"]


def _redone(cell: Cell) -> int:
    return cell.counts["edited"] + cell.counts["review_edited"]


def _rejected(cell: Cell) -> int:
    return cell.counts["rejected"] + cell.counts["review_rejected"]


def _three(one: Range) -> tuple[Decimal, Decimal, Decimal]:
    return one.low, one.central, one.high


def _usd(microusd: int) -> str:
    return f"{microusd / 1e6:,.0f}" if microusd >= 100_000_000 else f"{microusd / 1e6:,.2f}"


def _signed(microusd: int) -> str:
    return f"{'-' if microusd < 0 else '+'}{_usd(abs(microusd))}"


def _money_range(value: Range) -> str:
    return f"{_usd(int(value.low))} to {_usd(int(value.high))}"


def _ratio(value: Decimal, cost: int) -> str:
    return f"{value / cost:.2f}" if cost else "-"


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.0f} %" if whole else "none"


def _list(title: str, sentences: Sequence[str]) -> str:
    items = (
        "".join(f"<li>{escape(one)}</li>" for one in sentences) or "<li>Nothing that the figures show.</li>"
    )
    return f"<h3>{title}</h3><ul>{items}</ul>"


def headline(quarter: Quarter) -> str:
    """Return one sentence derived from the same verdicts as the advice."""
    verdicts = [quarter.verdict(name) for name in quarter.values]
    cost, value = sum(quarter.costs.values()), quarter.value
    if not value.high:
        return "No value in money can be stated: there is no baseline or no answer that people could use."
    whole = (
        "is above its full cost even at the low end"
        if value.low >= cost
        else "is below its full cost even at the high end"
        if value.high < cost
        else "cannot be distinguished from its full cost: the range includes it"
    )
    words = {"above": "above", "undecided": "undecided", "below": "below", "unpriced": "not priced"}
    counted = ", ".join(f"{verdicts.count(one)} {said}" for one, said in words.items() if one in verdicts)
    return f"The value of time saved {whole}. Departments: {counted}."


def as_document(quarter: Quarter) -> Mapping[str, object]:
    """Return the main figures for machines, without groups that are too small."""
    use = quarter.use
    people = len(use.total.total.people)
    return {
        "period": {
            "name": use.period.name,
            "first": f"{use.period.first}",
            "last": f"{use.last_whole}",
            "time_zone": "UTC",
            "over": quarter.over,
        },
        "synthetic": use.synthetic,
        "headline": headline(quarter),
        "people": people if quarter.over else coarse(people),
        "value_microusd": [int(each) for each in _three(quarter.value)],
        "cost_microusd": dict(quarter.costs),
        "departments": {
            name: {
                "people": len(one.total.people) if quarter.over else coarse(len(one.total.people)),
                "calls": one.total.counts["calls"],
                "minutes": [int(each) for each in _three(quarter.values[name].minutes)],
                "value_microusd": _ints(quarter.values[name].microusd),
                "api_cost_microusd": one.total.counts["cost_microusd"],
                "full_cost_microusd": quarter.full_costs[name],
                "verdict": quarter.verdict(name),
                "uncertain_because": list(quarter.values[name].doubts),
            }
            for name, one in quarter.departments.items()
        },
    }


def _ints(value: Range | None) -> list[int] | None:
    return [int(each) for each in _three(value)] if value else None
