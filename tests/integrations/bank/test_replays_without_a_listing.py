"""A statement that comes again from its letter alone, which says nothing of what its file lists."""

from __future__ import annotations

from decimal import Decimal

import pytest

from ingestion.actions import Selection, replay
from ingestion.models import DeadLetter
from ingestion.running import execute
from tests.integrations.bank.test_overlap import active
from tests.integrations.bank.test_pipeline import ACTOR, connection, load
from tests.integrations.bank.test_pipeline import mt940 as written

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]
TEN, FIVE = ("260105", "-10,00"), ("260105", "-5,00")


def test_its_entries_are_told_from_equal_ones_by_where_they_stand() -> None:
    where = connection()
    load(where, "first.sta", written("100,00", [TEN, FIVE, TEN], "75,00"))
    load(where, "second.sta", written("85,00", [TEN, FIVE], "1,00", number="2"))
    dead_letter = DeadLetter.objects.for_tenant(where.tenant).get()
    mended = bytes(dead_letter.payload).replace(b'"closing": "1.00"', b'"closing": "70.00"')
    DeadLetter.objects.for_tenant(where.tenant).update(payload=mended)

    (run,) = replay(ACTOR, Selection(where.tenant))
    execute(run.pk)

    assert sorted(amount for _, amount in active(where)) == [Decimal(-10)] * 2 + [Decimal(-5)] * 2
