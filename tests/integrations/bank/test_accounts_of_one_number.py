"""One number at two banks, or of two kinds, is two accounts; files from before that was so do not load twice."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from itertools import permutations

import pytest

from ingestion.models import Connection
from integrations.bank.formats.ofx import read
from integrations.bank.identity import key_entries
from integrations.bank.models import BankAccount, BankStatement, BankTransaction
from tests.databases import some
from tests.integrations.bank.test_overlap import notes, page, put
from tests.integrations.bank.test_pipeline import connection

pytestmark = pytest.mark.django_db(transaction=True)


def bank(name: str, amount: str, *, kind: str = "CHECKING", days: str = "0101") -> bytes:
    """One entry of the account 5550004; equal ones of two banks differ in nothing but the bank."""
    return f"""OFXHEADER:100
DATA:OFXSGML

<OFX><BANKMSGSRSV1><STMTTRNRS><STMTRS><CURDEF>USD<BANKACCTFROM><BANKID>{name}<ACCTID>5550004<ACCTTYPE>{kind}
</BANKACCTFROM><BANKTRANLIST><DTSTART>2026{days}<DTEND>20260131<STMTTRN><TRNTYPE>DEBIT<DTPOSTED>20260105
<TRNAMT>{amount}<FITID>A1<NAME>RENT</STMTTRN></BANKTRANLIST></STMTRS></STMTTRNRS></BANKMSGSRSV1></OFX>""".encode()


def card(amount: str) -> bytes:
    return (
        bank("1", amount)
        .replace(b"BANKMSGSRSV1", b"CREDITCARDMSGSRSV1")
        .replace(b"STMTTRNRS", b"CCSTMTTRNRS")
        .replace(b"STMTRS>", b"CCSTMTRS>")
        .replace(b"BANKACCTFROM", b"CCACCTFROM")
        .replace(b"<BANKID>1", b"")
        .replace(b"<ACCTTYPE>CHECKING", b"")
    )


def ledgers(where: Connection) -> dict[str, list[Decimal]]:
    rows = BankTransaction.objects.for_tenant(where.tenant).active().order_by("amount")
    accounts: dict[str, list[Decimal]] = {}
    for qualifier, amount in rows.values_list("account__qualifier", "amount"):
        accounts.setdefault(qualifier, []).append(amount)
    return accounts


@pytest.mark.every_database
@pytest.mark.slow
def test_equal_entries_of_two_banks_two_kinds_and_a_card_are_of_four_accounts_in_every_order() -> None:
    files = [bank("1", "-10"), bank("2", "-10"), bank("1", "-10", kind="SAVINGS"), card("-10")]
    ten = [Decimal(-10)]

    for at, order in enumerate(some(permutations(files), on_sqlite=8)):
        where = connection(f"order-{at}")
        for number, data in enumerate((*order, order[0])):
            put(where, f"{number}.ofx", data)

        assert ledgers(where) == {"1 checking": ten, "2 checking": ten, "1 savings": ten, "creditcard": ten}


@pytest.mark.slow
def test_zeros_before_the_number_of_a_bank_make_no_other_account_of_it() -> None:
    where = connection()

    for at, name in enumerate(("1", "001", "01")):
        put(where, f"{at}.ofx", bank(name, "-10", days=f"010{at + 1}"))

    assert ledgers(where) == {"1 checking": [Decimal(-10)]}


def as_before(where: Connection, *files: bytes) -> None:
    """Load the files as it was done when the number alone told accounts apart."""
    for at, data in enumerate(files):
        put(where, f"{at}.ofx", data)
    merged = BankAccount.objects.for_tenant(where.tenant).order_by("pk").first()
    assert merged is not None
    for statement in (each for data in files for each in read(data)):
        by_number = replace(statement, account=replace(statement.account, qualifier=""))
        pairs = zip(key_entries([statement]), key_entries([by_number]), strict=True)
        for now, before in (
            (now, before) for loaded, expected in pairs for now, before in zip(loaded[1], expected[1], strict=True)
        ):
            rows = BankTransaction.objects.for_tenant(where.tenant).filter(external_id=now.key)
            rows.update(external_id=before.key, account=merged)
    for statement in BankStatement.objects.for_tenant(where.tenant):
        statement.account = merged
        statement.external_id = as_of_number(statement, merged)
        statement.save()
    BankAccount.objects.for_tenant(where.tenant).exclude(pk=merged.pk).delete()
    BankAccount.objects.for_tenant(where.tenant).update(qualifier="", former=merged.identifier)


def as_of_number(statement: BankStatement, account: BankAccount) -> str:
    from integrations.bank.heads import _external_id
    from integrations.bank.schema import StatementHead

    head = StatementHead(
        format=statement.format,
        closing=statement.closing,
        period_start=statement.period_start,
        period_end=statement.period_end,
        entries=statement.entries,
    )
    return _external_id(account.pk, head)


@pytest.mark.slow
def test_an_account_from_before_is_the_one_of_its_bank_and_its_files_load_nothing_twice() -> None:
    where = connection()
    as_before(where, bank("1", "-10"))

    put(where, "again.ofx", bank("1", "-10"))
    put(where, "longer.ofx", bank("1", "-10", days="0102"))
    put(where, "again.ofx", bank("1", "-10"))

    assert ledgers(where) == {"1 checking": [Decimal(-10)]}


@pytest.mark.every_database
@pytest.mark.parametrize("order", list(permutations("12")), ids="".join)
@pytest.mark.slow
def test_accounts_that_were_loaded_as_one_are_parted_as_their_files_come_again(order: tuple[str, ...]) -> None:
    where = connection()
    files = {"1": bank("1", "-10"), "2": bank("2", "-20", days="0102")}
    as_before(where, *files.values())

    for name in (*order, *order):
        put(where, f"{name}.ofx", files[name])

    assert ledgers(where) == {"1 checking": [Decimal(-10)], "2 checking": [Decimal(-20)]}


@pytest.mark.slow
def test_another_bank_takes_nothing_from_an_account_of_before() -> None:
    where = connection()
    as_before(where, bank("1", "-10"))

    put(where, "other.ofx", bank("2", "-10", days="0102"))
    put(where, "again.ofx", bank("1", "-10"))

    assert ledgers(where) == {"1 checking": [Decimal(-10)], "2 checking": [Decimal(-10)]}


@pytest.mark.slow
def test_a_statement_that_looks_like_one_of_the_account_from_before_stays_with_that_account() -> None:
    where = connection()
    as_before(where, bank("1", "-10"))
    put(where, "checking.ofx", bank("1", "-20", days="0102").replace(b"A1", b"C1"))

    put(where, "savings.ofx", bank("1", "-30", days="0102", kind="SAVINGS").replace(b"A1", b"S1"))

    rows = BankTransaction.objects.for_tenant(where.tenant).select_related("account", "statement__account")
    assert len(rows) == 3
    assert all(row.statement.account == row.account for row in rows)


@pytest.mark.slow
def test_the_run_says_whose_entries_another_account_takes() -> None:
    where = connection()
    as_before(where, bank("1", "-10"), bank("2", "-20", days="0102"))
    put(where, "1.ofx", bank("1", "-10"))

    run = put(where, "2.ofx", bank("2", "-20", days="0102"))

    assert "1 entry of the account 5550004 USD (1 checking)" in notes(run)
    assert "went to the account 5550004 USD (2 checking)" in notes(run)


@pytest.mark.slow
def test_an_account_from_before_is_known_with_other_zeros_before_the_number_of_its_bank() -> None:
    where = connection()
    as_before(where, bank("1", "-10"))

    put(where, "again.ofx", bank("001", "-10"))

    assert ledgers(where) == {"1 checking": [Decimal(-10)]}


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.slow
def test_a_format_without_banks_is_of_the_only_account_of_its_number(turned: bool) -> None:
    where = connection()
    ofx = bank("1", "-3").replace(b"5550004", b"NL91ABNA0417164300").replace(b"USD", b"EUR")
    files = [("a.sta", page("7/1", "100,00", "97,00", "D 3,00 Rent")), ("b.ofx", ofx)]

    runs = [put(where, *file) for file in (reversed(files) if turned else files)]

    assert BankAccount.objects.for_tenant(where.tenant).count() == 1
    assert "stored from another format" in notes(runs[-1])
