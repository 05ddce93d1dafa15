"""External ids of entries: stable across files, different for twins."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.bank.identity import key_entries
from integrations.bank.statements import Account, Balance, Entry, EntryStatus, Statement

DAY = date(2024, 3, 1)


def entry(amount: str = "-3.50", day: date | None = DAY, text: str = "Coffee", bank_id: str = "") -> Entry:
    return Entry(
        position=0,
        amount=Decimal(amount),
        amount_text=amount,
        currency="EUR",
        booked_on=day,
        booked_text=str(day),
        bank_id=bank_id,
        description=text,
    )


def statement(*entries: Entry, account: str = "DE1", number: str = "") -> Statement:
    placed = tuple(replace(entry, position=at) for at, entry in enumerate(entries))
    return Statement(account=Account(account, "EUR"), entries=placed, format="csv:test", number=number)


def keys(*statements: Statement) -> list[str]:
    return [keyed.key for _, entries in key_entries(statements) for keyed in entries]


def test_ids_are_forty_hex_digits_and_never_change() -> None:
    # A changed id would load every stored entry a second time.
    assert keys(statement(entry())) == ["069950880ca298004f15fddbe7830b69d40b152e"]


def test_true_twins_in_one_file_are_two_entries() -> None:
    assert len(set(keys(statement(entry(), entry(), entry())))) == 3


def test_twins_in_two_pages_of_one_day_are_two_entries() -> None:
    assert len(set(keys(statement(entry(), number="5/1"), statement(entry(), number="5/2")))) == 2


def test_a_statement_that_the_file_repeats_keeps_its_ids() -> None:
    once, twice = statement(entry(), entry(), number="5"), statement(entry(), entry(), number="5")

    assert keys(once, twice) == keys(once) * 2


def test_pages_without_a_number_that_the_file_repeats_keep_their_ids() -> None:
    pages = [replace(statement(entry(), entry(amount)), page=page) for page, amount in [(2, "5"), (1, "7")]]

    assert keys(*pages, *pages) == keys(*pages) * 2


def test_a_page_of_the_same_place_that_lists_something_else_is_not_the_one_before() -> None:
    first, second, other = (
        replace(statement(entry(), entry(amount)), page=page) for page, amount in [(1, "5"), (2, "7"), (2, "9")]
    )

    assert keys(first, second, other) == keys(first, second) + keys(other)


def test_the_same_entry_in_two_files_is_one() -> None:
    assert keys(statement(entry(), entry("5"))) == keys(statement(entry("5"), entry()))[::-1]


@pytest.mark.parametrize("other", ["-3.5", "-3.500", "-35E-1"])
def test_amounts_that_are_equal_are_the_same(other: str) -> None:
    assert keys(statement(entry("-3.50"))) == keys(statement(entry(other)))


def test_amounts_are_told_apart_beyond_the_precision_of_the_context() -> None:
    assert keys(statement(entry("1" * 30 + "1"))) != keys(statement(entry("1" * 30 + "2")))


@pytest.mark.parametrize(
    "other",
    [
        entry("3.50"),
        entry(day=DAY + timedelta(days=1)),
        entry(day=None),
        entry(text="coffee"),
        entry(bank_id="Coffee"),
        replace(entry(), currency="USD"),
        replace(entry(), amount=None),
        replace(entry(text=""), reference="Coffee"),
        replace(entry(text=""), counterparty="Coffee"),
    ],
)
def test_anything_that_differs_makes_another_id(other: Entry) -> None:
    assert keys(statement(entry())) != keys(statement(other))


def test_accounts_are_told_apart() -> None:
    assert keys(statement(entry())) != keys(statement(entry(), account="DE2"))


def test_spacing_and_composed_accents_do_not_matter() -> None:
    assert keys(statement(entry(text="Cafe\u0301  Nord "))) == keys(statement(entry(text="Caf\u00e9 Nord")))


def test_a_bank_id_outweighs_the_texts_but_not_day_and_amount() -> None:
    first = keys(statement(entry(text="a", bank_id="77")))

    assert first == keys(statement(entry(text="b", bank_id="77")))
    assert first != keys(statement(entry("9", text="a", bank_id="77")))
    assert first != keys(statement(entry(text="a", bank_id="77", day=DAY + timedelta(days=365))))


LEDGERS = st.lists(
    st.lists(st.sampled_from([entry(), entry("5"), entry(text="Tea"), entry(bank_id="1")]), max_size=5), max_size=8
).map(lambda days: [[replace(e, booked_on=DAY + timedelta(days=n)) for e in day] for n, day in enumerate(days)])


@pytest.mark.slow
@given(LEDGERS, st.data())
def test_files_of_whole_days_converge_in_any_order_and_overlap(ledger: list[list[Entry]], data: st.DataObject) -> None:
    whole = keys(statement(*(e for day in ledger for e in day)))
    cuts = st.tuples(st.integers(0, len(ledger)), st.integers(0, len(ledger))).map(lambda pair: sorted(pair))
    spans = data.draw(
        st.permutations([*data.draw(st.lists(cuts, max_size=5)), *([n, n + 1] for n in range(len(ledger)))])
    )

    loaded: set[str] = set()
    for start, end in spans:
        days = [data.draw(st.permutations(day)) for day in ledger[start:end]]
        loaded |= set(keys(statement(*(e for day in days for e in day))))

    assert len(whole) == len(set(whole))
    assert loaded == set(whole)


def test_a_pending_lookalike_does_not_move_the_booked_ones() -> None:
    booked = entry()
    pending = replace(booked, status=EntryStatus.PENDING)

    with_pending = keys(statement(pending, booked))
    alone = keys(statement(booked))

    assert with_pending[1] == alone[0]
    assert with_pending[0] != alone[0]


@pytest.mark.parametrize("placeholder", ["NOTPROVIDED", "NONREF", "0", "000000", "--", "n/a"])
def test_a_placeholder_is_no_bank_id_and_strangers_stay_apart(placeholder: str) -> None:
    alice = keys(statement(entry(text="Alice", bank_id=placeholder)))
    bob = keys(statement(entry(text="Bob", bank_id=placeholder)))

    assert alice != bob


def test_a_tied_statement_sent_again_under_another_reference_does_not_double() -> None:
    tied = replace(
        statement(entry()), opening=Balance(Decimal(10), "EUR", None), closing=Balance(Decimal("6.5"), "EUR", None)
    )

    assert len(set(keys(tied, replace(tied, reference="again", number="9")))) == 1


HISTORY = st.lists(
    st.lists(st.sampled_from(["-3.50 Coffee", "5 Refund", "-1 Tea"]), max_size=4), min_size=1, max_size=6
)


@pytest.mark.slow
@given(HISTORY, st.booleans(), st.data())
def test_any_cutting_into_overlapping_statements_and_pages_ends_in_the_true_ledger(
    days: list[list[str]], with_ids: bool, data: st.DataObject
) -> None:
    history = _booked(days, with_ids)
    whole = set(keys(_cut(history, 0, len(days), "0")))

    loaded: set[str] = set()
    for at in range(data.draw(st.integers(1, 4))):
        file = []
        for number in range(data.draw(st.integers(1, 3))):
            start = data.draw(st.integers(0, len(days) - 1))
            end = data.draw(st.integers(start + 1, len(days)))
            name = f"{at}{number}"
            file += data.draw(
                st.sampled_from([[_cut(history, start, end, name)], _paged(history, start, end, name, data)])
            )
            file += data.draw(st.sampled_from([[], file[-1:], file]))
        loaded |= set(keys(*file))

    loaded |= set(keys(*(_cut(history, day, day + 1, f"d{day}") for day in range(len(days)))))
    assert len(whole) == sum(map(len, days))
    assert loaded == whole


def test_what_overlaps_with_an_older_statement_counts_from_no_newer_one_that_is_apart_from_it() -> None:
    booked = _booked([["3 Tea", "3 Tea", "-1 Tea", "-2 Tea"]], with_ids=False)[0]
    spans = [(2, 3), (0, 2), (0, 1), (2, 3), (0, 4)]

    read = keys(*(_tied(_sum([booked[:start]]), booked[start:end], "0") for start, end in spans))

    assert len(set(read)) == len(booked)


def _booked(days: list[list[str]], with_ids: bool) -> list[list[Entry]]:
    booked = []
    for n, lines in enumerate(days):
        parts = [line.split() for line in lines]
        day = DAY + timedelta(days=n)
        ids = [f"{n}-{at}" if with_ids else "" for at in range(len(parts))]
        booked.append([entry(part[0], day, part[1], bank_id) for part, bank_id in zip(parts, ids, strict=True)])
    return booked


def _cut(history: list[list[Entry]], start: int, end: int, number: str) -> Statement:
    """The statement of whole days from `start` to before `end`, with the balances that prove it."""
    return _tied(_sum(history[:start]), [entry for day in history[start:end] for entry in day], number)


def _paged(history: list[list[Entry]], start: int, end: int, number: str, data: st.DataObject) -> list[Statement]:
    """The same as pages that follow each other, cut anywhere."""
    entries = [entry for day in history[start:end] for entry in day]
    cut = data.draw(st.integers(0, len(entries)))
    opening = _sum(history[:start])
    first = _tied(opening, entries[:cut], f"{number}/1")
    return [first, _tied(opening + _sum([entries[:cut]]), entries[cut:], f"{number}/2")]


def _tied(opening: Decimal, entries: list[Entry], number: str) -> Statement:
    closing = opening + _sum([entries])
    balances = {"opening": Balance(opening, "EUR", None), "closing": Balance(closing, "EUR", None)}
    return replace(statement(*entries, number=number), **balances)


def _sum(days: list[list[Entry]]) -> Decimal:
    return sum((entry.amount or Decimal() for day in days for entry in day), Decimal())
