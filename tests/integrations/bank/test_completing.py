"""A statement of which other ones delivered entries since is put together again only as its balances prove it."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from ingestion import Context
from ingestion.models import Run
from integrations.bank.completing import Completed, completed
from integrations.bank.models import BankAccount, BankStatement, BankTransaction
from tests.integrations.bank.test_cuttings import Booked, mt940
from tests.integrations.bank.test_cuttings_within_days import cut, stored, true
from tests.integrations.bank.test_overlap import put
from tests.integrations.bank.test_pipeline import connection

pytestmark = pytest.mark.django_db(transaction=True)
NOW = datetime(2026, 6, 30, tzinfo=UTC)
DAYS = [date(2026, 6, day) for day in (1, 2, 3)]


def rebuilt(*of_others: tuple[date, int]) -> Completed | None:
    """A statement from 100 to 94 that knows its first and last entry; `of_others` are rows of another statement."""
    where = connection()
    run = Run.objects.create(tenant=where.tenant, connection=where, pipeline="bank.statements", kind=Run.Kind.UPLOAD)
    account = BankAccount.objects.create(tenant=where.tenant, identifier="42", currency="EUR")
    own, other = (
        BankStatement.objects.create(
            tenant=where.tenant, external_id=name, account=account, opening=100, closing=94, entries=3, run=run,
            first_on=DAYS[0], last_on=DAYS[2],
        )
        for name in ("own", "other")
    )  # fmt: skip
    for at, (day, amount) in enumerate(of_others):
        BankTransaction.objects.create(
            tenant=where.tenant, external_id=f"{at}", account=account, statement=other, booked_on=day, amount=amount,
            currency="EUR", position=at, run=run, loaded_at=NOW,
        )  # fmt: skip
    ctx = Context(where.tenant.ref, "bank.statements", run.pk, NOW)
    return completed(ctx, own, {0: (DAYS[0], Decimal(-1)), 2: (DAYS[2], Decimal(-2))})


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
