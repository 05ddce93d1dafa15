"""Blanks tell names of accounts apart and only group numbers; what was stored when names lost theirs is found again."""

from __future__ import annotations

import pytest

from ingestion.models import Connection, Run
from integrations.bank.account_names import mark_shared_names
from integrations.bank.account_numbers import canonical, formerly_canonical
from integrations.bank.formats import mt940, ofx, qif
from integrations.bank.formats.csv_head import read_identifier
from integrations.bank.models import BankAccount, BankTransaction
from integrations.bank.statements import Account, Statement
from tests.integrations.bank.test_overlap import notes, put
from tests.integrations.bank.test_pipeline import connection

database = pytest.mark.django_db(transaction=True)
every = pytest.mark.every_database
SHOP, RENT = "D2/13'24|T-5.00|PShop", "D2/14'24|T-9.00|PRent"


def named(name: str, *records: str) -> bytes:
    lines = ["!Account", f"N{name}", "TBank", "^", "!Type:Bank"]
    return "\n".join([*lines, *(line for record in records for line in (*record.split("|"), "^")), ""]).encode()


def load(where: Connection, name: str, data: bytes) -> Run:
    run = put(where, name, data, currency="USD")
    assert run.state == Run.State.SUCCEEDED
    return run


def load_as_before(where: Connection, *files: bytes) -> None:
    """As when names lost their blanks and records did not call them names; each file its own list."""
    for at, data in enumerate(files):
        lines = data.decode().splitlines()
        lines[1] = "".join(lines[1].split())
        load(where, f"before-{at}.qif", "\n".join(lines).encode())
    BankAccount.objects.for_tenant(where.tenant).update(keyed_as="")
    BankTransaction.objects.for_tenant(where.tenant).update(digest=b"another")


def stored(where: Connection) -> dict[str, list[int]]:
    rows = BankTransaction.objects.for_tenant(where.tenant).active().order_by("amount", "pk")
    amounts: dict[str, list[int]] = {}
    for name, amount in rows.values_list("account__identifier", "amount"):
        amounts.setdefault(name, []).append(int(amount))
    return amounts


@pytest.mark.parametrize(
    ("written", "is_known_by"),
    [
        ("Main  Joint", "Main Joint"),
        ("Visa 1 11", "Visa 1 11"),
        ("VISA 11 1", "VISA 11 1"),
        ("Konto 12 34 56 78", "Konto 12 34 56 78"),
        ("12 3456 78", "12345678"),
        ("20-00-00 12345678", "20-00-0012345678"),
        ("XXXX xxxx 1234", "XXXXxxxx1234"),
        ("INGB 0001 2345 67", "INGB0001234567"),
        ("nl20 ingb 0001 2345 67", "NL20INGB0001234567"),
        ("nl21 ingb 0001 2345 67", "NL21INGB0001234567"),
    ],
)
def test_a_name_keeps_its_blanks_and_a_number_none(written: str, is_known_by: str) -> None:
    assert canonical(written) == is_known_by
    assert formerly_canonical(written).upper() == "".join(written.split()).upper()


@database
@every
@pytest.mark.parametrize(("first", "second"), [("Main Joint", "MainJoint"), ("Visa 1 11", "Visa 11 1")])
def test_names_that_only_blanks_tell_apart_are_two_accounts(first: str, second: str) -> None:
    where = connection()

    run = load(where, "both.qif", named(first, SHOP) + named(second, SHOP))

    assert (run.read, run.ok) == (2, 2)
    assert stored(where) == {first: [-5], second: [-5]}


@database
@every
@pytest.mark.slow
def test_rows_that_were_stored_without_blanks_are_the_only_name_s_that_claims_them() -> None:
    where = connection()
    load_as_before(where, named("Main Joint", SHOP, RENT))

    run_notes = notes(load(where, "again.qif", named("Main Joint", SHOP, RENT)))

    assert stored(where) == {"Main Joint": [-9, -5]}
    assert "The account MainJoint USD is known as Main Joint USD from now on, since blanks count in names." in run_notes


