"""Statements that overlap, come again or correct each other, through the whole engine."""

from __future__ import annotations

import io
import zipfile
from decimal import Decimal
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from ingestion import TenantScopeError
from ingestion.actions import Actor, upload
from ingestion.models import Connection, Run
from ingestion.running import execute
from integrations.bank.models import BankAccount, BankCorrection, BankLookAlike, BankTransaction
from tests.databases import all_on_sqlite, some
from tests.integrations.bank.test_pipeline import connection, load

pytestmark = pytest.mark.django_db(transaction=True)
SAMPLES = Path(__file__).parent / "samples" / "overlap"


def sample(name: str) -> bytes:
    return (SAMPLES / name).read_bytes()


def put(where: Connection, name: str, data: bytes, **config: Any) -> Run:
    """Like `load`, also where the same bytes were loaded before."""
    received = upload(Actor(), where, name, data, config=config, again=True)
    execute(received.run.pk)
    return Run.objects.for_tenant(where.tenant).get(pk=received.run.pk)


def active(where: Connection) -> list[tuple[str, Decimal]]:
    rows = BankTransaction.objects.for_tenant(where.tenant).active().order_by("booked_on", "amount", "pk")
    return [(row.booked_on.isoformat(), row.amount) for row in rows]


def notes(run: Run) -> str:
    return "\n".join(run.events.filter(name="note").values_list("text", flat=True))


def test_statements_inside_one_file_overlap_as_files_do() -> None:
    where = connection()

    load(where, "02.qfx", sample("02_collated_overlap.qfx"))

    assert active(where) == [
        ("2026-06-02", Decimal(-10)),
        ("2026-06-20", Decimal("-25.5")),
        ("2026-07-05", Decimal(-7)),
    ]


def test_a_statement_sent_again_in_its_file_with_one_word_corrected_keeps_its_rows() -> None:
    where = connection()

    run = load(where, "again.sta", sample("mt940_same_statement_twice_one_word_corrected.sta"))

    assert active(where) == [("2025-01-02", Decimal(-100)), ("2025-01-03", Decimal(40))]
    texts = BankTransaction.objects.for_tenant(where.tenant).values_list("description", flat=True)
    assert set(texts) == {"Rent Jan. 2025", "Refund"}
    assert "1 entry came again in the same statement with other texts or ids" in notes(run)


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
@pytest.mark.slow
def test_a_statement_sent_again_in_another_file_with_one_word_corrected_keeps_its_rows(order: tuple[int, int]) -> None:
    where = connection()
    text = sample("mt940_same_statement_twice_one_word_corrected.sta").decode()
    parts = [part + "\n-\n" for part in text.split("\n-\n") if part.strip()]

    for at in (*order, *order):
        put(where, f"{at}.sta", parts[at].encode())

    assert active(where) == [("2025-01-02", Decimal(-100)), ("2025-01-03", Decimal(40))]


@pytest.mark.parametrize("first", ["a", "b"])
def test_entries_without_a_booking_date_are_known_by_the_day_that_is_stored(first: str) -> None:
    where = connection()
    files = {"a": sample("33a_no_bookgdt_june.xml"), "b": sample("33b_no_bookgdt_july.xml")}

    for name in sorted(files, reverse=first == "b"):
        load(where, f"{name}.xml", files[name])

    assert active(where) == [("2026-06-01", Decimal(-750)), ("2026-07-01", Decimal(-750))]


@pytest.mark.every_database
@pytest.mark.slow
@pytest.mark.parametrize("order", all_on_sqlite(["ab", "ba", "aba", "bab", "abba", "baab"]))
def test_a_replaced_entry_never_counts_whatever_arrives_first_or_again(order: str) -> None:
    where = connection()
    files = {"a": sample("04a_first.ofx"), "b": sample("04b_replace.ofx")}

    for at, name in enumerate(order):
        put(where, f"{at}{name}.ofx", files[name])

    assert active(where) == [("2026-06-06", Decimal(-50))]
    old = BankTransaction.objects.for_tenant(where.tenant).get(bank_id="C1")
    assert (old.amount, old.withdrawn) == (Decimal(-500), "replaced")
    assert old.replaced_by is not None
    assert old.replaced_by.bank_id == "C2"


@pytest.mark.every_database
@pytest.mark.slow
@pytest.mark.parametrize("order", all_on_sqlite(["ab", "ba", "aba", "bab"]))
def test_a_deleted_entry_never_counts_and_its_deletion_is_no_entry(order: str) -> None:
    where = connection()
    files = {"a": sample("04a_first.ofx"), "b": sample("04b_replace.ofx").replace(b"REPLACE", b"DELETE")}

    for at, name in enumerate(order):
        put(where, f"{at}{name}.ofx", files[name])

    assert active(where) == []
    states = BankTransaction.objects.for_tenant(where.tenant).values_list("bank_id", "withdrawn").order_by("bank_id")
    assert list(states) == [("C1", "deleted"), ("C2", "deletion")]


