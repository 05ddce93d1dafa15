"""One account however a file spells it, and files of before that was so load nothing twice."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations
from pathlib import Path

import pytest

from ingestion.models import Connection
from integrations.bank.account_numbers import canonical, formerly_canonical
from integrations.bank.formats import read_members
from integrations.bank.identity import key_entries
from integrations.bank.models import BankAccount, BankTransaction
from tests.databases import some
from tests.integrations.bank.test_overlap import active, put
from tests.integrations.bank.test_pipeline import connection

pytestmark = pytest.mark.django_db(transaction=True)
IBAN = "NL20INGB0001234567"
SAMPLES = Path(__file__).parent / "samples"
CSV = (SAMPLES / "ing-nl.csv").read_bytes()
UNNAMED = (SAMPLES / "dkb-giro.csv").read_bytes().replace(b"DE02120300000000202051", b"", 1)


def spelled(account: str) -> bytes:
    return CSV.replace(f'"{IBAN}"'.encode(), f'"{account}"'.encode())


SPELLINGS = [IBAN, f"{IBAN}/EUR", f"{IBAN} EUR", f"INGBNL2A/{IBAN}", "nl20 ingb 0001 2345 67/EUR"]


@pytest.mark.parametrize("written", SPELLINGS)
def test_currency_and_bic_beside_an_iban_are_no_part_of_the_account(written: str) -> None:
    assert canonical(written) == IBAN


@pytest.mark.parametrize(
    "written", [f"{IBAN}/001", f"{IBAN[:-1]}2/EUR", "12345678/EUR", f"{IBAN}/{IBAN[:-1]}9", "20010020/0012345678"]
)
def test_what_may_tell_accounts_apart_stays(written: str) -> None:
    assert canonical(written) == written


@pytest.mark.every_database
@pytest.mark.slow
def test_csv_files_of_every_spelling_are_of_one_account() -> None:
    for at, order in enumerate(some(permutations(SPELLINGS, 2), on_sqlite=7)):
        where = connection(f"order-{at}")

        for number, account in enumerate(order):
            put(where, f"{number}.csv", spelled(account))

        assert BankAccount.objects.for_tenant(where.tenant).get().identifier == IBAN
        assert len(active(where)) == len(entries(IBAN))


@pytest.mark.slow
def test_an_account_that_is_given_by_the_connection_may_be_spelled_in_any_way() -> None:
    where = connection()
    put(where, "a.csv", UNNAMED, account=IBAN)
    rows = len(active(where))

    for account in SPELLINGS:
        put(where, "a.csv", UNNAMED, account=account)

    assert BankAccount.objects.for_tenant(where.tenant).get().identifier == IBAN
    assert len(active(where)) == rows > 0


@pytest.mark.parametrize("again", SPELLINGS[:2])
@pytest.mark.slow
def test_rows_of_an_account_that_was_spelled_with_its_currency_are_found_again(again: str) -> None:
    where = connection()
    put(where, "a.csv", spelled(f"{IBAN}/EUR"))
    as_before(where, f"{IBAN}/EUR")

    put(where, "first.csv", spelled(f"{IBAN}/EUR"))
    put(where, "again.csv", spelled(again))

    assert BankAccount.objects.for_tenant(where.tenant).get().identifier == IBAN
    assert len(active(where)) == len(entries(IBAN))


@pytest.mark.every_database
@pytest.mark.slow
def test_rows_of_a_spelling_of_before_move_to_the_account_that_is_there_already() -> None:
    where = connection()
    put(where, "a.csv", spelled(f"{IBAN}/EUR"))
    as_before(where, f"{IBAN}/EUR")
    account = BankAccount.objects.for_tenant(where.tenant).get()
    BankAccount.objects.create(tenant=where.tenant, identifier=IBAN, currency=account.currency)

    put(where, "again.csv", spelled(f"{IBAN}/EUR"))

    rows = BankTransaction.objects.for_tenant(where.tenant).values_list("account__identifier", flat=True)
    assert set(rows) == {IBAN}
    assert len(rows) == len(entries(IBAN))


def entries(account: str) -> list[str]:
    """The external ids of the readable entries in the order of the file, under this account."""
    (member,) = read_members(CSV)
    statements = [statement for part in member.parts for statement in part]
    placed = [replace(statement, account=replace(statement.account, identifier=account)) for statement in statements]
    return [
        keyed.key
        for _, listed in key_entries(placed)
        for keyed in listed
        if keyed.entry.booked_on and keyed.entry.amount
    ]


def as_before(where: Connection, account: str) -> None:
    """Rename what is stored as it was known when the spelling was a part of it."""
    for now, before in zip(entries(IBAN), entries(formerly_canonical(account)), strict=True):
        BankTransaction.objects.for_tenant(where.tenant).filter(external_id=now).update(external_id=before)
    BankAccount.objects.for_tenant(where.tenant).update(identifier=account, former=account)
