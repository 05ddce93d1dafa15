"""Statements that are cut within a day, cut into pages, or lead back to the balance they began with.

Their balances, numbers or pages tell every entry from its twins, so each history must end in its true ledger, in any
order of the files and sent again in any part.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable
from datetime import timedelta
from decimal import Decimal
from itertools import accumulate, permutations

import pytest

from integrations.bank.models import BankSighting, BankTransaction
from tests.databases import seeds
from tests.integrations.bank.camt_messages import balance, entry, message
from tests.integrations.bank.test_cuttings import DAY, Booked, Cutting, Write, camt, mt940
from tests.integrations.bank.test_overlap import notes, put
from tests.integrations.bank.test_pipeline import connection

pytestmark = pytest.mark.django_db(transaction=True)
OPENING = 1000
FORMATS: dict[str, Write] = {"mt940": mt940, "camt": camt}
Ledger = Counter[tuple[object, Decimal, str]]


def history(chance: random.Random, amounts: list[int], *, days: int = 3, most: int = 4) -> list[Booked]:
    """Two texts and few amounts, so that nearly every entry has twins."""
    looks = [
        (DAY + timedelta(days=day), chance.choice(amounts), chance.choice(["Coffee", "Tea"]))
        for day in range(days)
        for _ in range(chance.randint(1, most))
    ]
    return [Booked(*look, "") for look in looks]


def cut(booked: list[Booked], start: int, end: int, number: str) -> Cutting:
    opening = OPENING + sum(each.amount for each in booked[:start])
    return Cutting(number, opening, booked[start:end], booked[start].day, booked[end - 1].day)


def true(booked: Iterable[Booked]) -> Ledger:
    return Counter((each.day, Decimal(each.amount), each.text) for each in booked)


def stored(name: str) -> Ledger:
    rows = BankTransaction.objects.for_tenant(connection(name).tenant).active()
    return Counter((day, amount, text) for day, amount, text in rows.values_list("booked_on", "amount", "description"))


def loaded(name: str, files: Iterable[bytes]) -> Ledger:
    for at, data in enumerate(files):
        put(connection(name), f"{at}.txt", data)
    return stored(name)


def never_the_same_balance(chance: random.Random) -> list[Booked]:
    while True:
        booked = [each._replace(text="Tea") for each in history(chance, [-1, -1, -2, 5], days=2, most=5)]
        balances = list(accumulate((each.amount for each in booked), initial=OPENING))
        if len(booked) > 5 and len(set(balances)) == len(balances):
            return booked


def windows(chance: random.Random, booked: list[Booked]) -> tuple[list[Cutting], set[int]]:
    """Statements that begin and end anywhere, and which entries they show."""
    spans = []
    for _ in range(chance.randint(2, 4)):
        start = chance.randrange(len(booked) - 2)
        spans.append((start, min(start + chance.randint(2, 5), len(booked))))
    return [cut(booked, *span, "0") for span in spans], {at for span in spans for at in range(*span)}


@pytest.mark.slow
@pytest.mark.parametrize("form", FORMATS)
def test_statements_that_overlap_within_a_day_end_in_the_true_ledger(form: str) -> None:
    for seed in seeds(5):
        chance = random.Random(f"within {seed}")
        booked = never_the_same_balance(chance)
        parts, shown = windows(chance, booked)
        files = [FORMATS[form](part) for part in parts]

        rows = loaded(f"{form}-{seed}", [*files, *chance.sample(files, 1)])

        assert rows == true(booked[at] for at in shown), f"seed {seed}"


@pytest.mark.slow
@pytest.mark.parametrize("order", list(permutations(range(3))), ids=str)
def test_statements_that_read_alike_from_both_ends_are_aligned_as_they_are_listed(order: tuple[int, ...]) -> None:
    booked = [Booked(DAY, -1, "Tea", "")] * 4
    files = [mt940(cut(booked, *span, "0")) for span in [(0, 2), (1, 3), (1, 4)]]

    assert loaded("alike", [*(files[at] for at in order), *files]) == true(booked)


@pytest.mark.parametrize("order", list(permutations(range(3))), ids=str)
@pytest.mark.slow
def test_two_statements_that_share_one_entry_keep_the_others_beside_a_third(order: tuple[int, ...]) -> None:
    looks = [(-2, "Tea"), (-1, "Tea"), (-2, "Tea"), (-1, "Tea"), (9, "Tea")]
    booked = [Booked(DAY, *look, "") for look in looks]
    files = [mt940(cut(booked, *span, "0")) for span in [(0, 2), (1, 3), (1, 5)]]

    assert loaded("three", [files[at] for at in order]) == true(booked)


@pytest.mark.slow
@pytest.mark.parametrize("form", FORMATS)
def test_numbered_statements_that_continue_each_other_lose_nothing(form: str) -> None:
    for seed in seeds(5):
        chance = random.Random(f"continued {seed}")
        booked = history(chance, [-1, -1, 1, -2, 3])
        ends = sorted({*chance.sample(range(1, len(booked)), 2), len(booked)})
        spans = zip([0, *ends], ends, strict=False)
        files = [FORMATS[form](cut(booked, *span, f"{number}/1")) for number, span in enumerate(spans, start=1)]

        rows = loaded(f"{form}-{seed}", [*chance.sample(files, len(files)), *chance.sample(files, 2)])

        assert rows == true(booked), f"seed {seed}"


def page(cutting: Cutting, number: int, last: int, *, sequence: str) -> bytes:
    """A page of a CAMT statement with the balances of the whole: the opening on the first, the closing on the last."""
    ends = [balance("OPBD", f"{cutting.opening}", f"{cutting.first}")] if number == 1 else []
    ends += [balance("CLBD", f"{cutting.closing}", f"{cutting.last}")] if number == last else []
    paging = (
        f"<StmtPgntn><PgNb>{number}</PgNb><LastPgInd>{'true' if number == last else 'false'}</LastPgInd></StmtPgntn>"
    )
    listed = [
        entry(
            f"{abs(each.amount)}.00",
            "DBIT" if each.amount < 0 else "CRDT",
            rest=f"<BookgDt><Dt>{each.day}</Dt></BookgDt>"
            f"<NtryDtls><TxDtls><RmtInf><Ustrd>{each.text}</Ustrd></RmtInf></TxDtls></NtryDtls>",
        )
        for each in cutting.entries
    ]
    return message(paging, sequence, *ends, *listed)


@pytest.mark.slow
@pytest.mark.parametrize("sequence", ["", "<ElctrncSeqNb>5</ElctrncSeqNb>"], ids=["no number", "number"])
def test_pages_with_balances_on_the_first_and_last_alone_keep_their_twins(sequence: str) -> None:
    for seed in seeds(4):
        chance = random.Random(f"pages {seed}")
        booked = history(chance, [-1, -1, 1], days=1, most=2) + history(chance, [-1, -1, 1], days=2, most=3)
        booked.sort(key=lambda each: each.day)
        ends = sorted({*chance.sample(range(1, len(booked)), chance.randint(1, 2)), len(booked)})
        spans = list(zip([0, *ends], ends, strict=False))
        files = [
            page(cut(booked, *span, ""), number, len(spans), sequence=sequence)
            for number, span in enumerate(spans, start=1)
        ]

        rows = loaded(f"pages-{seed}", [*chance.sample(files, len(files)), *chance.sample(files, 1)])

        assert rows == true(booked), f"seed {seed}"


@pytest.mark.slow
@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("with_ids", [False, True])
def test_a_period_that_closes_where_it_opened_and_its_days_are_stored_once(form: str, with_ids: bool) -> None:
    for seed in seeds(4):
        chance = random.Random(f"returns {seed}")
        booked = history(chance, [-1, -2, 2])
        booked.append(Booked(booked[-1].day, -sum(each.amount for each in booked), "Pay", ""))
        booked = [each._replace(name=f"R{at}" if with_ids else "") for at, each in enumerate(booked) if each.amount]
        ends = [at for at in range(1, len(booked)) if booked[at].day != booked[at - 1].day] + [len(booked)]
        days = [cut(booked, *span, f"{chance.randint(10, 90)}") for span in zip([0, *ends], ends, strict=False)]
        files = [FORMATS[form](part) for part in [cut(booked, 0, len(booked), "5"), *days]]

        rows = loaded(f"{form}-{seed}", chance.sample(files, len(files)))

        assert rows == true(booked), f"seed {seed}"


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.slow
def test_entries_with_ids_that_change_no_balance_and_come_under_the_next_number_are_stored_once_and_named(
    form: str,
) -> None:
    booked = [Booked(DAY, -7, "Rent", "A1"), Booked(DAY, 7, "Return", "A2")]
    where = connection()
    put(where, "first.txt", FORMATS[form](cut(booked, 0, 2, "1/1")))

    run = put(where, "second.txt", FORMATS[form](cut(booked, 0, 2, "2/1")))

    assert stored("acme") == true(booked)
    assert "were taken for sent again" in notes(run)
    assert "an id that is stored with another day or amount" not in notes(run)


@pytest.mark.parametrize("numbers", list(permutations(["7", "7/1", "00007/001"], 2)), ids=str)
def test_a_statement_is_the_same_however_its_number_is_spelled(numbers: tuple[str, str]) -> None:
    earlier = [Booked(DAY, -7, "Rent", ""), Booked(DAY, 2, "Refund", "")]
    later = [earlier[0]._replace(text="Rent of June"), earlier[1]]
    files = [mt940(cut(listed, 0, 2, number)) for listed, number in zip([earlier, later], numbers, strict=True)]

    assert loaded("acme", files) == true(later)


@pytest.mark.slow
def test_a_statement_that_may_as_well_begin_within_the_one_before_loses_nothing_and_is_named() -> None:
    before = [Booked(DAY, -4, "Rent", ""), Booked(DAY, -1, "Tea", ""), Booked(DAY, 1, "Refund", "")]
    after = [*before[1:], Booked(DAY + timedelta(days=1), 3, "Pay", "")]
    first, second = Cutting("0", 1000, before, DAY, DAY), Cutting("0", 996, after, DAY, DAY + timedelta(days=1))

    for at, order in enumerate(permutations([first, second])):
        put(connection(f"order-{at}"), "one.sta", mt940(order[0]))

        run = put(connection(f"order-{at}"), "other.sta", mt940(order[1]))

        assert stored(f"order-{at}") == true([*before, *after])
        assert "entries of both may as well be the same, sent again, or be two. All of them count" in notes(run)


@pytest.mark.slow
def test_of_exports_cut_within_their_last_day_only_that_day_is_remembered() -> None:
    amounts = [-3, -5, 7, 11]
    booked = [
        Booked(DAY + timedelta(days=day), amount, f"T{day} {amount}", "") for day in range(5) for amount in amounts
    ]

    loaded("globex", [mt940(cut(booked, 4 * at, 4 * at + 14, f"{at}")) for at in range(2)])

    tenant = connection("globex").tenant
    days = BankSighting.objects.for_tenant(tenant).values_list("booked_on", flat=True).distinct()
    assert list(days) == [DAY + timedelta(days=3)]
    assert stored("globex") == true(booked[:18])
