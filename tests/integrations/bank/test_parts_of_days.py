"""Files without balances that show different parts of a day: the run says so, whatever becomes of their other entries."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from itertools import permutations

import pytest

from ingestion.actions import Selection, replay
from ingestion.models import Connection, DeadLetter, Run
from ingestion.running import execute
from integrations.bank.listings import compress
from integrations.bank.models import BankStatement, BankTransaction
from tests.databases import all_on_sqlite
from tests.integrations.bank.camt_messages import entry, message
from tests.integrations.bank.test_cuttings import DAY, Booked, Cutting, alone, archived, csv, few_a_page, ofx
from tests.integrations.bank.test_cuttings_within_days import stored, true
from tests.integrations.bank.test_overlap import active, notes, put
from tests.integrations.bank.test_pipeline import ACTOR, connection

__all__ = ["few_a_page"]
pytestmark = pytest.mark.django_db(transaction=True)
RENT, TEA, BACK = Booked(DAY, -5, "Rent", ""), Booked(DAY, -1, "Tea", ""), Booked(DAY, 1, "Refund", "")
PARTS = f"show different parts of {DAY} and have no balances"
UNREAD = "could not be read"


def export(*entries: Booked) -> bytes:
    return csv(Cutting("", 0, entries, DAY, DAY))


def spoiled(data: bytes, amount: int) -> bytes:
    """With a word in the place of this amount."""
    assert f'"{amount},00"'.encode() in data
    return data.replace(f'"{amount},00"'.encode(), b'"nothing"')


def load_and_note(*files: bytes, name: str = "acme") -> list[str]:
    return [notes(put(connection(name), f"{at}.txt", data, currency="EUR")) for at, data in enumerate(files)]


def statement(*entries: Booked, pending: int | None = None) -> bytes:
    """A CAMT without balances; the entry of this amount is pending."""
    listed = [
        entry(
            f"{abs(each.amount)}.00",
            "DBIT" if each.amount < 0 else "CRDT",
            f"<Sts>{'PDNG' if each.amount == pending else 'BOOK'}</Sts>",
            f"<BookgDt><Dt>{each.day}</Dt></BookgDt>"
            f"<NtryDtls><TxDtls><RmtInf><Ustrd>{each.text}</Ustrd></RmtInf></TxDtls></NtryDtls>",
        )
        for each in entries
    ]
    return message(*listed)


def test_parts_of_a_day_are_named_beside_a_dead_letter() -> None:
    later = spoiled(export(TEA, BACK, RENT._replace(amount=-9)), -9)

    run_notes = load_and_note(export(RENT, TEA), later)

    assert PARTS in run_notes[1]
    assert f"In doubt: {DAY} -1 EUR; together -1, by which the ledger may differ" in run_notes[1]


def test_parts_of_a_day_are_named_beside_a_pending_entry() -> None:
    run_notes = load_and_note(statement(RENT, TEA), statement(TEA, BACK, RENT._replace(amount=-9), pending=-9))

    assert PARTS in run_notes[1]


def test_a_pending_entry_is_no_part_of_a_day() -> None:
    run_notes = load_and_note(statement(RENT, TEA, BACK, pending=1), statement(RENT, TEA, BACK._replace(amount=2)))

    assert "parts of" not in run_notes[1]


@pytest.mark.usefixtures("few_a_page")
@pytest.mark.parametrize("turned", [False, True])
def test_parts_of_a_day_are_named_across_the_pages_of_a_run(turned: bool) -> None:
    others = [Booked(DAY, amount, "Shop", "") for amount in (10, 20, 30, 40)]
    entries = [TEA, *others]

    run_notes = load_and_note(export(RENT, TEA), export(*(entries[::-1] if turned else entries)))

    assert PARTS in run_notes[1]


@pytest.mark.parametrize(
    ("earlier", "later", "spoil"),
    [
        ([RENT, TEA], [TEA, BACK], (None, 1)),
        ([RENT, TEA], [TEA, BACK], (-5, None)),
        ([RENT, TEA], [TEA, BACK], (-5, 1)),
    ],
    ids=["of the later one", "of the earlier one", "of both"],
)
def test_where_an_unreadable_entry_may_make_parts_of_a_day_the_run_says_that_it_is_not_checked(
    earlier: list[Booked], later: list[Booked], spoil: tuple[int | None, int | None]
) -> None:
    files = [export(*earlier), export(*later, later[-1]._replace(text="Another"))]
    files = [data if amount is None else spoiled(data, amount) for data, amount in zip(files, spoil, strict=True)]

    run_notes = load_and_note(*files)

    assert "not checked" in run_notes[1]
    assert UNREAD in run_notes[1]


def test_an_unreadable_entry_that_both_files_have_makes_no_parts_of_a_day() -> None:
    files = [spoiled(export(RENT, TEA), -5), spoiled(export(RENT, TEA, BACK), -5)]

    run_notes = load_and_note(*files)

    assert "parts of" not in run_notes[1]


def test_an_unreadable_entry_that_comes_again_mended_makes_no_parts_of_a_day() -> None:
    run_notes = load_and_note(spoiled(export(RENT, TEA), -5), export(RENT, TEA, BACK))

    assert "parts of" not in run_notes[1]


@pytest.mark.slow
@pytest.mark.parametrize("order", all_on_sqlite(permutations(range(3))), ids=str)
@pytest.mark.parametrize("carry", [alone, archived])
def test_of_three_parts_of_a_day_every_entry_in_doubt_is_named_in_whatever_order_they_come(
    order: tuple[int, ...], carry: Callable[[list[bytes]], list[bytes]]
) -> None:
    first, last = Booked(DAY, 11, "Pay", ""), Booked(DAY, 11, "Pay", "")
    files = [export(last, RENT), export(TEA, BACK), export(first)]

    run_notes = "".join(load_and_note(*carry([files[at] for at in order])))

    assert stored("acme") == true([last, RENT, TEA, BACK])
    assert f"In doubt: {DAY} 11 EUR; together 11, by which the ledger may differ" in run_notes


def test_a_day_that_grew_twice_is_no_day_in_parts() -> None:
    run_notes = load_and_note(export(RENT), export(RENT, TEA), export(RENT, TEA, BACK), export(RENT, TEA))

    assert "parts of" not in "".join(run_notes)


@pytest.mark.parametrize("ids", ["", "once", "trust"])
def test_entries_with_ids_of_the_bank_are_told_by_these_and_not_named(ids: str) -> None:
    named = [each._replace(name=f"F{at}") for at, each in enumerate([RENT, TEA, BACK])]
    files = [ofx(Cutting("", 0, entries, DAY, DAY)) for entries in (named[:2], named[1:])]

    run_notes = [notes(put(connection(), f"{at}.ofx", data, ids=ids)) for at, data in enumerate(files)]

    assert [amount for _, amount in active(connection())] == [-5, -1, 1]
    assert "parts of" not in "".join(run_notes)


def test_entries_whose_ids_are_ignored_are_told_by_nothing_and_named() -> None:
    named = [each._replace(name=f"F{at}") for at, each in enumerate([RENT, TEA, BACK])]
    files = [ofx(Cutting("", 0, entries, DAY, DAY)) for entries in (named[:2], named[1:])]

    run_notes = [notes(put(connection(), f"{at}.ofx", data, ids="ignore")) for at, data in enumerate(files)]

    assert PARTS in run_notes[1]


@pytest.mark.slow
def test_an_entry_mended_in_its_dead_letter_makes_the_parts_of_a_day_known() -> None:
    where = connection()
    load_and_note(spoiled(export(RENT, TEA), -5), export(TEA, BACK))

    run = mended(where)

    assert stored("acme") == true([RENT, TEA, BACK])
    assert BankStatement.objects.for_tenant(where.tenant).count() == 2
    assert PARTS in notes(run)


def mended(where: Connection) -> Run:
    """The run that loads the rent of the dead letter."""
    dead_letters = DeadLetter.objects.for_tenant(where.tenant)
    payload = bytes(dead_letters.get().payload)
    assert b'"amount": null' in payload
    dead_letters.update(payload=payload.replace(b'"amount": null', b'"amount": "-5.00"'))
    (run,) = replay(ACTOR, Selection(where.tenant))
    execute(run.pk)
    return run


def test_an_entry_mended_in_its_dead_letter_is_of_its_statement_however_many_of_its_head_came_since() -> None:
    where = connection()
    load_and_note(spoiled(export(RENT, TEA), -5))
    statements = BankStatement.objects.for_tenant(where.tenant)
    own, later = statements.get(), statements.get()
    later.pk, later.listing = None, compress(f"ends={DAY}:{DAY} {DAY} -1")
    copies = [copy(later) for _ in range(41)]
    for at, each in enumerate(copies):
        each.external_id = f"later-{at}"
    statements.bulk_create(copies)

    mended(where)

    rows = BankTransaction.objects.for_tenant(where.tenant)
    assert set(rows.values_list("statement_id", flat=True)) == {own.pk}


@pytest.mark.parametrize("turned", [False, True])
def test_an_entry_of_the_amount_of_another_one_is_another_part_of_the_day(turned: bool) -> None:
    files = [export(TEA, RENT._replace(text="Book"), BACK), export(TEA, RENT)]

    run_notes = load_and_note(*(files[::-1] if turned else files))

    assert PARTS in run_notes[1]
    assert f"In doubt: {DAY} -1 EUR; together -1" in run_notes[1]
