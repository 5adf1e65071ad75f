"""What Trino would refuse or answer otherwise than DuckDB, found by Trino's grammar (sqlglot) and types."""

# sqlglot exports its expressions without saying so
# pyright: reportPrivateImportUsage=false, reportInvalidTypeForm=false, reportOptionalMemberAccess=false

from collections.abc import Iterator, Mapping

import sqlglot
from sqlglot import exp
from sqlglot.errors import OptimizeError, ParseError
from sqlglot.optimizer.annotate_types import annotate_types
from sqlglot.optimizer.qualify import qualify

_TYPES = {"string": "VARCHAR", "int": "INT", "bigint": "BIGINT", "boolean": "BOOLEAN"}
_WHOLE = exp.DataType.INTEGER_TYPES
_TEXT = exp.DataType.TEXT_TYPES
_FRACTIONS = {exp.DataType.Type.DOUBLE, exp.DataType.Type.FLOAT}
_TIMES = exp.DataType.TEMPORAL_TYPES
_COMPARED = (exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Between, exp.In)


def objections(query: str, columns: Mapping[str, str]) -> list[str]:
    """Every reason against a query over `records`, whose Glue columns are given; none where it is fine."""
    try:
        parsed = sqlglot.parse_one(query, read="trino", error_level=sqlglot.ErrorLevel.RAISE)
    except ParseError as error:
        return [f"Trino's grammar does not read it: {error}"]
    schema: dict[str, object] = {
        "records": {name: _TYPES[kind] for name, kind in columns.items()} | {"dt": "VARCHAR"}
    }
    try:
        typed = annotate_types(
            qualify(parsed.copy(), schema=schema, dialect="trino"), schema=schema, dialect="trino"
        )
    except OptimizeError as error:
        return [f"names a column that is not there: {error}"]
    return [
        *(f"unknown function {one.name}" for one in parsed.find_all(exp.Anonymous)),
        *_unfiltered(parsed),
        *_divisions(typed),
        *_comparisons(typed),
    ]


def _unfiltered(parsed: exp.Expr) -> Iterator[str]:
    """Reads of the table without a filter on its partitions, which must be a constant beside `dt`."""
    for table in parsed.find_all(exp.Table):
        if table.name != "records":
            continue
        select = table.find_ancestor(exp.Select)
        where = select.args.get("where") if select else None
        parts = where.this.flatten() if where and isinstance(where.this, exp.And) else [where and where.this]
        if not any(
            isinstance(part, (exp.GTE, exp.Between, exp.EQ, exp.In))
            and isinstance(part.this, exp.Column)
            and part.this.name == "dt"
            and not [one for one in part.find_all(exp.Column) if one is not part.this]
            for part in parts
        ):
            yield "reads records without a filter on dt"


def _divisions(typed: exp.Expr) -> Iterator[str]:
    for division in typed.find_all(exp.Div):
        left, right = _kind(division.left), _kind(division.right)
        if not {left, right} & _FRACTIONS:
            yield f"divides {left} by {right}, which cuts or rounds: {division.sql('trino')}"


def _comparisons(typed: exp.Expr) -> Iterator[str]:
    """Trino compares no text with a date or a number; DuckDB casts silently."""
    for compared in typed.find_all(*_COMPARED):
        sides = [one for one in compared.iter_expressions() if not isinstance(one, exp.Subquery)]
        families = {_family(one) for one in sides} - {"unknown"}
        if len(families) > 1:
            yield f"compares {' with '.join(sorted(families))}: {compared.sql('trino')}"


def _kind(one: exp.Expr) -> exp.DataType.Type:
    return one.unnest().type.this if one.unnest().type else exp.DataType.Type.UNKNOWN


def _family(one: exp.Expr) -> str:
    kind = _kind(one)
    if kind in _TEXT:
        return "text"
    if kind in _TIMES:
        return "time"
    return "number" if kind in _WHOLE | _FRACTIONS | {exp.DataType.Type.DECIMAL} else "unknown"
