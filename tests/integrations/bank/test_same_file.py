"""A file that is read again with other settings loads nothing twice."""

from __future__ import annotations

import dataclasses
import io
import random
import zipfile
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from ingestion.core import registry
from ingestion.models import Connection, Run
from ingestion.testing import registered
from integrations.bank.models import BankTransaction
from integrations.bank.source import BankFiles
from tests.databases import all_on_sqlite
from tests.integrations.bank.test_ofx_stated_balances import file, row
from tests.integrations.bank.test_overlap import active, notes, put
from tests.integrations.bank.test_pipeline import connection

pytestmark = pytest.mark.django_db(transaction=True)

NOTICE = b"""\
:20:S
:25:DE89370400440532013000
:28C:1/1
:34F:EUR0,
:13D:2403011200+0100
:61:2403010301C1,00NTRF99
:86:F\\RS[LJNING }R
:61:2403010301C1,00NTRF99
:86:F\\RS[LJNING }R
:61:2403010301C2,00NTRF98
:86:PLAIN
:90D:0EUR0,00
:90C:3EUR4,00
-
"""
HEADER = ["Date", "Id", "Kind", "Text", "Partner", "Amount"]
ROWS = [
    "13/04/2024,x1,card,coffee,Bar,-5.00",
    "13/04/2024,x2,card,coffee,Bar,-5.00",
    "14/04/2024,x3,card,pay,Boss,10.00",
]


def export(*rows: str) -> bytes:
    return "\n".join([",".join(HEADER), *rows, ""]).encode()


def layout(name: str = "mine", dates: str = "%d/%m/%Y", **columns: Any) -> dict[str, Any]:
    plain = {"booked": "Date", "amount": "Amount", "description": ["Text"]}
    return {
        "name": name,
        "bank": "Mine",
        "delimiter": ",",
        "header": HEADER,
        "date_formats": [dates],
        "decimal": ".",
        "thousands": ",",
        "currency": "EUR",
        "columns": {**plain, **columns},
    }


OTHER_LAYOUTS = {
    "a counterparty": layout(counterparty=["Partner"]),
    "the bank's id": layout(bank_id="Id"),
    "a reference": layout(reference="Id"),
    "a second description column": layout(description=["Text", "Partner"]),
    "another name": layout("yours", counterparty=["Partner"]),
}


def read(where: Connection, data: bytes, as_layout: dict[str, Any], name: str = "export.csv") -> Run:
    return put(where, name, data, account="77", layout=as_layout)


def zipped(**files: bytes) -> bytes:
    kept = io.BytesIO()
    with zipfile.ZipFile(kept, "w") as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name), data)
    return kept.getvalue()


@pytest.mark.parametrize("pack", [bytes, lambda data: zipped(**{"a.sta": data})], ids=["file", "zip"])
@pytest.mark.slow
def test_notices_read_again_in_the_charset_that_their_note_asks_for_keep_their_rows(pack: Any) -> None:
    where, data = connection(), pack(NOTICE)
    put(where, "notice.sta", data, post_notices=True)

    run = put(where, "notice.sta", data, post_notices=True, charset="iso646-se")

    assert [amount for _, amount in active(where)] == [1, 1, 2]
    texts = BankTransaction.objects.for_tenant(where.tenant).active().values_list("description", flat=True)
    assert Counter(texts) == {"FÖRSÄLJNING åR": 2, "PLAIN": 1}
    assert "2 entries of this file, which was read before, came with other texts" in notes(run)


@pytest.mark.every_database
@pytest.mark.parametrize("other", OTHER_LAYOUTS.values(), ids=list(OTHER_LAYOUTS))
@pytest.mark.slow
def test_an_export_read_again_with_another_layout_keeps_its_rows_and_takes_the_new_texts(other: dict[str, Any]) -> None:
    where = connection()
    read(where, export(*ROWS), layout())

    run = read(where, export(*ROWS), other)
    read(where, export(*ROWS), layout())
    read(where, export(*ROWS), other)

    assert [amount for _, amount in active(where)] == [-5, -5, 10]
    assert (run.ok, run.dead) == (3, 0)


