"""The shared page layout of statements, dashboards and the report: plain, printable HTML that loads
nothing.
"""

from collections.abc import Iterable, Sequence
from html import escape

from contract.money import usd
from kit.measurement.charging import Comparison, Statement
from lambdas.measurement.privacy import Released

STYLE = """
:root { --ink: #1b2430; --soft: #5b6775; --line: #d9dee4; --accent: #1f6f8b; --warn: #9a5b00; }
* { box-sizing: border-box; }
body { font: 15px/1.5 system-ui, "Segoe UI", "DejaVu Sans", sans-serif; color: var(--ink); margin: 0 auto;
  max-width: 60rem; padding: 2rem 1.5rem 4rem; background: #fff; }
h1 { font-size: 1.7rem; line-height: 1.2; margin: 0 0 .3rem; }
h2 { font-size: 1.2rem; margin: 2rem 0 .6rem; border-bottom: 2px solid var(--accent); padding-bottom: .2rem; }
h3 { font-size: 1rem; margin: 1rem 0 .3rem; }
p { margin: .4rem 0; } .soft, figcaption, small { color: var(--soft); font-size: .86rem; }
table { border-collapse: collapse; width: 100%; margin: .6rem 0; font-size: .9rem; }
th { text-align: left; color: var(--soft); font-weight: 600; border-bottom: 1px solid var(--line); }
tbody th { color: var(--ink); font-weight: 500; border-bottom-color: #eef1f4; }
caption { text-align: left; color: var(--soft); font-size: .86rem; } .scroll { overflow-x: auto; }
details { font-size: .9rem; } summary { cursor: pointer; color: var(--accent); min-height: 24px; }
th, td { padding: .28rem .6rem .28rem 0; vertical-align: top; } td { border-bottom: 1px solid #eef1f4; }
.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.banner { background: #fff4e0; border: 1px solid #e7b867; color: var(--warn); padding: .5rem .8rem;
  border-radius: 6px; margin: 0 0 1rem; font-weight: 600; }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(11rem, 1fr)); gap: .8rem;
  margin: 1rem 0; }
.card { border: 1px solid var(--line); border-radius: 8px; padding: .7rem .9rem; }
.card b { display: block; font-size: 1.35rem; } .card span { color: var(--soft); font-size: .84rem; }
.grid { display: grid; grid-template-columns: repeat(24, 1fr); gap: .8rem; }
.widget { border: 1px solid var(--line); border-radius: 8px; padding: .6rem .8rem; overflow: hidden; }
figure { margin: .6rem 0; } svg { max-width: 100%; height: auto; display: block; }
a { color: var(--accent); text-decoration: none; } sup a { font-size: .72rem; }
.doubt { color: var(--warn); font-size: .84rem; } pre { background: #f5f7f9; padding: .6rem;
  font-size: .78rem; white-space: pre-wrap; border-radius: 6px; margin: .3rem 0 .8rem; }
.tile { font-size: 1.6rem; } nav a { margin-right: 1rem; display: inline-block; min-height: 24px; }
.widget figcaption { display: none; } /* its heading says the same */
@media (max-width: 700px) { .grid { display: block; } .widget { margin-bottom: .8rem; }
  figure { overflow-x: auto; } figure > svg { width: 40rem; max-width: none !important; } }
@media print { body { max-width: none; padding: 0; font-size: 11pt; } h2 { break-after: avoid; }
  figure, table, .card, .widget { break-inside: avoid; } .page { break-before: page; }
  .scroll { overflow: visible; } details { display: none; }
  @page { margin: 17mm; @bottom-right { content: counter(page) " / " counter(pages); } } }
"""
MADE_UP = (
    "Demonstration: this holds made-up use written by kit demo. No figure describes a real organisation."
)


def page(title: str, body: str, *, synthetic: bool = False, wide: bool = False) -> str:
    """Return a whole page. `body` is HTML."""
    banner = f'<p class="banner">{escape(MADE_UP)}</p>' if synthetic else ""
    style = STYLE + ("body { max-width: 84rem; }" if wide else "")
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{style}</style></head><body><main>{banner}{body}</main></body></html>\n"
    )


def table(
    head: Sequence[str], rows: Iterable[Sequence[str]], *, numbers: Iterable[int] = (), caption: str = ""
) -> str:
    """Return a table in a region that scrolls on narrow pages. Cells are HTML; columns in `numbers` are
    right-aligned; the first cell of a row is its header.
    """
    right = set(numbers)

    def cells(row: Sequence[str]) -> str:
        return "".join(
            f'<th scope="row">{cell}</th>'
            if place == 0
            else f"<td{' class=n' if place in right else ''}>{cell}</td>"
            for place, cell in enumerate(row)
        )

    body = "".join(f"<tr>{cells(row)}</tr>" for row in rows)
    names = "".join(
        f'<th scope="col"{" class=n" if place in right else ""}>{escape(name) or "<span>state</span>"}</th>'
        for place, name in enumerate(head)
    )
    title = f"<caption>{escape(caption)}</caption>" if caption else ""
    label = escape(caption or ", ".join(name for name in head if name))
    return (
        f'<div class="scroll" role="region" tabindex="0" aria-label="{label}"><table>{title}'
        f"<thead><tr>{names}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def statements_page(
    organization: str,
    month: str,
    model: str,
    made: Sequence[Statement],
    disclosed: Released,
    differences: Sequence[Comparison] | None,
    *,
    synthetic: bool,
) -> str:
    """Return the statements of one month. `differences` are those from the ledger, or None if it was not
    read.
    """
    methods = {
        "per-call": "Each department pays the price of its calls.",
        "per-user-month": "Calls of people are pooled and shared by seats, one for each active person; "
        "calls of applications are paid by their department.",
        "central": "The Center of Excellence pays for all; the departments' use is shown.",
    }
    rows = [
        (
            escape(one.department), escape(one.cost_center), f"{one.calls:,}", f"{one.people:,}",
            usd(one.used_microusd), f"{one.charged_microusd / 1e6:,.6f}",
            escape(", ".join(f"{name} {percent} %" for name, percent in one.models) or "-"),
        )
        for one in made
    ]  # fmt: skip
    total = sum(one.charged_microusd for one in made)
    running = (
        ""
        if disclosed.over
        else " The month is not over: only whole days are counted, people in steps of five."
    )
    rest = (
        " What departments of fewer than five people used is not shown and not in the sum."
        if disclosed.over and disclosed.rest is None
        else " Departments of fewer than five people are one line together."
    )
    parts = [
        f"<h1>Claude: statements for {escape(month)}</h1>",
        f"<p class=soft>{escape(organization)}. Budget model: {escape(model)}. {methods[model]} "
        f"Amounts in USD; the month is that of UTC.{running}{rest}</p>",
        table(
            ("department", "cost centre", "calls", "active people", "used", "pays", "models"),
            rows,
            numbers=(2, 3, 4, 5),
            caption="What each department used and pays",
        ),
        f"<p><b>Together {total / 1e6:,.6f} USD.</b> {_agreement(differences)}</p>",
    ]
    return page(f"Claude statements {month}", "".join(parts), synthetic=synthetic)


def _agreement(differences: Sequence[Comparison] | None) -> str:
    if differences is None:
        return "The ledger was not asked."
    if not differences:
        return "The exact sum of every department agrees with the ledger."
    found = "; ".join(
        f"{escape(one.department)} {one.difference_microusd:+,} micro-dollars" for one in differences
    )
    return f'<span class="doubt">The ledger differs: {found}.</span>'
