"""A statement that comes again with other entries: the sums stay what the balances prove, and the run says so."""

from __future__ import annotations

from decimal import Decimal
from itertools import permutations

import pytest

from ingestion.models import Connection
from integrations.bank.models import BankTransaction
from tests.databases import all_on_sqlite, some
from tests.integrations.bank.camt_messages import balance, entry, message
from tests.integrations.bank.test_continued import sta
from tests.integrations.bank.test_overlap import active, notes, put
from tests.integrations.bank.test_pipeline import connection

pytestmark = pytest.mark.django_db(transaction=True)


def mt940(*entries: str, number: str = "7/1") -> bytes:
    return sta(number, "0601 1000,00", "0603 940,00", *entries)


def camt(*entries: tuple[str, str], name: str = "J") -> bytes:
    """Without a number; entries are (day, amount)."""
    ends = balance("OPBD", "1000.00", "2026-06-01"), balance("CLBD", "940.00", "2026-06-03")
    booked = "<BookgDt><Dt>2026-{}</Dt></BookgDt>".format
    return message(*ends, *(entry(amount, "DBIT", rest=booked(day)) for day, amount in entries)).replace(
        b"<Id>1</Id>", f"<Id>{name}</Id>".encode(), 1
    )


VERSIONS = {
    "another day": [
        mt940("0602 D100,00 RENT", "0603 C40,00 REFUND"),
        mt940("0603 D100,00 RENT", "0603 C40,00 REFUND"),
    ],
    "split": [
        mt940("0602 D100,00 RENT", "0603 C40,00 REFUND"),
        mt940("0602 D60,00 RENT", "0602 D40,00 TAX", "0603 C40,00 REFUND"),
    ],
    "another day under a number spelled otherwise": [
        mt940("0602 D100,00 RENT", "0603 C40,00 REFUND"),
        mt940("0603 D100,00 RENT", "0603 C40,00 REFUND", number="00007/001"),
    ],
    "three": [
        mt940("0602 D100,00 RENT", "0603 C40,00 REFUND"),
        mt940("0603 D100,00 RENT", "0603 C40,00 REFUND"),
        mt940("0601 D90,00 RENT", "0602 D10,00 TAX", "0603 C40,00 REFUND"),
    ],
    "a CAMT without a number": [camt(("06-01", "60.00")), camt(("06-02", "60.00"))],
    "a CAMT without a number, split": [camt(("06-01", "60.00")), camt(("06-01", "50.00"), ("06-01", "10.00"))],
}


def total(where: Connection) -> Decimal:
    return sum((amount for _, amount in active(where)), Decimal())


@pytest.mark.every_database
@pytest.mark.slow
@pytest.mark.parametrize("name", all_on_sqlite(VERSIONS))
def test_versions_in_any_order_and_again_count_once_and_are_named(name: str) -> None:
    for at, order in enumerate(some(permutations(VERSIONS[name]), on_sqlite=7, elsewhere=3)):
        where = connection(f"order-{at}")
        put(where, "first.txt", order[0])

        runs = [put(where, f"{number}.txt", data) for number, data in enumerate(order[1:])]
        latest = active(where)
        for data in order:
            put(where, "again.txt", data)

        assert total(where) == -60
        assert active(where) == latest
        assert all("that only the earlier version had" in notes(run) for run in runs)


@pytest.mark.parametrize("name", all_on_sqlite(name for name in VERSIONS if "CAMT" not in name))
def test_versions_in_one_file_count_once(name: str) -> None:
    where = connection()

    put(where, "all.sta", b"".join(VERSIONS[name]))

    assert total(where) == -60


@pytest.mark.slow
def test_the_earlier_rows_stay_and_name_a_successor() -> None:
    where = connection()
    for data in VERSIONS["another day"]:
        put(where, "rent.sta", data)

    rows = BankTransaction.objects.for_tenant(where.tenant)
    earlier, later = rows.get(booked_on="2026-06-02"), rows.get(booked_on="2026-06-03", amount=-100)

    assert (earlier.withdrawn, earlier.replaced_by_id) == ("replaced", later.pk)


KEPT = {
    "another statement shows the day": (
        [sta("90/1", "0601 1050,00", "0630 940,00", "0601 D50,00 FOOD", "0602 D100,00 RENT", "0603 C40,00 REFUND")],
        VERSIONS["another day"],
    ),
    "no number": (
        [],
        [mt940("0602 D100,00 RENT", "0603 C40,00 A", number="0"), mt940("0602 D90,00 B", "0603 C30,00 C", number="0")],
    ),
    "no balance changed": (
        [],
        [sta("7/1", "0602 10,00", "0602 10,00", f"0602 D{n},00 A", f"0602 C{n},00 B") for n in (3, 4)],
    ),
}


@pytest.mark.every_database
@pytest.mark.parametrize("name", KEPT)
@pytest.mark.slow
def test_where_nothing_proves_a_version_no_row_is_withdrawn(name: str) -> None:
    before, versions = KEPT[name]
    where = connection()
    for at, data in enumerate([*before, *versions]):
        put(where, f"{at}.sta", data)

    assert not BankTransaction.objects.for_tenant(where.tenant).exclude(withdrawn="").exists()


@pytest.mark.every_database
@pytest.mark.slow
def test_another_tenants_version_withdraws_nothing() -> None:
    first, second = VERSIONS["another day"]
    put(connection("ours"), "rent.sta", first)

    put(connection("theirs"), "rent.sta", second)

    assert total(connection("ours")) == total(connection("theirs")) == -60
