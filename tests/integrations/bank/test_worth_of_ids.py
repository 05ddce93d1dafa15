"""What a connection says its bank's ids are worth, and what a run asks until it says so."""

from __future__ import annotations

from decimal import Decimal

import pytest

from ingestion import ConfigurationError
from ingestion.actions import Actor, configure
from integrations.bank.models import BankLookAlike, BankTransaction
from tests.integrations.bank.test_overlap import active, notes, put, sample
from tests.integrations.bank.test_pipeline import connection, load

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.slow
def test_ids_that_change_with_each_download_are_named_until_the_connection_says_so() -> None:
    where = connection()
    load(where, "a.ofx", sample("47a_unstable_ids.ofx"))

    run = load(where, "b.ofx", sample("47b_unstable_ids.ofx"))

    assert len(active(where)) == 5
    assert "2 entries resemble stored ones" in notes(run)
    assert "id q1204 beside 2026-06-03 -45.1 USD, id r8812" in notes(run)
    assert BankLookAlike.objects.for_tenant(where.tenant).filter(sort="texts", answer="").count() == 2


@pytest.mark.every_database
@pytest.mark.slow
def test_ids_to_ignore_leave_the_texts_to_tell_and_withdraw_copies_that_were_loaded_before() -> None:
    where = connection()
    load(where, "a.ofx", sample("47a_unstable_ids.ofx"))
    load(where, "b.ofx", sample("47b_unstable_ids.ofx"))

    run = put(where, "b.ofx", sample("47b_unstable_ids.ofx"), ids="ignore")
    put(where, "a.ofx", sample("47a_unstable_ids.ofx"), ids="ignore")

    assert active(where) == [
        ("2026-06-03", Decimal("-45.1")),
        ("2026-06-04", Decimal(-5)),
        ("2026-06-05", Decimal(-6)),
    ]
    assert "2 look-alikes are answered" in notes(run)
    assert set(BankLookAlike.objects.for_tenant(where.tenant).values_list("answer", flat=True)) == {"ignore"}


@pytest.mark.parametrize("order", ["ab", "ba", "aab", "abb"])
@pytest.mark.slow
def test_ids_to_ignore_from_the_start_never_double(order: str) -> None:
    where = connection()
    files = {"a": sample("47a_unstable_ids.ofx"), "b": sample("47b_unstable_ids.ofx")}

    for at, name in enumerate(order):
        run = put(where, f"{at}.ofx", files[name], ids="ignore")

    assert len(active(where)) == 3
    assert "resemble" not in notes(run)


@pytest.mark.slow
def test_an_id_that_comes_with_another_day_and_amount_is_named_until_the_connection_says_what_it_is() -> None:
    where = connection()
    load(where, "a.ofx", sample("03a_tip.ofx"))

    run = load(where, "b.ofx", sample("03b_tip.ofx"))

    assert len(active(where)) == 2
    assert "1 entry resembles a stored one, with an id that is stored with another day or amount" in notes(run)


@pytest.mark.slow
def test_a_trusted_id_with_another_day_and_amount_corrects_its_row_and_says_so() -> None:
    where = connection()
    load(where, "a.ofx", sample("03a_tip.ofx"), ids="trust")
    row = BankTransaction.objects.for_tenant(where.tenant).get()

    run = load(where, "b.ofx", sample("03b_tip.ofx"), ids="trust")

    assert active(where) == [("2026-06-12", Decimal(-46))]
    assert BankTransaction.objects.for_tenant(where.tenant).get().pk == row.pk
    assert "1 entry was changed by the bank: 2026-06-11 -40 USD, id T900 is now 2026-06-12 -46 USD" in notes(run)


@pytest.mark.every_database
@pytest.mark.slow
def test_trust_told_later_leaves_the_newer_of_two_rows_of_one_id() -> None:
    where = connection()
    load(where, "a.ofx", sample("03a_tip.ofx"))
    load(where, "b.ofx", sample("03b_tip.ofx"))

    put(where, "b.ofx", sample("03b_tip.ofx"), ids="trust")

    assert active(where) == [("2026-06-12", Decimal(-46))]


@pytest.mark.slow
def test_ids_that_hold_once_keep_both_and_ask_nothing() -> None:
    where = connection()
    load(where, "a.ofx", sample("03a_tip.ofx"), ids="once")

    run = load(where, "b.ofx", sample("03b_tip.ofx"), ids="once")

    assert len(active(where)) == 2
    assert "resembles" not in notes(run)


def test_a_word_that_ids_does_not_know_is_refused_before_it_is_stored() -> None:
    where = connection()

    with pytest.raises(ConfigurationError, match="one of once, trust, ignore"):
        configure(Actor(), where, {"ids": "maybe"}, "asked the bank")


@pytest.mark.slow
def test_true_twins_with_ids_of_their_own_resemble_nothing() -> None:
    where = connection()
    twins = sample("47a_unstable_ids.ofx").replace(b"20260604", b"20260603").replace(b"TAXI", b"HOTEL")
    twins = twins.replace(b"-5.00", b"-45.10").replace(b"r8813", b"r9000")
    load(where, "a.ofx", sample("47a_unstable_ids.ofx"))

    run = load(where, "twins.ofx", twins)

    assert "resemble" not in notes(run)
