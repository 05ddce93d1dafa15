"""Reads rows of a table or of a SELECT by generated statements. Names are quoted, values are always parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from integrations.databases.kinds import FLOAT, named_kinds, require_order
from integrations.databases.mysql_values import AS_DOUBLE, shortest_float
from integrations.databases.owners import MANY, exact_condition, exact_texts, fit_values
from integrations.databases.reading import Cursor, CursorRow, RowSpan, order_columns, remaining_span
from integrations.databases.sessions import DatabaseSession

_CURSOR = "cursor__"


@dataclass(frozen=True, slots=True)
class TableRows:
    """A reader of the rows of `relation`: a table's quoted name, or a SELECT in parentheses."""

    session: DatabaseSession
    relation: str
    columns: Sequence[str]
    of: Mapping[str, Any]
    key: Sequence[str]
    watermark: str
    exact_conditions: Sequence[tuple[str, list[Any]]] = ()
    """Further conditions for texts in `of`, which a collation may take for equal to other texts."""
    floats: frozenset[str] = frozenset()
    """The columns that MariaDB and MySQL would send with fewer digits than they hold."""

    def page(self, span: RowSpan, after: Cursor | None, most: int) -> Sequence[CursorRow]:
        by = order_columns(span, self.watermark, self.key)
        conditions = self._conditions(remaining_span(span, self.watermark, by, after))
        if after is not None:
            conditions.append(self._after_cursor(by, after))
        where, parameters = _join_conditions(conditions)
        selected = ", ".join(map(self._select_item, self.columns)) if self.columns else "rows_.*"
        # SQLite converts a declared column's value to a Python type, so that 12:00 and 12:00:00 would be equal. With a
        # sign before it the value comes as it is stored, and goes back into the next statement unchanged.
        sign = "+" if self.session.vendor == "sqlite" else ""
        cursor = ", ".join(f"{sign}{self._column(name)} AS {_CURSOR}{index}" for index, name in enumerate(by))
        ordered = ", ".join(self._column(name) for name in by)
        statement = f"SELECT {selected}, {cursor}{self._from(where)} ORDER BY {ordered} LIMIT {int(most)}"
        names, fetched = self.session.select(statement, parameters)
        names = names[: len(names) - len(by)]
        read = self.session.reader(self.relation, names)
        rows = []
        for row in fetched:
            values = read(row)
            shortest = {name: shortest_float(values[name]) for name in self.floats}
            rows.append(CursorRow({**values, **shortest} if shortest else values, tuple(row[len(names) :])))
        return rows

    def any_null(self, span: RowSpan, columns: Sequence[str]) -> bool:
        null = " OR ".join(f"{self._column(name)} IS NULL" for name in columns)
        where, parameters = _join_conditions([*self._conditions(span), (f"({null})", [])])
        return bool(self.session.select(f"SELECT 1{self._from(where)} LIMIT 1", parameters)[1])

    def has_similar_rows(self, span: RowSpan) -> bool:
        if not self.exact_conditions:
            return False
        exact, parameters = _join_conditions(self.exact_conditions, "")
        where, parameters = _join_conditions([*self._indexed_conditions(span), (f"NOT ({exact})", parameters)])
        return bool(self.session.select(f"SELECT 1{self._from(where)} LIMIT 1", parameters)[1])

    def _from(self, where: str) -> str:
        return f" FROM {self.relation} rows_{where}"

    def _conditions(self, span: RowSpan) -> list[tuple[str, list[Any]]]:
        return [*self._indexed_conditions(span), *self.exact_conditions]

    def _indexed_conditions(self, span: RowSpan) -> list[tuple[str, list[Any]]]:
        """Conditions that an index can serve; they also match texts that the column's collation takes for equal."""
        conditions = [self._equal(name, value) for name, value in self.of.items()]
        if span.name == "nulls":
            conditions.append((f"{self._column(self.watermark)} IS NULL", []))
        if span.low is not None:
            conditions.append((f"{self._column(self.watermark)} >= %s", [span.low]))
        if span.high is not None:
            conditions.append((f"{self._column(self.watermark)} < %s", [span.high]))
        return conditions

    def _equal(self, name: str, value: Any) -> tuple[str, list[Any]]:
        if value is None:
            return f"{self._column(name)} IS NULL", []
        if isinstance(value, MANY):
            places = ", ".join(["%s"] * len(value))
            return (f"{self._column(name)} IN ({places})", list(value)) if value else ("1 = 0", [])
        return f"{self._column(name)} = %s", [value]

    def _after_cursor(self, by: Sequence[str], after: Cursor) -> tuple[str, list[Any]]:
        """The condition of rows after the cursor, spelt out: not every planner uses an index for (a, b) > (x, y)."""
        sql, parameters = f"{self._column(by[-1])} > %s", [after[-1]]
        for name, value in reversed(list(zip(by[:-1], after[:-1], strict=True))):
            column = self._column(name)
            sql = f"{column} >= %s AND ({column} > %s OR ({column} = %s AND ({sql})))"
            parameters = [value, value, value, *parameters]
        return f"({sql})", parameters

    def _select_item(self, name: str) -> str:
        column = self._column(name)
        return f"{AS_DOUBLE.format(column)} AS {quote_name(self.session, name)}" if name in self.floats else column

    def _column(self, name: str) -> str:
        return f"rows_.{quote_name(self.session, name)}"


