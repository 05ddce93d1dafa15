"""Every standard field type of Django is stored as Django's own `save()` stores it, bit for bit, on every database."""

from __future__ import annotations

import random
import uuid
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection, models, transaction

from ingestion import Context, Loaded, Ready, Record, Upsert
from ingestion.models import Run
from tests.app.oracle import Assorted, Entry, Posting, Wide
from tests.ingestion.test_loading_differential import a_run, text

pytestmark = [
    pytest.mark.every_database,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("committed"),
]

UPSERT = Upsert(Assorted, key=["external_id"])
ENGINE = {"id", "tenant", "run", "loaded_at", "external_id"}
NEEDS_PILLOW_OR_IS_A_KEY = {"ImageField", "AutoField", "BigAutoField", "SmallAutoField", "CompositePrimaryKey"}
ADDRESSES = ["192.0.2.1", "255.255.255.255", "2001:db8::1", "2001:DB8:0:0::A", "::ffff:10.0.0.1", "::", "fe80::1", ""]
SPOKEN = [
    Decimal("0.10"), {"price": Decimal("12345678901234567890.5"), "in": [Decimal(1), None, "é😀\\\"'"]}, [], {}, "", 0, False,
    [1.5, 1e300, -0.0], {"\u2028": "\x7f", "a": {"decimal": 1}},
]  # fmt: skip
SENT = [
    datetime(2024, 2, 29, 12, 30, 1, 5000, tzinfo=UTC), date(1000, 1, 1), timedelta(days=-1, microseconds=7),
    uuid.UUID(int=7), Decimal("1E+3"), {"at": datetime(2024, 1, 1, tzinfo=UTC), "ids": [uuid.UUID(int=1)]}, None,
]  # fmt: skip


def assorted(draw: random.Random, number: int) -> dict[str, Any]:
    return {
        "tiny": draw.choice([None, 0, -(2**15), 2**15 - 1]),
        "count": draw.choice([None, 0, 2**31 - 1]),
        "few": draw.choice([None, 0, 2**15 - 1]),
        "many": draw.choice([None, 0, 2**63 - 1]),
        "slug": f"row-{number}",
        "email": draw.choice(["", "a@example.com", f"{number}+ü@exämple.com"]),
        "url": draw.choice(["", "https://example.com/?q=%20&x='\"\\"]),
        "file": draw.choice(["", "a/b c.pdf", "é😀.txt", text(draw, 50)]),
        "path": draw.choice(["", "/srv/a b", text(draw, 50)]),
        "address": draw.choice([None, *ADDRESSES]),
        "mapped": draw.choice([None, *ADDRESSES]),
        "four": draw.choice([None, "192.0.2.1", "0.0.0.0"]),
        "stamp": draw.choice([None, b"", b"\x00" * 16, draw.randbytes(16)]),
        "spoken": draw.choice([None, *SPOKEN]),
        "sent": draw.choice(SENT),
        "choice": draw.choice(["a", "b", ""]),
    }


def test_every_standard_field_type_is_compared_here_or_in_the_differential_test() -> None:
    standard = {
        name
        for name, one in vars(models).items()
        if isinstance(one, type) and issubclass(one, models.Field) and one.__module__.startswith("django.db.models.")
        if one.system_check_removed_details is None
    }
    compared = {type(field).__name__ for model in (Wide, Assorted) for field in model._meta.concrete_fields}

    assert (
        standard - compared - NEEDS_PILLOW_OR_IS_A_KEY - {"Field", "ForeignObject", "ManyToManyField", "OrderWrt"}
        == set()
    )


@pytest.mark.slow
def test_rows_of_every_type_are_stored_as_save_stores_them() -> None:
    draw = random.Random("assorted")
    given = [assorted(draw, number) for number in range(400)]

    ours, reference = loaded(given), saved(given)

    assert len(reference) == len(given)
    assert [pair for pair in zip(ours, reference, strict=True) if pair[0] != pair[1]] == []


@pytest.mark.parametrize("bad", ["999.1.1.1", "no address", "2001:db8::1::2", "1.2.3.4/24", "fe80::1%eth0", 5, ["::1"]])
def test_an_address_that_is_none_is_refused_on_every_database(bad: Any) -> None:
    _, ctx = a_run()
    row = {**assorted(random.Random(1), 1), "external_id": "x", "address": bad}

    (refused,) = load(ctx, [row]).rejected

    assert [error.path for error in refused.errors] == ["address"]


def test_what_an_encoder_has_no_word_for_is_the_records_own_fault() -> None:
    _, ctx = a_run()
    rows = [
        {**assorted(random.Random(n), n), "external_id": str(n), "spoken": value} for n, value in enumerate([{1j}, 1])
    ]

    loaded = load(ctx, rows)

    assert [(one.record.key, one.errors[0].path) for one in loaded.rejected] == [("0", "spoken")]
    assert [one.record.key for one in loaded.ready] == ["1"]


def loaded(given: list[dict[str, Any]]) -> list[list[Any]]:
    run, ctx = a_run()
    assert load(ctx, [{**row, **own(run, number)} for number, row in enumerate(given)]).rejected == []
    return stored(run)


def load(ctx: Context, rows: list[dict[str, Any]]) -> Loaded:
    return UPSERT.load(ctx, [Ready(Record(row["external_id"], b""), Assorted(**row), b"d" * 16) for row in rows])


def saved(given: list[dict[str, Any]]) -> list[list[Any]]:
    run, _ = a_run()
    with transaction.atomic():
        for number, row in enumerate(given):
            Assorted(**row, **own(run, number), **engine(run)).save()
    return stored(run)


def engine(run: Run) -> dict[str, Any]:
    return {"tenant_id": run.tenant_id, "run_id": run.pk, "digest": b"d" * 16, "loaded_at": datetime.now(UTC)}


def own(run: Run, number: int) -> dict[str, Any]:
    """Its key, and rows of its own tenant to point at."""
    common = engine(run)
    entry, _ = Entry.unscoped.get_or_create(tenant_id=run.tenant_id, external_id="e", defaults={**common, "amount": 1})
    posting = Posting.unscoped.create(account="a", number=number, amount=1, **common)
    return {
        "external_id": f"{number:05}",
        "entry_id": entry.pk if number % 2 else None,
        "only_id": posting.pk if number % 3 else None,
    }


def stored(run: Run) -> list[list[Any]]:
    """The rows as the driver gives them, and as Django reads them; ids of other rows as whether there is one."""
    fields = [field for field in Assorted._meta.concrete_fields if field.name not in ENGINE]
    rows = Assorted.objects.for_tenant(run.tenant_id).order_by("external_id")
    columns = ", ".join(connection.ops.quote_name(str(field.column)) for field in fields)
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {columns} FROM app_assorted WHERE tenant_id = %s ORDER BY external_id",
            [run.tenant_id],
        )
        raw = cursor.fetchall()
    read = rows.values_list(*(field.attname for field in fields))
    links = [isinstance(field, models.ForeignKey) for field in fields]
    return [
        [_plain(value is not None if link else value) for line in pair for value, link in zip(line, links, strict=True)]
        for pair in zip(raw, read, strict=True)
    ]


def _plain(value: Any) -> Any:
    return bytes(value) if isinstance(value, memoryview) else repr(value)
