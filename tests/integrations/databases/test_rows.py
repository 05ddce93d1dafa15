"""Reading another database: every row of the window once, whatever its key, its types and its neighbours."""

from __future__ import annotations

import dataclasses
import json
import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import connections
from pydantic import BaseModel

from ingestion import (
    ConfigurationError,
    Context,
    Page,
    Pipeline,
    SourceChanged,
    TenantRef,
    Transient,
    Upsert,
    Window,
    joined_key,
)
from ingestion.models import Run
from ingestion.testing import make_tenant, registered
from integrations.databases import Rows, everything
from tests.app.models import Payment
from tests.app.oracle import Entry, Posting
from tests.ingestion.runs import carry, counts, finish, load, new_tenant, over, queued, rows
from tests.integrations.databases.conftest import Legacy

pytestmark = [pytest.mark.every_database, pytest.mark.django_db(transaction=True)]

DAY = datetime(2026, 3, 1, tzinfo=UTC)
YEAR = Window(datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC))


def mine(ctx: Context) -> Mapping[str, Any]:
    return {"company": ctx.tenant.key}


def context(window: Window | None = YEAR, tenant: str = "acme", **values: Any) -> Context:
    return Context(TenantRef(1, tenant), "app.oracle", 1, DAY, window=window, **{"reserved": True, **values})


def at(legacy: Legacy, moment: datetime) -> Any:
    """As other writers of the database store it."""
    return moment if legacy.vendor == "postgresql" else moment.replace(tzinfo=None)


def orders(legacy: Legacy, *numbers: int, company: str = "acme", when: Any = None) -> None:
    if "orders" not in str(legacy.tables):
        legacy.make("orders", "id INTEGER PRIMARY KEY, company {text}, amount NUMERIC(12, 2), updated_at {time}")
    default = lambda number: DAY + timedelta(minutes=number)  # noqa: E731
    given = [(n, company, Decimal(n), None if when == "null" else at(legacy, (when or default)(n))) for n in numbers]
    legacy.insert("orders", *given)


def source(**changes: Any) -> Rows:
    return Rows(**{"using": "legacy", "of": mine, "table": "orders", "watermark": "updated_at", **changes})


class Order(BaseModel):
    id: int
    amount: Decimal


def loading(reading: Rows, **changes: Any) -> Pipeline:
    def entry(order: Order, ctx: Context) -> Entry:
        return Entry(external_id=str(order.id), amount=order.amount)

    return over([], source=reading, schema=Order, transform=entry, **changes)


def pages(reading: Rows, ctx: Context | None = None, checkpoint: Any = None) -> list[Page]:
    return list(reading.extract(ctx or context(), checkpoint))


def keys(found: Sequence[Page]) -> list[str]:
    return [one.key for page in found for one in page.records]


def values(found: Sequence[Page]) -> list[dict[str, Any]]:
    return [json.loads(one.body) for page in found for one in page.records]


def test_rows_of_the_window_are_read_oldest_change_first(legacy: Legacy) -> None:
    orders(legacy, 3, 1, 2)
    orders(legacy, 4, when=lambda n: YEAR.end)
    orders(legacy, 5, when=lambda n: YEAR.start)
    orders(legacy, 6, when=lambda n: YEAR.start - timedelta(microseconds=1))

    assert keys(pages(source())) == ["5", "1", "2", "3"]


def test_the_first_window_has_no_beginning(legacy: Legacy) -> None:
    orders(legacy, 1, when=lambda n: datetime(1901, 1, 1, tzinfo=UTC))
    first = Window(datetime(1970, 1, 1, tzinfo=UTC), YEAR.end)

    assert keys(pages(source(), context(first))) == ["1"]


def test_a_tenant_gets_its_own_rows_only(legacy: Legacy) -> None:
    orders(legacy, 1, 2)
    orders(legacy, 3, company="globex")

    assert keys(pages(source())) == ["1", "2"]
    assert keys(pages(source(), context(tenant="globex"))) == ["3"]
    assert keys(pages(source(), context(tenant="' OR 1=1 --"))) == []
    assert keys(pages(source(of=everything))) == ["1", "2", "3"]
    assert keys(pages(source(of=lambda ctx: {"company": ["globex", "x"]}))) == ["3"]
    assert keys(pages(source(of=lambda ctx: {"company": []}))) == []
    assert keys(pages(source(of=lambda ctx: {"company": None}))) == []


