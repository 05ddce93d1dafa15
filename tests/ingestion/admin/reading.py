"""How many rows a statement makes the database look at, which says more than its time and is the same on every machine."""

import json
from typing import Any

from django.db import connection


def rows_read(sql: str) -> int:
    """Executes `sql`. Counts rows and index entries that were read, sorted ones included."""
    return _by_handlers(sql) if connection.vendor == "mysql" else _by_plan(sql)


def plan(sql: str) -> str:
    """What the database would do, for people."""
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN {sql}")
        return "\n".join(" | ".join(map(str, row)) for row in cursor.fetchall())


def _by_handlers(sql: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute("FLUSH STATUS")
        cursor.execute(sql)
        cursor.fetchall()
        cursor.execute("SHOW SESSION STATUS LIKE 'Handler_read%'")
        return sum(int(value) for _, value in cursor.fetchall())


def _by_plan(sql: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {sql}")
        found = cursor.fetchone()[0]
    return _read(json.loads(found)[0]["Plan"] if isinstance(found, str) else found[0]["Plan"])


def _read(node: dict[str, Any]) -> int:
    """Of this node and those below: what scans gave and what they threw away."""
    thrown = sum(value for name, value in node.items() if name.startswith("Rows Removed by"))
    scan = "Scan" in node["Node Type"] and node["Node Type"] != "Bitmap Index Scan"  # the heap scan above it counts
    scanned = node["Actual Rows"] + thrown if scan else thrown
    return int(scanned * node["Actual Loops"]) + sum(_read(one) for one in node.get("Plans", ()))
