"""The quarterly report that a board can read: value, cost, risk, what works, what to stop, what is next
(L5.5).

Every figure carries a number that links to its query; what is uncertain says so beside the figure. Groups of
fewer than five people are not shown.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from html import escape

from kit.measurement import charts, pages
from kit.measurement.maturity import TITLES
from kit.measurement.quarter import Quarter
from kit.measurement.value import ENOUGH_RATED, Range, Value
from lambdas.measurement.aggregates import OTHER, Cell
from lambdas.measurement.privacy import coarse, hidden, total_shown

_ONCE = "(SELECT *, row_number() OVER (PARTITION BY record_id) AS copy FROM records)"


class Report:
    """Builds the page of one quarter."""

    def __init__(self, quarter: Quarter) -> None:
        self._quarter, self._use = quarter, quarter.use
        self._whole = self._use.whole
        self._total = self._whole.total()
        people = {name: one.total.people for name, one in self._whole.departments.items()}
        self._hidden = hidden(people)
        self._shown = [name for name in self._whole.departments if name not in self._hidden]
        self._total_shown = total_shown(people)
        self._queries: list[tuple[str, str]] = []

    def html(self) -> str:
        """The whole page."""
        organization = escape(self._quarter.settings.organization)
        period = self._use.period
        title = f"Claude at {organization}: report of {period.name}"
        if not self._total_shown:
            body = (
                f"<h1>{title}</h1><p>Fewer than five people used Claude: there is nothing that "
                f"may be shown.</p>"
            )
            return pages.page(title, body, synthetic=self._use.synthetic)
        parts = [
            f"<h1>{title}</h1><p class=soft>{period.first} to {period.last}. Small numbers beside "
            f"figures lead "
            "to the query behind each. Value is a range, because it rests on what people say.</p>",
            self._summary(),
            self._adoption(),
            self._value(),
            self._cost(),
            self._quality_and_risk(),
            self._decisions(),
            self._methods(),
        ]
        return pages.page(title, "".join(parts), synthetic=self._use.synthetic)

    # -- sections ----------------------------------------------------------------------------------------

    def _summary(self) -> str:
        value, cost = self._quarter.value, sum(self._quarter.costs.values())
        people, counts = len(self._total.people), self._total.counts
        goal = self._quarter.settings.sizing.adoption.live_people
        net = (
            f"{_ratio(value.low, cost)} to {_ratio(value.high, cost)}"
            if value.high
            else "no baseline, no figure"
        )
        cards = [
            (f"{people:,}", f"people used Claude; the goal of the rollout is {goal:,}", self._people_query()),
            (_money_range(value), "US dollars: value of time saved, low to high", self._value_query()),
            (_usd(cost), "US dollars: cost of API, infrastructure, Center of Excellence", self._cost_query()),
            (net, "US dollars of value for each dollar of cost, low to high", self._value_query()),
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
        note = (
            f"<p class=doubt>What makes these figures uncertain:</p><ul class=doubt>{doubts}</ul>"
            if doubts
            else ""
        )
        return f"<h2>In short</h2><div class=cards>{html}</div>{note}"

    def _adoption(self) -> str:
        weeks = list(self._use.weeks)
        series: dict[str, list[float | None]] = {"all people": []}
        for name in self._shown:
            series[name] = []
        for week in self._use.weeks.values():
            groups = {name: one.total.people for name, one in week.departments.items()}
            secret = hidden(groups)
            series["all people"].append(coarse(len(week.total().people)) if total_shown(groups) else None)
            for name in self._shown:
                series[name].append(None if name in secret else coarse(len(groups.get(name, {}))))
        rows = []
        cells = [
            (name, case, cell)
            for name in self._shown
            for case, cell in self._whole.departments[name].use_cases.items()
        ]
        for name in self._shown:
            cases = self._whole.departments[name].use_cases
            secret = hidden({case: cell.people for case, cell in cases.items()})
            cells = [one for one in cells if one[0] != name or one[1] not in secret]
        for name, case, cell in sorted(cells, key=lambda one: -one[2].counts["calls"])[:12]:
            calls, members = cell.counts["calls"], len(cell.people)
            frequency = f"{calls / members / max(1, len(weeks)):.1f}" if members else "-"
            what = "no use case named" if case == OTHER else case
            rows.append((escape(what), escape(name), f"{calls:,}", f"{members:,}", frequency))
        chart = charts.lines(
            series, [week[5:] for week in weeks], title="People active in each week", width=860
        )
        return (
            f"<h2>Adoption</h2><h3>People active in each "
            f"week, in steps of five{self._people_query()}</h3><figure>{chart}{self._unfinished()}</figure>"
            f"<h3>Use cases{self._use_case_query()}</h3>"
            + pages.table(
                ("use case", "department", "calls", "people", "calls a person and week"),
                rows,
                numbers=(2, 3, 4),
            )
            + self._cohorts()
        )

    def _unfinished(self) -> str:
        """A word about the last point where its week is not over."""
        last = self._use.period.last
        return "" if last.weekday() == 6 else f"<figcaption>The last week is shown up to {last}.</figcaption>"

    def _cohorts(self) -> str:
        rows = []
        for week, active in self._use.cohorts.items():
            if active[0] < 5:
                continue
            later = active[4] if len(active) > 4 else None
            shown = (
                "not yet" if later is None else _share(later, active[0]) if later >= 5 else "under 5 people"
            )
            rows.append((escape(week), f"{active[0]:,}", shown))
        if not rows:
            return ""
        table = pages.table(
            ("first call in the week of", "people", "active four weeks later"), rows, numbers=(1, 2)
        )
        return f"<h3>Do they come back?{self._people_query()}</h3>{table}"

    def _value(self) -> str:
        million = Decimal(1_000_000)
        ranges, rows = [], []
        for name in self._shown:
            one = self._quarter.values[name]
            if one.microusd is not None:
                low, central, high = (float(each / million) for each in _three(one.microusd))
                ranges.append((name, low, central, high, f"{low:,.0f} - {high:,.0f} USD"))
            rows.append(self._value_row(name, one))
        chart = charts.ranges(ranges, title="Value of time saved by department", width=860) if ranges else ""
        return (
            f"<h2>Value</h2><h3>By department{self._value_query()}</h3><figure>{chart}"
            "<figcaption>The bar is the range, the mark its centre.</figcaption></figure>"
            + pages.table(
                ("department", "hours saved", "value (USD)", "API cost (USD)", "rated", "uncertain because"),
                rows,
                numbers=(1, 2, 3, 4),
            )
            + "<p class=soft>Low: only minutes that people stated. Centre: answers without feedback "
            "saved half of "
            "the stated mean. High: they saved the mean and its 95 % error. Never more than the baseline's "
            "minutes of a task, for no more tasks than the baseline has.</p>"
        )

    def _value_row(self, name: str, one: Value) -> tuple[str, ...]:
        hours = one.minutes.times(Decimal(1) / 60)
        cost = self._whole.departments[name].total.counts["cost_microusd"]
        money = _money_range(one.microusd) if one.microusd else "not priced"
        doubts = f'<span class="doubt">{escape("; ".join(one.doubts))}</span>' if one.doubts else "-"
        return (
            escape(name), f"{hours.low:,.0f} - {hours.high:,.0f}", money, f"{cost / 1e6:,.2f}",
            f"{one.rated:,}", doubts,
        )  # fmt: skip

    def _cost(self) -> str:
        costs = self._quarter.costs
        bars = [(name, float(amount), _usd(amount)) for name, amount in costs.items()]
        budget = self._quarter.settings.budget.organization_monthly_microusd
        months = Decimal(self._use.period.length) / Decimal("30.4375")
        used = costs["Claude API, as recorded"]
        chart = charts.bars(
            [(name.partition(",")[0], value, text) for name, value, text in bars],
            title="Cost by kind",
            width=860,
        )
        return (
            f"<h2>Cost</h2><h3>What the quarter has cost so "
            f"far{self._cost_query()}</h3><figure>{chart}</figure>"
            f"<p>The API used {_usd(used)} USD of a budget of {_usd(int(budget * months))} USD for "
            f"these days. "
            "Infrastructure and Center of Excellence are planned values of the cost model, not "
            "invoices; set-up "
            f"and training ({_usd(self._quarter.cost.total(None, 'once'))} USD, once) are not in the "
            f"figure.</p>"
        )

    def _quality_and_risk(self) -> str:
        counts = self._total.counts
        reasons: dict[str, int] = {}
        for one in self._whole.departments.values():
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
        ]
        chart = charts.bars(
            [(name, float(count), f"{count:,}") for name, count in blocked], title="Blocked", width=860
        )
        return (
            f"<h2>Quality, risk and control</h2><h3>Quality{self._quality()}</h3>"
            + pages.table(("what", "share"), rows, numbers=(1,))
            + f"<h3>Requests blocked before they left the account{self._refusal_query()}</h3>"
            + (f"<figure>{chart}</figure>" if blocked else "<p>None.</p>")
            + "<p>That what was served is what was recorded, and that no record was altered, is not "
            "computed here: "
            "<code>kit audit verify</code> proves it for any period.</p>"
        )

    def _decisions(self) -> str:
        works, stop, following = self._judgements()
        levels = [
            (
                escape(one.department), str(one.level), TITLES[one.level],
                escape("; ".join(condition.says for condition in one.missing) or "-"),
            )
            for one in self._quarter.maturity
            if one.department not in self._hidden
        ]  # fmt: skip
        return (
            "<h2>What works, what to stop, what is next</h2>"
            + _list("What works", works)
            + _list("What to stop or fix", stop)
            + _list("Next quarter", following)
            + "<h3>Maturity of each department</h3>"
            + pages.table(("department", "level", "", "missing for the next level"), levels, numbers=(1,))
        )

    def _judgements(self) -> tuple[list[str], list[str], list[str]]:
        """From figures alone: each sentence names the one it rests on."""
        works, stop, following = [], [], []
        for name in self._shown:
            cell, value = self._whole.departments[name].total, self._quarter.values[name]
            cost = cell.counts["cost_microusd"]
            rated, judged = cell.counts["rated"], _judged(cell)
            enough = rated >= ENOUGH_RATED
            if enough and value.microusd and value.microusd.low > cost:
                works.append(
                    f"{name}: even the low value ({_usd(int(value.microusd.low))} USD) is above the "
                    f"cost of its "
                    f"calls ({_usd(cost)} USD)"
                )
            if judged >= ENOUGH_RATED and 2 * (_redone(cell) + _rejected(cell)) > judged:
                stop.append(
                    f"{name}: more than half of the judged answers had to be changed or were not used"
                )
            if enough and 2 * cell.counts["useful"] < rated:
                stop.append(f"{name}: less than half of the rated answers were useful")
            if not enough:
                following.append(
                    f"{name}: ask for feedback ({rated} rated answers; {ENOUGH_RATED} make a mean)"
                )
            if value.microusd is None:
                following.append(f"{name}: record a baseline, so that time has a price")
        for one in self._quarter.maturity:
            if one.department in self._shown and one.missing:
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
            "<p class=soft>Queries run in Athena, in the workgroup of the deployment; the report "
            "itself was computed "
            f"from the same rows. Prices of Claude of {claude}, of AWS of {aws}.</p>{queries}"
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
        return (
            f"FROM {_ONCE}\nWHERE copy = 1 AND {condition}\n"
            f"  AND substr(at, 1, 10) BETWEEN '{period.first}' AND '{period.last}'"
        )

    def _people_query(self) -> str:
        return self._linked(
            "active people by week and department",
            "SELECT date_trunc('week', date(substr(at, 1, 10))) AS week, department,\n"
            "       count(DISTINCT principal) AS people\n"
            f"{self._where(_BY_PEOPLE)}\n"
            "GROUP BY 1, 2 HAVING count(DISTINCT principal) >= 5 ORDER BY 1, 2",
        )  # fmt: skip

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
            "       sum(cast(json_extract_scalar(details, '$.minutes_saved') AS bigint)) AS minutes\n"
            f"{self._where(_FEEDBACK)}\nGROUP BY 1, 2\n"
            "-- baselines: kit baseline show; cost of calls: query of cost",
        )

    def _cost_query(self) -> str:
        return self._linked(
            "cost of calls; infrastructure and people: kit cost",
            "SELECT department, sum(cost_microusd) / 1e6 AS usd\n"
            f"{self._where(_PAID)}\nGROUP BY 1\n"
            f"-- infrastructure and Center of Excellence: kit cost --size {self._quarter.cost.size} --json",
        )

    def _quality(self) -> str:
        return self._linked(
            "feedback and reviews",
            "SELECT kind, json_extract_scalar(details, '$.useful') AS useful,\n"
            "       json_extract_scalar(details, '$.edited') AS edited,\n"
            "       json_extract_scalar(details, '$.rejected') AS rejected,\n"
            "       json_extract_scalar(details, '$.decision') AS decision, count(*) AS answers\n"
            f"{self._where(_JUDGED)}\nGROUP BY 1, 2, 3, 4, 5",
        )

    def _refusal_query(self) -> str:
        return self._linked(
            "blocked requests", f"SELECT reason, count(*) AS requests\n{self._where(_REFUSED)}\nGROUP BY 1"
        )

    def _doubts(self) -> list[str]:
        found: dict[str, list[str]] = {}
        for name in self._shown:
            for doubt in self._quarter.values[name].doubts:
                found.setdefault(doubt, []).append(name)
        doubts = [f"{doubt}: {', '.join(names)}" for doubt, names in found.items()]
        return [*doubts, "infrastructure and Center of Excellence are planned values, not invoices"]


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


def as_document(quarter: Quarter) -> Mapping[str, object]:
    """The main figures for machines; groups that are too small are left out."""
    groups = {name: one.total.people for name, one in quarter.use.whole.departments.items()}
    secret = hidden(groups)
    shown = total_shown(groups)
    return {
        "period": {
            "name": quarter.use.period.name,
            "first": f"{quarter.use.period.first}",
            "last": f"{quarter.use.period.last}",
        },
        "synthetic": quarter.use.synthetic,
        "people": len(quarter.use.whole.total().people) if shown else None,
        "value_microusd": [int(each) for each in _three(quarter.value)] if shown else None,
        "cost_microusd": dict(quarter.costs) if shown else None,
        "departments": {
            name: {
                "people": len(groups[name]),
                "minutes": [int(each) for each in _three(one.minutes)],
                "value_microusd": [int(each) for each in _three(one.microusd)] if one.microusd else None,
                "uncertain_because": list(one.doubts),
            }
            for name, one in quarter.values.items()
            if name not in secret
        },
    }