@database
@every
@pytest.mark.parametrize(("first", "second"), [("Main Joint", "MainJoint"), ("MainJoint", "Main Joint")])
@pytest.mark.slow
def test_accounts_that_were_stored_as_one_are_parted_as_their_file_comes_again(first: str, second: str) -> None:
    where = connection()
    first_file, second_file = named(first, SHOP, RENT), named(second, SHOP)
    load_as_before(where, first_file, second_file)
    assert stored(where) == {"MainJoint": [-9, -5]}

    load(where, "both.qif", first_file + second_file)

    assert stored(where) == {first: [-9, -5], second: [-5]}


@database
@every
@pytest.mark.slow
def test_two_names_with_blanks_take_what_was_stored_as_one_and_leave_nothing() -> None:
    where = connection()
    first_file, second_file = named("Visa 1 11", SHOP, RENT), named("Visa 11 1", SHOP)
    load_as_before(where, first_file, second_file)

    load(where, "both.qif", second_file + first_file)
    load(where, "again.qif", first_file + second_file)

    assert stored(where) == {"Visa 1 11": [-9, -5], "Visa 11 1": [-5]}


@database
@every
@pytest.mark.slow
def test_a_name_without_blanks_that_a_file_spelled_so_is_no_other_one_s() -> None:
    where = connection()
    load(where, "first.qif", named("MainJoint", SHOP))

    run = load(where, "second.qif", named("Main Joint", SHOP))

    assert stored(where) == {"MainJoint": [-5], "Main Joint": [-5]}
    assert "Main Joint is new and looks like the account MainJoint" in notes(run)
    assert "which only blanks tell apart" in notes(run)


@database
@every
@pytest.mark.slow
def test_a_name_without_blanks_that_comes_after_the_other_took_the_account_gets_its_own_rows() -> None:
    where = connection()
    load_as_before(where, named("Main Joint", SHOP), named("MainJoint", SHOP, RENT))
    load(where, "one.qif", named("Main Joint", SHOP))

    run = load(where, "other.qif", named("MainJoint", SHOP, RENT))
    later = load(where, "one.qif", named("Main Joint", SHOP, RENT))

    assert stored(where) == {"Main Joint": [-9, -5], "MainJoint": [-9, -5]}
    assert "MainJoint is new and looks like the account Main Joint" in notes(run)
    assert "may be stored" not in notes(later)


@database
def test_the_connection_s_own_name_of_the_account_keeps_its_blanks() -> None:
    where = connection()

    put(where, "a.qif", b"!Type:Bank\nD2/13'24\nT-5.00\n^\n", currency="USD", account="Main Joint")

    assert BankAccount.objects.for_tenant(where.tenant).get().identifier == "Main Joint"


def test_readers_leave_the_blanks_of_a_name() -> None:
    ofx_file = (
        b"<OFX><STMTRS><CURDEF>USD<BANKACCTFROM><BANKID>1<ACCTID>Main Joint<ACCTTYPE>CHECKING</BANKACCTFROM>"
        b"<BANKTRANLIST></BANKTRANLIST></STMTRS></OFX>"
    )
    sta = b":20:X\r\n:25:Visa 1 11 EUR\r\n:28C:1\r\n:60F:C260101EUR1,00\r\n:62F:C260101EUR1,00\r\n-\r\n"

    assert [ofx.read(ofx_file)[0].account.identifier, mt940.read(sta)[0].account.identifier] == [
        "Main Joint",
        "Visa 1 11",
    ]
    assert (read_identifier('"Main Joint'), read_identifier("12 34")) == ("Main Joint", "1234")
    assert qif.read(named("Main  Joint", SHOP))[0].account.identifier == "Main Joint"


def test_only_names_of_one_file_that_share_a_former_spelling_are_marked_and_come_first() -> None:
    def of(name: str, former: str = "") -> Statement:
        return Statement(Account(name, "USD", former=former, is_name=True), (), "qif")

    marked = mark_shared_names([of("MainJoint"), of("Main Joint", "MainJoint"), of("Other One", "OtherOne")])

    assert [(each.account.identifier, each.account.shares_former) for each in marked] == [
        ("Main Joint", True),
        ("MainJoint", False),
        ("Other One", False),
    ]