def test_a_correction_and_its_entry_in_one_file_leave_one() -> None:
    where = connection()
    both = sample("04a_first.ofx").replace(
        b"</BANKTRANLIST>",
        b"<STMTTRN><TRNTYPE>DEBIT<DTPOSTED>20260606<TRNAMT>-50.00<FITID>C2<CORRECTFITID>C1"
        b"<CORRECTACTION>REPLACE<NAME>CHECK 12</STMTTRN></BANKTRANLIST>",
    )

    run = load(where, "both.ofx", both)

    assert active(where) == [("2026-06-06", Decimal(-50))]
    assert "corrected by the bank and no longer count" in notes(run)


@pytest.mark.every_database
@pytest.mark.slow
def test_a_correction_withdraws_nothing_of_another_tenant_or_account() -> None:
    ours, theirs = connection("ours"), connection("theirs")
    load(theirs, "a.ofx", sample("04a_first.ofx"))
    load(ours, "other.ofx", sample("04a_first.ofx").replace(b"5550004", b"5550999"))

    load(ours, "b.ofx", sample("04b_replace.ofx"))
    load(ours, "a.ofx", sample("04a_first.ofx"))

    assert active(theirs) == [("2026-06-05", Decimal(-500))]
    assert active(ours) == [("2026-06-05", Decimal(-500)), ("2026-06-06", Decimal(-50))]
    assert BankCorrection.objects.for_tenant(theirs.tenant).count() == 0


def test_an_iban_is_one_account_however_it_is_written() -> None:
    where = connection()
    lower = sample("mt940_iban_lower_case.sta")
    upper = lower.replace(b"de02", b"DE02")

    load(where, "lower.sta", lower)
    load(where, "upper.sta", upper)

    assert len(active(where)) == 1
    assert BankAccount.objects.for_tenant(where.tenant).get().identifier == "DE02100100100006820101"


def page(number: str, opening: str, closing: str, *entries: str, day: str = "260105") -> bytes:
    """A page of one statement; entries are (mark, amount, text) joined by spaces."""
    lines = [":20:R", ":25:NL91ABNA0417164300", f":28C:{number}", f":60M:C260105EUR{opening}"]
    for entry in entries:
        mark, amount, text = entry.split(" ", 2)
        lines += [f":61:{day}{day[2:]}{mark}{amount}NTRFNONREF", f":86:{text}"]
    return "\r\n".join([*lines, f":62M:C260105EUR{closing}", "-", ""]).encode()


PAGES = [
    page("7/1", "100,00", "94,00", "D 3,00 Coffee", "D 3,00 Coffee"),
    page("7/2", "94,00", "91,00", "D 3,00 Coffee"),
    page("7/3", "91,00", "90,00", "D 3,00 Coffee", "C 2,00 Refund"),
]


@pytest.mark.slow
def test_pages_that_follow_each_other_keep_their_twins_in_one_file_and_in_an_archive() -> None:
    together, archived = connection("together"), connection("archived")
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as packed:
        for at, data in enumerate(PAGES):
            packed.writestr(f"{at}.sta", data)

    load(together, "pages.sta", b"".join(PAGES))
    load(archived, "pages.zip", archive.getvalue())
    put(together, "twice.sta", b"".join([*PAGES, *PAGES]))

    for where in (together, archived):
        assert active(where) == [("2026-01-05", Decimal(-3))] * 4 + [("2026-01-05", Decimal(2))]


@pytest.mark.every_database
@pytest.mark.slow
def test_pages_in_files_of_their_own_keep_their_twins_in_every_order_and_again() -> None:
    for at, order in enumerate(some(permutations(PAGES), on_sqlite=6)):
        where = connection(f"order-{at}")

        for number, data in enumerate((*order, *order)):
            put(where, f"{number}.sta", data)

        assert active(where) == [("2026-01-05", Decimal(-3))] * 4 + [("2026-01-05", Decimal(2))]


@pytest.mark.slow
def test_another_format_of_the_same_account_is_named() -> None:
    where = connection()
    load(where, "a.sta", page("7/1", "100,00", "94,00", "D 3,00 Coffee", "D 3,00 Tea"))
    ofx = sample("47a_unstable_ids.ofx").replace(b"<ACCTID>5550147", b"<ACCTID>NL91ABNA0417164300")
    ofx = ofx.replace(b"USD", b"EUR").replace(b"20260603", b"20260105").replace(b"-45.10", b"-3.00")

    run = load(where, "b.ofx", ofx)

    assert "1 entry resembles a stored one, with a day and amount that are stored from another format" in notes(run)


@pytest.mark.every_database
def test_look_alikes_and_corrections_refuse_to_be_asked_without_a_tenant() -> None:
    for model in (BankLookAlike, BankCorrection):
        with pytest.raises(TenantScopeError):
            model.objects.count()


@pytest.mark.every_database
@pytest.mark.slow
def test_look_alikes_are_of_the_tenants_own_rows() -> None:
    ours, theirs = connection("ours"), connection("theirs")
    load(theirs, "a.ofx", sample("47a_unstable_ids.ofx"))

    run = load(ours, "b.ofx", sample("47b_unstable_ids.ofx"))

    assert "resemble" not in notes(run)
    assert BankLookAlike.unscoped.count() == 0