@pytest.mark.slow
def test_the_next_export_overlaps_with_what_was_read_again() -> None:
    where, other = connection(), OTHER_LAYOUTS["a counterparty"]
    read(where, export(*ROWS), layout())
    read(where, export(*ROWS), other)

    read(where, export(*ROWS, "15/04/2024,x4,card,tea,Bar,-2.00"), other)

    assert [amount for _, amount in active(where)] == [-5, -5, 10, -2]


@pytest.mark.slow
def test_entries_that_another_export_delivered_since_are_found_by_day_and_amount() -> None:
    where, other = connection(), OTHER_LAYOUTS["a counterparty"]
    first, second = export(*ROWS), export(*ROWS[2:], "15/04/2024,x4,card,tea,Bar,-2.00")
    read(where, first, layout())
    read(where, second, layout(), "second.csv")

    read(where, first, other)
    read(where, second, other, "second.csv")

    assert [amount for _, amount in active(where)] == [-5, -5, 10, -2]
    assert set(BankTransaction.objects.for_tenant(where.tenant).active().values_list("counterparty", flat=True)) == {
        "Bar",
        "Boss",
    }


@pytest.mark.slow
def test_where_nothing_tells_which_row_an_entry_is_none_is_added_and_the_run_says_so() -> None:
    where, other = connection(), OTHER_LAYOUTS["a counterparty"]
    first, second = export(ROWS[0]), export(ROWS[0], ROWS[0].replace("coffee", "cake"))
    read(where, first, layout())
    read(where, second, layout(), "second.csv")

    run = read(where, first, other)

    assert [amount for _, amount in active(where)] == [-5, -5]
    assert "Nothing tells which are which" in notes(run)


@pytest.mark.slow
def test_an_entry_that_other_settings_read_as_of_another_day_is_another_entry() -> None:
    where, row = connection(), "03/04/2024,x1,card,coffee,Bar,-5.00"
    read(where, export("04/03/2024,x9,card,lunch,Bar,-5.00"), layout(), "second.csv")
    read(where, export(row), layout())

    read(where, export(row), layout(dates="%m/%d/%Y"))

    assert [day for day, _ in active(where)] == ["2024-03-04", "2024-03-04", "2024-04-03"]


@pytest.mark.slow
def test_notices_that_were_not_posted_before_are_no_entries_of_other_files() -> None:
    where = connection()
    put(where, "other.sta", NOTICE.replace(b":28C:1/1", b":28C:9/1").replace(b"PLAIN", b"OTHER"), post_notices=True)
    put(where, "notice.sta", NOTICE)

    put(where, "notice.sta", NOTICE, post_notices=True, charset="iso646-se")

    assert sum(amount for _, amount in active(where)) == 8


@pytest.mark.slow
def test_another_file_of_the_same_days_and_amounts_is_not_taken_for_the_same() -> None:
    where = connection()
    read(where, export(ROWS[0]), layout())

    read(where, export(ROWS[0].replace("coffee", "cake")), layout(), "other.csv")

    assert [amount for _, amount in active(where)] == [-5, -5]


@pytest.mark.every_database
@pytest.mark.slow
def test_the_same_bytes_of_another_connection_or_account_are_not_taken_for_the_same() -> None:
    where, elsewhere = connection(), connection("globex")
    read(where, export(*ROWS), layout())

    read(elsewhere, export(*ROWS), OTHER_LAYOUTS["a counterparty"])
    put(where, "export.csv", export(*ROWS), account="88", layout=layout())

    assert len(active(where)) == 6
    assert len(active(elsewhere)) == 3


