"""What a run asks somebody to look at is about the tenant's own entries: another one's equal statements raise no doubt."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.integrations.bank.test_changed_texts import CLEANED, JUNE
from tests.integrations.bank.test_cuttings import DAY, Booked, Cutting, Write, csv, mt940, ofx
from tests.integrations.bank.test_cuttings_within_days import cut
from tests.integrations.bank.test_doubts import by_amount
from tests.integrations.bank.test_overlap import active, notes, put
from tests.integrations.bank.test_pipeline import connection
from tests.integrations.bank.test_there_and_back_exports import DOUBTED, part

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.every_database]


def month(write: Write, listed: list[Booked]) -> bytes:
    return write(Cutting("", 0, listed, DAY, DAY + timedelta(days=9)))


def days(amounts: tuple[int, ...]) -> list[Booked]:
    return [Booked(DAY, amount, "Shop", "") for amount in amounts]


REORDERED = DOUBTED["another part between the same balances"]
PAIRS = {
    "a text that changed, with ids": (month(ofx, JUNE), month(ofx, CLEANED)),
    "a text that changed, in rows": (month(csv, JUNE), month(csv, CLEANED)),
    "entries listed by amount": tuple(by_amount(cut(days((-2, -7, -1, -4)), *span, "0")) for span in [(0, 4), (1, 3)]),
    "a balance that comes back": tuple(mt940(cut(days((-5, 5, -5, 5)), *span, "0")) for span in [(0, 3), (1, 4)]),
    "another order": tuple(part(REORDERED[0], span) for span in REORDERED[1]),
}


@pytest.mark.parametrize("pair", PAIRS)
@pytest.mark.slow
def test_a_tenant_is_told_of_nothing_that_another_one_has(pair: str) -> None:
    first, second = PAIRS[pair]
    settings = {"account": "77", "layout": "first-direct"} if pair == "another order" else {}
    alone, ours, theirs = connection("alone"), connection("ours"), connection("theirs")
    unaware = put(alone, "second.txt", second, currency="EUR", **settings)
    put(ours, "first.txt", first, currency="EUR", **settings)
    doubted = put(ours, "second.txt", second, currency="EUR", **settings)

    run = put(theirs, "second.txt", second, currency="EUR", **settings)

    assert notes(doubted) != notes(unaware), "the pair raises a doubt"
    assert notes(run) == notes(unaware)
    assert active(theirs) == active(alone)
