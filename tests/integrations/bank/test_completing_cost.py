"""What it costs to know the courses of many statements whose entries another one delivered since."""

from __future__ import annotations

from datetime import timedelta

import pytest

from integrations.bank.models import BankStatement
from tests.calls import calls_of
from tests.integrations.bank.test_cuttings import DAY, Booked, joined, mt940
from tests.integrations.bank.test_cuttings_within_days import cut
from tests.integrations.bank.test_overlap import active, put
from tests.integrations.bank.test_pipeline import connection

pytestmark = pytest.mark.django_db(transaction=True)
FEW, MANY = 3, 12


def work(days: int, *, are_listed: bool) -> int:
    """Calls made while a file of daily statements comes again, of each of which the month took an entry."""
    where = connection(f"{'listed' if are_listed else 'from-before'}-{days}")
    booked = [Booked(DAY + timedelta(days=at // 2), -1 - at % 2, "Tea", "") for at in range(2 * days)]
    (file,) = joined([mt940(cut(booked, at, at + 2, f"{at + 10}")) for at in range(0, len(booked), 2)])
    put(where, "days.sta", file)
    put(where, "month.sta", mt940(cut(booked, 1, len(booked), "900")))
    if not are_listed:
        BankStatement.objects.for_tenant(where.tenant).update(listing=None)
    calls = calls_of(lambda: put(where, "days.sta", file))
    assert len(active(where)) == 2 * days
    return calls


@pytest.mark.slow
@pytest.mark.parametrize("are_listed", [True, False], ids=["listed", "from before"])
def test_four_times_the_statements_are_four_times_the_work(are_listed: bool) -> None:
    few, many = (work(days, are_listed=are_listed) for days in (FEW, MANY))

    assert many <= 4.5 * few
