"""A statement of which other ones delivered entries since is put together again only as its balances prove it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from ingestion import Context
from ingestion.models import Run
from integrations.bank.completing import Completed, complete_statement
from integrations.bank.models import BankAccount, BankStatement, BankTransaction
from tests.calls import calls_of
from tests.integrations.bank.test_cuttings import Booked, mt940
from tests.integrations.bank.test_cuttings_within_days import cut, stored, true
from tests.integrations.bank.test_overlap import put
from tests.integrations.bank.test_pipeline import connection

pytestmark = pytest.mark.django_db(transaction=True)
NOW = datetime(2026, 6, 30, tzinfo=UTC)
DAYS = [date(2026, 6, day) for day in (1, 2, 3)]


def partly_known_statement(
    *of_others: tuple[date, int], days: Sequence[date] = DAYS
) -> tuple[Context, BankStatement, dict[int, tuple[date, Decimal]]]:
    """A statement from 100 to 94 that knows its first and last entry; `of_others` are rows of another statement."""
    where = connection()
    run = Run.objects.create(tenant=where.tenant, connection=where, pipeline="bank.statements", kind=Run.Kind.UPLOAD)
    number = f"{BankAccount.objects.for_tenant(where.tenant).count()}"
    account = BankAccount.objects.create(tenant=where.tenant, identifier=number, currency="EUR")
    own, other = (
        BankStatement.objects.create(
            tenant=where.tenant,
            external_id=f"{name} {number}",
            account=account,
            opening=100,
            closing=94,
            entries=3,
            run=run,
            first_on=days[0],
            last_on=days[2],
        )
        for name in ("own", "other")
    )
    rows = [
        BankTransaction(
            tenant=where.tenant,
            external_id=f"{number} {at}",
            account=account,
            statement=other,
            booked_on=day,
            amount=amount,
            currency="EUR",
            position=at,
            run=run,
            loaded_at=NOW,
        )
        for at, (day, amount) in enumerate(of_others)
    ]
    BankTransaction.objects.bulk_create(rows)
    ctx = Context(where.tenant.ref, "bank.statements", run.pk, NOW)
    return ctx, own, {0: (days[0], Decimal(-1)), 2: (days[2], Decimal(-2))}


def rebuilt(*of_others: tuple[date, int], days: Sequence[date] = DAYS) -> Completed | None:
    return complete_statement(*partly_known_statement(*of_others, days=days))


def test_an_entry_that_another_statement_delivered_fills_the_place_whose_change_it_is() -> None:
    whole = rebuilt((DAYS[1], -3))

    assert whole is not None
    assert list(whole.booked) == [(DAYS[0], -1), (DAYS[1], -3), (DAYS[2], -2)]
    assert whole.filled == {DAYS[1]}


@pytest.mark.parametrize(
    "of_others",
    [[(DAYS[1], -4)], [], [(DAYS[1], -3), (DAYS[1], 5)]],
    ids=["another amount", "no entry", "one too many"],
)
def test_nothing_is_put_together_that_does_not_lead_from_balance_to_balance(of_others: list[tuple[date, int]]) -> None:
    assert rebuilt(*of_others) is None


@pytest.mark.parametrize("first", [-3, 8], ids=["with the first day", "without it"])
def test_the_days_at_the_ends_are_taken_as_far_as_the_balances_say(first: int) -> None:
    whole = rebuilt((DAYS[0], first), *[(DAYS[1], -3)] * (first != -3), (DAYS[2], 7))

    assert whole is not None
    assert list(whole.booked) == [(DAYS[0], -1), (DAYS[0] if first == -3 else DAYS[1], -3), (DAYS[2], -2)]


def test_a_statement_of_one_day_is_filled_from_it() -> None:
    whole = rebuilt((DAYS[0], -3), days=DAYS[:1] * 3)

    assert whole is not None
    assert whole.filled == {DAYS[0]}


@pytest.mark.parametrize("at", [0, 1, 2], ids=["first", "between", "last"])
@pytest.mark.slow
def test_what_other_statements_hold_of_the_days_is_not_all_read(at: int) -> None:
    few, many = (partly_known_statement(*[(DAYS[at], -3)] * count) for count in (30, 600))

    assert calls_of(lambda: complete_statement(*many)) <= 1.1 * calls_of(lambda: complete_statement(*few))


@pytest.mark.slow
def test_a_day_of_which_the_order_is_not_known_denies_nothing() -> None:
    where = connection()
    looks = [(1, -9), (2, -2), (2, -1), (2, -2), (3, -4), (3, -4)]
    booked = [Booked(DAYS[day - 1], amount, "Tea", "") for day, amount in looks]
    whole, day, part = (cut(booked, *span, "0") for span in [(0, 6), (1, 4), (2, 5)])
    by_amount = day._replace(entries=sorted(day.entries, key=lambda each: -each.amount))

    for at, cutting in enumerate([by_amount, whole, by_amount, part]):
        put(where, f"{at}.sta", mt940(cutting))
        BankStatement.objects.for_tenant(where.tenant).update(listing=None)  # as it was before these were kept

    assert stored("acme") == true(booked)
