"""What the columns and keys of another database arrive as."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from pydantic import BaseModel

from ingestion import (
    SourceChanged,
    Upsert,
    Window,
    joined_key,
)
from ingestion.testing import make_tenant
from integrations.databases import Rows, everything
from tests.app.models import Payment
from tests.app.oracle import Posting
from tests.ingestion.runs import counts, load, new_tenant, over
from tests.integrations.databases.conftest import Legacy
from tests.integrations.databases.reading import DAY, YEAR, at, context, keys, orders, pages, source, values

pytestmark = [pytest.mark.every_database, pytest.mark.django_db(transaction=True)]


def test_keys_of_several_columns_text_and_bytes(legacy: Legacy) -> None:
    legacy.make("lines", "region {text}, number INTEGER, tag {bytes}, PRIMARY KEY (region, number, tag)")
    given = [
        (region, number, tag) for region in ("", "B", "a b", "é") for number in (-1, 0, 10) for tag in (b"\0", b"\xff")
    ]
    legacy.insert("lines", *given)

    for size in (1, 4, 100):
        found = pages(
            source(table="lines", watermark="", key=["region", "number", "tag"], of=everything, page_size=size)
        )

        assert len(keys(found)) == len(set(keys(found))) == len(given)
        assert set(keys(found)) == {joined_key([a, b, c.hex()]) for a, b, c in given}


def test_a_composite_key_is_the_one_that_upsert_looks_up(legacy: Legacy) -> None:
    legacy.make("lines", "account {text}, number INTEGER, amount NUMERIC(12, 2), PRIMARY KEY (account, number)")
    legacy.insert("lines", ("a", 1, Decimal("1.50")), ("a", 2, Decimal("2.50")))

    class Line(BaseModel):
        account: str
        number: int
        amount: Decimal

    tenant = new_tenant()
    reading = source(table="lines", watermark="", key=["account", "number"], of=everything)
    pipeline = over(
        [],
        source=reading,
        tenants=[tenant.key],
        schema=Line,
        transform=lambda line, ctx: Posting(account=line.account, number=line.number, amount=line.amount),
        destination=Upsert(Posting, key=["account", "number"]),
    )

    first, second = load(pipeline, tenant), load(pipeline, tenant)

    assert (counts(first), counts(second)) == ((2, 2, 0, 0), (2, 0, 2, 0))


def test_values_arrive_exactly(legacy: Legacy) -> None:
    legacy.make(
        "wide",
        "id INTEGER PRIMARY KEY, price NUMERIC(30, 10), day DATE, moment {time}, raw {bytes}, ratio {real}, words {text}, big BIGINT, "
        "none INTEGER",
    )
    exact = Decimal("12345678901234567890.0123456789") if legacy.vendor != "sqlite" else Decimal("0.5")
    moment = DAY + timedelta(hours=5, microseconds=1)
    legacy.insert(
        "wide", (1, exact, date(2026, 2, 28), at(legacy, moment), b"\x00\xff", 0.1, "é\n\u0001😀", 2**62 + 1, None)
    )

    (row,) = values(pages(source(table="wide", watermark="", of=everything)))

    assert Decimal(row["price"]) == exact
    assert row["day"] == "2026-02-28"
    assert datetime.fromisoformat(row["moment"].replace(" ", "T")).replace(tzinfo=UTC) == moment
    assert row["raw"] == "AP8="
    assert (row["ratio"], row["words"], row["big"], row["none"]) == (0.1, "é\n\u0001😀", 2**62 + 1, None)


def test_a_number_without_end_is_refused_alone(legacy: Legacy) -> None:
    if legacy.vendor == "mysql":
        pytest.skip("MySQL stores no infinity")
    legacy.make("ratios", "id INTEGER PRIMARY KEY, ratio {real}")
    legacy.insert("ratios", (1, float("inf")), (2, 1.5))

    (page,) = pages(source(table="ratios", watermark="", of=everything))

    assert keys([page]) == ["2"]
    assert [one.record.key for one in page.refused] == ["1"]
    assert b"inf" in page.refused[0].record.body


def test_only_the_named_columns_are_read(legacy: Legacy) -> None:
    orders(legacy, 1)

    (row,) = values(pages(source(columns=["amount", "company"])))

    assert list(row) == ["amount", "company"]


def test_names_are_quoted(legacy: Legacy) -> None:
    strange = 'we"ird; DROP %s' if legacy.vendor != "mysql" else "we`ird; DROP %s"
    quoted = legacy.connection.ops.quote_name("select")
    column = '"100%"' if legacy.vendor != "mysql" else "`100%`"
    legacy.make("order", f"{quoted} INTEGER PRIMARY KEY, {column} INTEGER")
    legacy.say(f"INSERT INTO {legacy.connection.ops.quote_name('order')} VALUES (1, 2)")

    found = pages(source(table="order", key=["select"], watermark="", of=lambda ctx: {"100%": 2}))

    assert keys(found) == ["1"]
    assert values(found) == [{"select": 1, "100%": 2}]
    with pytest.raises(SourceChanged):
        pages(source(table=strange.replace('"', "").replace("`", ""), watermark=""))
    assert keys(pages(source(table="order", key=["select"], watermark="", of=everything))) == ["1"]


def test_a_select_of_the_developers_is_read_as_a_table(legacy: Legacy) -> None:
    orders(legacy, *range(1, 8))
    legacy.make("companies", "name {text}, country {text}")
    legacy.insert("companies", ("acme", "100% NL"))
    sql = """SELECT o.id, o.updated_at, o.company, c.country FROM orders o
             JOIN companies c ON c.name = o.company WHERE c.country LIKE '100%' AND o.id > 2;"""

    found = pages(source(table="", sql=sql, page_size=2))

    assert keys(found) == ["3", "4", "5", "6", "7"]
    assert values(found)[0]["country"] == "100% NL"


def test_a_queryset_is_read_with_its_fields_own_conversions(legacy: Legacy) -> None:
    tenant, other = make_tenant("acme"), make_tenant("globex")
    run = load(over([]), tenant)
    for owner in (tenant, other):
        for number in range(1, 8):
            Payment.unscoped.create(
                tenant=owner, external_id=f"p{number}", amount=Decimal("0.10") * number, currency="EUR", status="paid",
                updated_at=DAY + timedelta(seconds=number // 3), run=run, digest=b"", loaded_at=DAY,
            )  # fmt: skip
    reading = Rows(
        using="default",
        of=lambda ctx: {"tenant__key": ctx.tenant.key},
        queryset=lambda ctx: Payment.unscoped.exclude(status="draft"),
        columns=["external_id", "amount", "tenant__key", "updated_at"],
        key=["external_id"],
        watermark="updated_at",
        page_size=2,
    )

    found = pages(reading)

    assert keys(found) == [f"p{number}" for number in range(1, 8)]
    assert values(found)[2] == {
        "external_id": "p3",
        "amount": "0.30",
        "tenant__key": "acme",
        "updated_at": "2026-03-01T00:00:01Z",
    }
    assert keys(pages(reading, checkpoint=json.loads(json.dumps(found[1].checkpoint)))) == ["p5", "p6", "p7"]


def test_datetimes_of_another_zone_are_read_as_what_they_mean(legacy: Legacy) -> None:
    if legacy.vendor == "postgresql":
        legacy.make("local", "id INTEGER PRIMARY KEY, updated_at TIMESTAMP")
    else:
        legacy.make("local", "id INTEGER PRIMARY KEY, updated_at {time}")
    berlin = ZoneInfo("Europe/Berlin")
    wall = lambda hour, minute: datetime(2026, 7, 1, hour, minute, tzinfo=berlin).replace(tzinfo=None)  # noqa: E731
    legacy.insert("local", (1, wall(12, 0)), (2, wall(13, 59)), (3, wall(14, 0)))
    window = Window(datetime(2026, 7, 1, 10, 0, tzinfo=UTC), datetime(2026, 7, 1, 12, 0, tzinfo=UTC))

    found = pages(source(table="local", of=everything, zone=berlin), context(window))

    assert keys(found) == ["1", "2"]
    assert values(found)[0]["updated_at"] == "2026-07-01T10:00:00Z"


def test_a_watermark_in_seconds_is_compared_as_the_developer_says(legacy: Legacy) -> None:
    legacy.make("epoch", "id INTEGER PRIMARY KEY, changed BIGINT")
    legacy.insert("epoch", (1, 1), (2, int(DAY.timestamp())), (3, int(YEAR.end.timestamp())))

    found = pages(
        source(table="epoch", watermark="changed", of=everything, bound=lambda moment: int(moment.timestamp()))
    )

    assert keys(found) == ["2"]


def test_a_key_may_be_a_uuid(legacy: Legacy) -> None:
    kind = "UUID" if legacy.vendor == "postgresql" else "{text}"
    legacy.make("things", f"id {kind}")
    given = sorted(str(uuid.uuid4()) for _ in range(9))
    legacy.insert("things", *((one,) for one in given))

    assert keys(pages(source(table="things", watermark="", of=everything, page_size=2))) == given