def table_rows(
    session: DatabaseSession,
    relation: str,
    columns: Sequence[str],
    of: Mapping[str, Any],
    key: Sequence[str],
    watermark: str,
) -> TableRows:
    """A reader of the tenant's rows.

    Raises ConfigurationError where a column of `of` cannot hold its value, or where rows cannot be read in the order of
    the key.
    """
    compared = [*of, *key, *([watermark] if watermark else [])]
    untyped = TableRows(session, relation, columns, of, key, watermark)
    selected = list(map(untyped._column, compared))
    if session.vendor == "mysql":  # the columns to read too, because any of them may be a FLOAT
        selected += list(map(untyped._column, columns)) or ["rows_.*"]
    described = named_kinds(session, f"SELECT {', '.join(selected)}{untyped._from('')} LIMIT 0", [])
    types, read_columns = [kind for _, kind in described[: len(compared)]], described[len(compared) :]
    names = list(columns) or [name for name, _ in read_columns]
    floats = frozenset(name for name, (_, kind) in zip(names, read_columns, strict=False) if kind == FLOAT)
    require_order(compared[len(of) :], types[len(of) :])
    values = fit_values(of, types)
    conditions = []
    for name, kind in zip(values, types or [""] * len(values), strict=False):
        if texts := exact_texts(values[name], kind):
            conditions.append(_exact_or_other(session, name, values[name], texts))
    return TableRows(session, relation, names if floats else columns, values, key, watermark, conditions, floats)


def _exact_or_other(session: DatabaseSession, name: str, value: Any, texts: Sequence[str]) -> tuple[str, list[Any]]:
    """The condition that the column is exactly one of `texts`, or one of the values in `value` that are no texts."""
    column = f"rows_.{quote_name(session, name)}"
    sql, parameters = exact_condition(session.vendor, column, texts)
    non_texts = [part for part in value if not isinstance(part, str)] if isinstance(value, MANY) else []
    if not non_texts:
        return sql, parameters
    places = ", ".join(["%s"] * len(non_texts))
    return f"({sql} OR {column} IN ({places}))", [*parameters, *non_texts]


def _join_conditions(conditions: Sequence[tuple[str, list[Any]]], before: str = " WHERE ") -> tuple[str, list[Any]]:
    if not conditions:
        return "", []
    parameters = [value for _, values in conditions for value in values]
    return before + " AND ".join(sql for sql, _ in conditions), parameters


def quote_name(session: DatabaseSession, name: str) -> str:
    return session.quote(name).replace("%", "%%")  # a percent sign would begin a placeholder


def relation_sql(session: DatabaseSession, table: str, sql: str) -> str:
    """The relation after FROM: the table's name with its parts quoted, or the developer's SELECT in parentheses."""
    if table:
        return ".".join(quote_name(session, part) for part in table.split("."))
    return f"({sql.strip().rstrip(';').replace('%', '%%')})"
