"""The loader's own SQL stores exactly what Django would have stored, on every database, for values made to break it."""

from __future__ import annotations

import datetime as dt
import random
import string
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection

from ingestion import Context, Ready, Record, TenantRef, Upsert
from ingestion.models import Run
from ingestion.testing import registered
from tests.app.oracle import Wide
from tests.databases import seeds
from tests.ingestion.runs import items, new_tenant, over, queued

pytestmark = [
    pytest.mark.slow,
    pytest.mark.every_database,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("committed"),
]

UPSERT = Upsert(Wide, key=["external_id"])
MODES = ["", "NO_BACKSLASH_ESCAPES", "ANSI_QUOTES", "NO_BACKSLASH_ESCAPES,ANSI_QUOTES,PIPES_AS_CONCAT"]
NASTY = [
    "", " ", "  two", "two  ", "\x1f", "\x00", "a\x00b", "\x01\x1a\x7f", "'", "''", '"', "`", "\\", "\\\\", "\\'", "\\n", "\n",
    "\r\n", "\t", "%s", "%%", "%(a)s", "{}", "{0}", "?", ":a", "$[0]", "$$", "--", "/*", "*/", ";", "NULL", "null", "\\N",
    "😀", "👩‍👩‍👧", "\U0010ffff", "\uffff", "\u2028", "\u202e", "e\u0301", "é", "ß", "İ", "中文", "\ufeff", "[]", "[1,2]", '{"a":1}',
    "\\u0000", "0", "-1", "1e5", "0x41", "true", "2024-01-01", "' OR 1=1 --", "\x0b\x0c", "\x85", "\xa0",
]  # fmt: skip
DECIMALS = ["0", "-0", "0.001", "-0.001", "1E+3", "999999999.999", "-999999999.999", "123456.789", "1.10", "1E-3"]
HUGE = [
    "0",
    "9999999999999999999999999999.9999999999",
    "-9999999999999999999999999999.9999999999",
    "0.0000000001",
    "12345.5",
]


def text(draw: random.Random, longest: int) -> str:
    if draw.random() < 0.5:
        pieces = draw.choices(NASTY, k=draw.randint(1, 4))
    else:
        pieces = draw.choices(string.printable + "éß中😀\x00\x1f\\'\"", k=draw.randint(0, 20))
    made = "".join(pieces)[:longest]
    return made.replace("\x00", "") if connection.vendor == "postgresql" else made


def maybe(draw: random.Random, make: Callable[[], Any]) -> Any:
    return None if draw.random() < 0.1 else make()


def moment(draw: random.Random) -> datetime:
    if draw.random() < 0.2:
        return draw.choice(
            [
                datetime(1000, 1, 1, tzinfo=UTC),
                datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
                datetime(1970, 1, 1, 0, 0, 0, 1, tzinfo=UTC),
                datetime(2024, 2, 29, 12, 0, tzinfo=dt.timezone(timedelta(hours=-11, minutes=-30))),
                datetime(2023, 3, 26, 2, 30, tzinfo=dt.timezone(timedelta(hours=14))),
            ]
        )
    return datetime(1990, 1, 1, tzinfo=UTC) + timedelta(microseconds=draw.randrange(2 * 10**15))


def tree(draw: random.Random, depth: int = 0) -> Any:
    leaves: list[Any] = [None, True, False, 0, -1, 2**53, 1.5, 1e-7, "", text(draw, 20).replace("\x00", "")]
    if depth > 2 or draw.random() < 0.4:
        return draw.choice(leaves)
    if draw.random() < 0.5:
        return [tree(draw, depth + 1) for _ in range(draw.randint(0, 3))]
    return {text(draw, 8).replace("\x00", ""): tree(draw, depth + 1) for _ in range(draw.randint(0, 3))}


def decimal(draw: random.Random, known: list[str], places: int, digits: int) -> Decimal:
    if draw.random() < 0.4:
        value = Decimal(draw.choice(known))
    else:
        value = Decimal(draw.randrange(-(10**digits) + 1, 10**digits)).scaleb(-places)
    short = connection.vendor == "sqlite" and len(value.as_tuple().digits) > 15
    return Decimal("1.5") if short else value