def test_rows_of_which_no_column_says_whose_they_are_are_shown_to_nobody(legacy: Legacy) -> None:
    orders(legacy, 1)
    reading, other = source(of=lambda ctx: {}), context(tenant="globex")

    for look in (reading.preview, reading.test, lambda ctx: list(reading.extract(ctx, None))):
        with pytest.raises(ConfigurationError, match="globex"):
            look(other)


def test_everything_is_somebody_s() -> None:
    with pytest.raises(ConfigurationError, match="Name those they belong to"):
        over([], source=source(of=everything))


def test_whose_rows_they_are_must_be_said() -> None:
    with pytest.raises(TypeError):
        Rows(using="legacy", table="orders")  # type: ignore[call-arg]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_many_rows_with_one_watermark_are_each_read_once(legacy: Legacy, size: int) -> None:
    orders(legacy, *range(1, 30), when=lambda n: DAY + timedelta(seconds=n // 10))

    found = pages(source(page_size=size))

    assert keys(found) == [str(number) for number in range(1, 30)]
    assert max(len(page.records) for page in found) <= size


@pytest.mark.parametrize("size", [1, 2, 5])
def test_reading_goes_on_after_any_page(legacy: Legacy, size: int) -> None:
    orders(legacy, *range(1, 8), when=lambda n: DAY + timedelta(microseconds=n // 3))
    every = pages(source(page_size=size))

    for number, page in enumerate(every):
        rest = pages(source(page_size=size), checkpoint=json.loads(json.dumps(page.checkpoint)))

        assert keys(rest) == keys(every[number + 1 :])


def test_microseconds_are_not_lost_between_pages(legacy: Legacy) -> None:
    orders(legacy, *range(1, 6), when=lambda n: DAY + timedelta(microseconds=6 - n))

    assert keys(pages(source(page_size=1))) == ["5", "4", "3", "2", "1"]


def test_without_a_watermark_all_rows_are_read_by_key(legacy: Legacy) -> None:
    orders(legacy, *range(1, 8))

    assert keys(pages(source(watermark="", page_size=3))) == [str(number) for number in range(1, 8)]


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


def test_rows_without_a_watermark_are_refused_or_read_every_time(legacy: Legacy) -> None:
    orders(legacy, 1, 2)
    orders(legacy, 8, 9, when="null")

    with pytest.raises(SourceChanged, match="nulls="):
        pages(source())
    read = pages(source(nulls="read", page_size=1))
    assert keys(read) == ["8", "9", "1", "2"]
    for number, page in enumerate(read):
        rest = pages(source(nulls="read", page_size=1), checkpoint=json.loads(json.dumps(page.checkpoint)))
        assert keys(rest) == keys(read[number + 1 :])


def test_another_tenants_rows_without_a_watermark_are_none_of_ours(legacy: Legacy) -> None:
    orders(legacy, 1)
    orders(legacy, 9, company="globex", when="null")

    assert keys(pages(source())) == ["1"]


def test_a_key_that_is_null_or_not_unique_is_refused(legacy: Legacy) -> None:
    legacy.make("loose", "code {text}, company {text}")
    legacy.insert("loose", ("a", "acme"), ("b", "acme"), ("b", "acme"), ("c", "acme"))
    loose = source(table="loose", key=["code"], watermark="")

    for size in (1, 2, 100):
        with pytest.raises(SourceChanged, match="same"):
            pages(dataclasses.replace(loose, page_size=size))
    legacy.say("DELETE FROM loose WHERE code = 'b'")
    legacy.insert("loose", (None, "acme"))
    with pytest.raises(SourceChanged, match="NULL"):
        pages(loose)


@pytest.mark.parametrize(
    "changes", [{"table": "nowhere"}, {"key": ["nothing"]}, {"watermark": "nothing"}, {"columns": ["nothing"]}], ids=str
)
def test_a_table_or_column_that_is_not_there_is_a_changed_source(legacy: Legacy, changes: dict[str, Any]) -> None:
    orders(legacy, 1)

    with pytest.raises(SourceChanged):
        pages(source(**changes))


@pytest.mark.parametrize(
    "changes",
    [{"table": ""}, {"sql": "SELECT 1"}, {"key": "id"}, {"key": []}, {"nulls": "ignore"}],
    ids=str,
)
def test_a_wrong_declaration_is_refused_at_once(changes: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError):
        source(**changes)


def test_an_alias_that_is_not_there_is_a_configuration_error(legacy: Legacy) -> None:
    with pytest.raises(ConfigurationError, match="no alias"):
        pages(source(using="nowhere"))


def test_the_session_cannot_write_and_leaves_the_shared_connection_alone(legacy: Legacy) -> None:
    orders(legacy, 1)
    before = set(connections)
    from integrations.databases.faults import translated
    from integrations.databases.sessions import session

    with pytest.raises((SourceChanged, Transient)), translated("legacy"), session("legacy", 5, None) as opened:
        opened.select("DELETE FROM orders", [])
    pages(source())
    orders(legacy, 2)

    assert set(connections) == before
    assert keys(pages(source())) == ["1", "2"]


def test_a_statement_that_takes_too_long_is_stopped(legacy: Legacy) -> None:
    endless = {
        "sqlite": "WITH RECURSIVE c(id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM c) SELECT id FROM c WHERE id < 0",
        "mysql": "SELECT SLEEP(30) AS id",
        "postgresql": "SELECT 1 AS id FROM pg_sleep(30)",
    }[legacy.vendor]
    began = datetime.now(UTC)

    with pytest.raises(Transient, match="too long"):
        pages(source(table="", sql=endless, watermark="", of=everything, timeout=0.5))

    assert datetime.now(UTC) - began < timedelta(seconds=10)


def test_a_database_that_does_not_answer_is_transient(legacy: Legacy) -> None:
    settings = connections.settings["legacy"]
    settings["NAME"], settings["HOST"] = "/nowhere/at/all.sqlite3", "/nowhere"
    settings["OPTIONS"] = {**settings["OPTIONS"], **({"unix_socket": "/nowhere"} if legacy.vendor == "mysql" else {})}
    del connections["legacy"]

    with pytest.raises(Transient):
        pages(source())


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


def test_a_source_whose_clock_is_off_is_told(legacy: Legacy) -> None:
    from integrations.databases.rows import _skew

    class Clock:
        def __init__(self, ahead: float) -> None:
            self.ahead = lambda: ahead

    assert _skew(Clock(5)) == []  # type: ignore[arg-type]
    assert "90 s behind" in _skew(Clock(-90))[0]  # type: ignore[arg-type]
    assert "90 s ahead" in _skew(Clock(90))[0]  # type: ignore[arg-type]
    orders(legacy, 1)
    assert [page.notes for page in pages(source())] == [[]]


def test_late_commits_and_a_slow_clock_are_covered_by_the_lag(legacy: Legacy) -> None:
    orders(legacy, 1, 2)
    pipeline = loading(source(of=lambda ctx: {"company": "acme"}), lag=timedelta(minutes=5))
    tenant = new_tenant()
    now = datetime.now(UTC)
    load(pipeline, tenant)
    orders(legacy, 3, when=lambda n: now - timedelta(minutes=4))  # committed late, or dated by a slow clock

    second = load(pipeline, tenant)

    assert (second.read, second.ok) == (1, 1)
    assert set(rows(tenant)) == {"1", "2", "3"}


def test_a_run_goes_on_from_its_checkpoint_after_a_failure(legacy: Legacy) -> None:
    orders(legacy, *range(1, 30))
    failing = iter([False, False, True])

    class Flaky(Rows):
        def extract(self, ctx: Context, checkpoint: Any) -> Any:
            for page in super().extract(ctx, checkpoint):
                if next(failing, False):
                    raise Transient("The connection broke.")
                yield page

    reading = Flaky(
        using="legacy", of=lambda ctx: {"company": "acme"}, table="orders", watermark="updated_at", page_size=7
    )
    with registered(loading(reading)) as pipeline:
        run = carry(queued(pipeline))
        assert run.state == Run.State.QUEUED
        finish(run)

    assert counts(run) == (29, 29, 0, 0)


def test_a_row_changed_while_it_is_read_is_read_again(legacy: Legacy) -> None:
    orders(legacy, *range(1, 7))
    reading = source(page_size=2).extract(context(), None)

    first = next(reading)
    legacy.say("UPDATE orders SET amount = 99, updated_at = %s WHERE id = 1", [at(legacy, DAY + timedelta(hours=1))])
    found = [first, *reading]

    assert keys(found) == ["1", "2", "3", "4", "5", "6", "1"]


def test_a_preview_and_a_test_read_for_real(legacy: Legacy) -> None:
    orders(legacy, 1, 2)

    assert keys([source().preview(context())]) == ["1", "2"]
    assert "there are rows" in source().test(context())
    assert "there are no rows" in source().test(context(tenant="nobody"))
