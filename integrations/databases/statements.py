"""Rows of a table or of a SELECT, by statements of our own. Names are quoted, values are always parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from integrations.databases.kinds import FLOAT, named_kinds, require_order
from integrations.databases.mysql_values import AS_DOUBLE, shortest
from integrations.databases.owners import MANY, exact, fitting, texts
from integrations.databases.reading import Cursor, Row, Span, order, rest
from integrations.databases.sessions import Session

_CURSOR = "cursor__"


@dataclass(frozen=True, slots=True)
class TableRows:
    """`relation` is a table's name, or a SELECT in parentheses."""

    session: Session
    relation: str
    columns: Sequence[str]
    of: Mapping[str, Any]
    key: Sequence[str]
    watermark: str
    exactly: Sequence[tuple[str, list[Any]]] = ()
    """Conditions beside those of `of`, for texts that the database may take for others."""
    floats: frozenset[str] = frozenset()
    """Those of `columns` that MariaDB and MySQL would give with fewer digits than they hold."""

    def page(self, span: Span, after: Cursor | None, most: int) -> Sequence[Row]:
        by = order(span, self.watermark, self.key)
        conditions = self._conditions(rest(span, self.watermark, by, after))
        if after is not None:
            conditions.append(self._beyond(by, after))
        where, parameters = _joined(conditions)
        listed = ", ".join(map(self._read, self.columns)) if self.columns else "rows_.*"
        # SQLite gives a declared column's value as Python's own type, and 12:00 and 12:00:00 would be one; with a sign
        # before it the value comes as it is stored, and goes back into the next statement unchanged.
        sign = "+" if self.session.vendor == "sqlite" else ""
        cursor = ", ".join(f"{sign}{self._column(name)} AS {_CURSOR}{index}" for index, name in enumerate(by))
        ordered = ", ".join(self._column(name) for name in by)
        statement = f"SELECT {listed}, {cursor}{self._from(where)} ORDER BY {ordered} LIMIT {int(most)}"
        names, found = self.session.select(statement, parameters)
        names = names[: len(names) - len(by)]
        read = self.session.reader(self.relation, names)
        return [Row(self._whole(read(row)), tuple(row[len(names) :])) for row in found]

    def any_null(self, span: Span, columns: Sequence[str]) -> bool:
        null = " OR ".join(f"{self._column(name)} IS NULL" for name in columns)
        where, parameters = _joined([*self._conditions(span), (f"({null})", [])])
        return bool(self.session.select(f"SELECT 1{self._from(where)} LIMIT 1", parameters)[1])

    def has_strangers(self, span: Span) -> bool:
        if not self.exactly:
            return False
        ours, parameters = _joined(self.exactly, "")
        where, parameters = _joined([*self._equals(span), (f"NOT ({ours})", parameters)])
        return bool(self.session.select(f"SELECT 1{self._from(where)} LIMIT 1", parameters)[1])

    def _from(self, where: str) -> str:
        return f" FROM {self.relation} rows_{where}"

    def _conditions(self, span: Span) -> list[tuple[str, list[Any]]]:
        return [*self._equals(span), *self.exactly]

    def _equals(self, span: Span) -> list[tuple[str, list[Any]]]:
        """Conditions for which an index serves; they take a text also for others that its collation holds for equal."""
        found = [self._equal(name, value) for name, value in self.of.items()]
        if span.name == "nulls":
            found.append((f"{self._column(self.watermark)} IS NULL", []))
        if span.low is not None:
            found.append((f"{self._column(self.watermark)} >= %s", [span.low]))
        if span.high is not None:
            found.append((f"{self._column(self.watermark)} < %s", [span.high]))
        return found

    def _equal(self, name: str, value: Any) -> tuple[str, list[Any]]:
        if value is None:
            return f"{self._column(name)} IS NULL", []
        if isinstance(value, MANY):
            places = ", ".join(["%s"] * len(value))
            return (f"{self._column(name)} IN ({places})", list(value)) if value else ("1 = 0", [])
        return f"{self._column(name)} = %s", [value]

    def _beyond(self, by: Sequence[str], after: Cursor) -> tuple[str, list[Any]]:
        """Rows after the cursor. Written out, because not every planner uses an index for (a, b) > (x, y)."""
        sql, parameters = f"{self._column(by[-1])} > %s", [after[-1]]
        for name, value in reversed(list(zip(by[:-1], after[:-1], strict=True))):
            column = self._column(name)
            sql = f"{column} >= %s AND ({column} > %s OR ({column} = %s AND ({sql})))"
            parameters = [value, value, value, *parameters]
        return f"({sql})", parameters

    def _read(self, name: str) -> str:
        column = self._column(name)
        return f"{AS_DOUBLE.format(column)} AS {quoted(self.session, name)}" if name in self.floats else column

    def _whole(self, values: Mapping[str, Any]) -> Mapping[str, Any]:
        return {**values, **{name: shortest(values[name]) for name in self.floats}} if self.floats else values

    def _column(self, name: str) -> str:
        return f"rows_.{quoted(self.session, name)}"


def table_rows(
    session: Session, relation: str, columns: Sequence[str], of: Mapping[str, Any], key: Sequence[str], watermark: str
) -> TableRows:
    """Raises ConfigurationError where no row can be `of`, or where rows cannot be read in the order of the key."""
    named = [*of, *key, *([watermark] if watermark else [])]
    loosely = TableRows(session, relation, columns, of, key, watermark)
    asked = list(map(loosely._column, named))
    if session.vendor == "mysql":  # what is read too: a FLOAT may be anywhere
        asked += list(map(loosely._column, columns)) or ["rows_.*"]
    described = named_kinds(session, f"SELECT {', '.join(asked)}{loosely._from('')} LIMIT 0", [])
    types, read = [kind for _, kind in described[: len(named)]], described[len(named) :]
    names = list(columns) or [name for name, _ in read]
    floats = frozenset(name for name, (_, kind) in zip(names, read, strict=False) if kind == FLOAT)
    require_order(named[len(of) :], types[len(of) :])
    wanted = fitting(of, types)
    exactly = []
    for name, kind in zip(wanted, types or [""] * len(wanted), strict=False):
        if words := texts(wanted[name], kind):
            exactly.append(_exactly(session, name, wanted[name], words))
    return TableRows(session, relation, names if floats else columns, wanted, key, watermark, exactly, floats)


def _exactly(session: Session, name: str, value: Any, words: Sequence[str]) -> tuple[str, list[Any]]:
    column = f"rows_.{quoted(session, name)}"
    sql, parameters = exact(session.vendor, column, words)
    others = [part for part in value if not isinstance(part, str)] if isinstance(value, MANY) else []
    if not others:
        return sql, parameters
    places = ", ".join(["%s"] * len(others))
    return f"({sql} OR {column} IN ({places}))", [*parameters, *others]


def _joined(conditions: Sequence[tuple[str, list[Any]]], before: str = " WHERE ") -> tuple[str, list[Any]]:
    if not conditions:
        return "", []
    return before + " AND ".join(sql for sql, _ in conditions), [one for _, part in conditions for one in part]


def quoted(session: Session, name: str) -> str:
    return session.quote(name).replace("%", "%%")  # a percent sign would look like a parameter's place


def relation(session: Session, table: str, sql: str) -> str:
    """What to read from: the parts of a table's name quoted, or the developer's own SELECT."""
    if table:
        return ".".join(quoted(session, part) for part in table.split("."))
    return f"({sql.strip().rstrip(';').replace('%', '%%')})"