def wide(draw: random.Random, number: int) -> dict[str, Any]:
    return {
        "external_id": f"{number}-{text(draw, 40)}".rstrip() + "|",
        "line": text(draw, 60),
        "text": text(draw, 200) * draw.choice([1, 1, 1, 50]),
        "number": maybe(draw, lambda: draw.choice([0, -1, 2**31 - 1, -(2**31), draw.randrange(10**9)])),
        "big": maybe(draw, lambda: draw.choice([2**63 - 1, -(2**63), 0, draw.randrange(10**18)])),
        "small": maybe(draw, lambda: decimal(draw, DECIMALS, 3, 12)),
        "huge": maybe(draw, lambda: decimal(draw, HUGE, 10, 38)),
        "ratio": maybe(draw, lambda: draw.choice([0.0, 0.1, 1e300, 1e-300, 1 / 3, 5e-324, draw.gauss(0, 1e6)])),
        "flag": maybe(draw, lambda: draw.random() < 0.5),
        "day": maybe(draw, lambda: draw.choice([dt.date(1000, 1, 1), dt.date.max, dt.date(2024, 2, 29)])),
        "moment": maybe(draw, lambda: moment(draw)),
        "clock": maybe(draw, lambda: draw.choice([dt.time(0), dt.time(23, 59, 59, 999999), dt.time(12, 30, 0, 5)])),
        "span": maybe(draw, lambda: timedelta(days=draw.randrange(-3000, 3000), microseconds=draw.randrange(10**6))),
        "token": maybe(draw, lambda: uuid.UUID(int=draw.getrandbits(128), version=4)),
        "blob": maybe(draw, lambda: draw.randbytes(draw.choice([0, 1, 16, 300]))),
        "tree": maybe(draw, lambda: tree(draw)),
    }


@pytest.fixture(params=MODES, ids=lambda mode: mode or "usual")
def sql_mode(request: pytest.FixtureRequest) -> Iterator[str]:
    """Each of MariaDB's ways to read a quoted string; other databases have one."""
    if connection.vendor != "mysql":
        if request.param:
            pytest.skip("a mode of MariaDB")
        yield ""
        return
    with connection.cursor() as cursor:
        cursor.execute("SET SESSION sql_mode = CONCAT(@@sql_mode, ',', %s)", [request.param])
    yield request.param
    connection.close()


def test_hostile_rows_are_stored_as_django_stores_them(sql_mode: str) -> None:
    draw = random.Random(f"differential {sql_mode}")
    given = [wide(draw, number) for number in seeds(10_000, elsewhere=3_000)]
    ours, reference = stored_by_the_loader(given), stored_by_django(given)

    assert len(reference) == len(given)
    assert ours.keys() == reference.keys()
    assert differences(ours, reference) == []


def test_hostile_rows_written_over_others_leave_nothing_of_them() -> None:
    draw = random.Random("overwrite")
    before = [wide(draw, number) for number in range(1000)]
    after = [{**wide(draw, number), "external_id": before[number]["external_id"]} for number in range(1000)]

    run, ctx = a_run()
    load(ctx, before)
    load(ctx, after)

    assert differences(contents(run.tenant_id), stored_by_django(after)) == []


def differences(ours: dict[str, Any], reference: dict[str, Any]) -> list[tuple[str, Any, Any]]:
    return [
        (name, ours[key][name], row[name])
        for key, row in reference.items()
        for name in row
        if ours[key][name] != row[name]
    ]


def stored_by_the_loader(given: list[dict[str, Any]]) -> dict[str, Any]:
    run, ctx = a_run()
    for start in range(0, len(given), 1000):
        load(ctx, given[start : start + 1000])
    return contents(run.tenant_id)


def load(ctx: Context, given: list[dict[str, Any]]) -> None:
    loaded = UPSERT.load(ctx, [Ready(Record(one["external_id"], b""), Wide(**one), b"d" * 16) for one in given])
    assert [one.errors for one in loaded.rejected] == []


def stored_by_django(given: list[dict[str, Any]]) -> dict[str, Any]:
    run, _ = a_run()
    engine = {"tenant_id": run.tenant_id, "run_id": run.pk, "digest": b"d" * 16, "loaded_at": datetime.now(UTC)}
    Wide.unscoped.bulk_create([Wide(**one, **engine) for one in given], batch_size=200)
    return contents(run.tenant_id)


def contents(tenant_id: int) -> dict[str, Any]:
    names = [
        field.attname for field in Wide._meta.concrete_fields if field.name not in ("id", "tenant", "run", "loaded_at")
    ]
    return {
        row["external_id"]: {name: comparable(value) for name, value in row.items()}
        for row in Wide.objects.for_tenant(tenant_id).values(*names)
    }


def comparable(value: Any) -> Any:
    if isinstance(value, memoryview):
        return bytes(value)
    return repr(value) if isinstance(value, float) else value


def a_run() -> tuple[Run, Context]:
    tenant = new_tenant()
    with registered(over(items(0))) as pipeline:
        run = queued(pipeline, tenant)
    return run, Context(TenantRef(tenant.pk, tenant.key), "app.oracle", run.pk, now=run.created_at)
