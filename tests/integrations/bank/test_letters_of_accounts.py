"""The letter of an entry closes with its mended version, also where that says more of its account."""

from __future__ import annotations

import pytest

from ingestion.models import DeadLetter
from tests.integrations.bank.test_accounts_named_in_part import HEADINGS, MONTH, ofx
from tests.integrations.bank.test_overlap import active, put
from tests.integrations.bank.test_pipeline import connection

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.every_database
@pytest.mark.parametrize("heading", ["no bank", "no kind", "neither"])
@pytest.mark.parametrize("bad", [("0106", "-1O.00", "A3"), ("0106", "-1O.00", ""), ("01XX", "-10.00", "A3")], ids=str)
@pytest.mark.slow
def test_an_entry_of_a_file_that_left_out_bank_or_kind_closes_with_that_of_one_that_says_both(
    heading: str, bad: tuple[str, str, str]
) -> None:
    where, good = connection(), ("0106", "-10.00", bad[2])
    put(where, "bad.ofx", ofx(**HEADINGS[heading], booked=[*MONTH[:2], bad, *MONTH[2:]]))

    put(where, "mended.ofx", ofx(**HEADINGS["whole"], booked=[*MONTH[:2], good, *MONTH[2:]]))

    dead_letters = DeadLetter.objects.for_tenant(where.tenant)
    assert list(dead_letters.values_list("status", flat=True)) == [DeadLetter.Status.ABANDONED]
    assert len(active(where)) == len(MONTH) + 1


@pytest.mark.slow
def test_the_letter_of_an_account_that_says_bank_and_kind_stays_where_another_account_has_the_entry() -> None:
    where = connection()
    bad, good = ("0106", "-1O.00", "A3"), ("0106", "-10.00", "A3")
    put(where, "bad.ofx", ofx(bank="2", kind="CHECKING", booked=[MONTH[0], bad, MONTH[3]]))

    put(where, "other.ofx", ofx(bank="1", kind="CHECKING", booked=[MONTH[0], good, MONTH[3]]))

    assert DeadLetter.objects.for_tenant(where.tenant).get().status == DeadLetter.Status.NEW