@pytest.mark.every_database
@pytest.mark.slow
@pytest.mark.parametrize("seed", all_on_sqlite(range(4)))
def test_whatever_settings_a_file_is_read_with_its_entries_count_once(seed: int) -> None:
    chance, where = random.Random(seed), connection()
    rows = [
        f"{chance.randint(1, 3):02}/04/2024,x{at},card,{chance.choice('ab')},{chance.choice('cd')},{chance.choice([-5, 7])}.00"
        for at in range(6)
    ]
    settings = [layout(), *OTHER_LAYOUTS.values()]

    for other in chance.choices(settings, k=3):
        read(where, export(*rows), other)

    assert sorted(amount for _, amount in active(where)) == sorted(Decimal(row.split(",")[-1]) for row in rows)


LEFT_OUT_FIRST = {
    "ofx": (
        file(row(1, "-5.00", "Coffee", "1"), row(2, "100.00", "Saldo")),
        file(row(2, "100.00", "Deposit", "9"), row(3, "-1.00", "Tea", "10")),
    ),
    "qif": (
        b"!Type:Bank\nD2026-06-02\nT100.00\nPOpening Balance\nL[Main]\n^\nD2026-06-03\nT-5.00\nPCoffee\n^\n",
        b"!Type:Bank\nD2026-06-02\nT100.00\nPDeposit\n^\nD2026-06-04\nT-1.00\nPTea\n^\n",
    ),
}


@pytest.mark.parametrize("form", LEFT_OUT_FIRST)
@pytest.mark.slow
def test_a_balance_that_was_left_out_before_is_no_entry_of_another_file(form: str) -> None:
    where = connection()
    first, second = LEFT_OUT_FIRST[form]
    put(where, f"a.{form}", first, account="1", currency="EUR", balance_rows="leave out")
    put(where, f"b.{form}", second, account="1", currency="EUR")

    put(where, f"a.{form}", first, account="1", currency="EUR", balance_rows="post")

    assert sorted(amount for _, amount in active(where)) == [-5, -1, 100, 100]


FEE, TEA = "15/04/2024,x9,card,fee,Bank,-2.00", "15/04/2024,x5,card,tea,Bar,-2.00"
WITHOUT_FEES = {**layout(), "footers": [r"\bfee\b"]}


@pytest.mark.slow
def test_a_row_that_a_layout_took_for_a_footer_before_is_no_entry_of_another_file() -> None:
    where = connection()
    read(where, export(*ROWS, FEE), WITHOUT_FEES)
    read(where, export(TEA), layout(), "second.csv")

    read(where, export(*ROWS, FEE), layout())

    assert [amount for _, amount in active(where)] == [-5, -5, 10, -2, -2]


@pytest.mark.slow
def test_where_more_entries_look_for_rows_than_were_read_before_none_is_added_and_the_run_says_so() -> None:
    where = connection()
    read(where, export(ROWS[0], FEE), WITHOUT_FEES)
    read(where, export(ROWS[0], TEA), layout(), "second.csv")

    run = read(where, export(ROWS[0], FEE), OTHER_LAYOUTS["a counterparty"])

    assert [amount for _, amount in active(where)] == [-5, -2]
    assert "Nothing tells which are which" in notes(run)


@pytest.fixture
def two_a_page() -> Iterator[None]:
    pipeline = registry.get("bank.statements")
    with registered(dataclasses.replace(pipeline, source=BankFiles(page_size=2))):
        yield


@pytest.mark.usefixtures("two_a_page")
@pytest.mark.slow
def test_entries_of_later_pages_in_other_files_do_not_make_another_entry_of_what_settings_left_out() -> None:
    where, cake = connection(), ROWS[1].replace("coffee", "cake")
    rows = [ROWS[0], FEE, cake, ROWS[2]]
    read(where, export(*rows), WITHOUT_FEES)
    read(where, export(cake, ROWS[2], TEA), layout(), "second.csv")

    run = read(where, export(*rows), layout())

    assert [amount for _, amount in active(where)] == [-5, -5, 10, -2]
    assert "1 entry of this file, which was read before" in notes(run)
    assert "Nothing tells which are which" in notes(run)
    texts = BankTransaction.objects.for_tenant(where.tenant).filter(amount=-2).values_list("description", flat=True)
    assert list(texts) == ["tea"]
