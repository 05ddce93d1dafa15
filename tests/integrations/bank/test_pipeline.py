"""Bank files through the whole engine: upload, run, ledger."""

from __future__ import annotations

import json
from decimal import Decimal
from itertools import permutations

import pytest

from ingestion.actions import Actor, Selection, connect, replay, upload
from ingestion.models import Connection, DeadLetter, Run, Tenant
from ingestion.running import execute
from integrations.bank.models import BankAccount, BankStatement, BankTransaction

pytestmark = pytest.mark.django_db(transaction=True)
ACTOR = Actor()


def connection(key: str = "acme") -> Connection:
    tenant, _ = Tenant.objects.get_or_create(key=key, defaults={"name": key.title()})
    return connect(ACTOR, tenant, "bank.statements")


def load(where: Connection, name: str, data: bytes, **config: str) -> Run:
    received = upload(ACTOR, where, name, data, config=config)
    execute(received.run.pk)
    return Run.objects.for_tenant(where.tenant).get(pk=received.run.pk)


def mt940(opening: str, entries: list[tuple[str, str]], closing: str, *, number: str = "1") -> bytes:
    """A statement of one account; entries are (day as YYMMDD, signed amount)."""
    lines = [":20:REF", ":25:NL91ABNA0417164300", f":28C:{number}", f":60F:C260101EUR{opening}"]
    for day, amount in entries:
        mark = "D" if amount.startswith("-") else "C"
        lines += [f":61:{day}{day[2:]}{mark}{amount.lstrip('-')}NTRFNONREF", ":86:Coffee at the bar"]
    return "\r\n".join([*lines, f":62F:C260131EUR{closing}", "-"]).encode()


def ledger(where: Connection) -> list[tuple[str, Decimal]]:
    rows = BankTransaction.objects.for_tenant(where.tenant).order_by("booked_on", "amount", "external_id")
    return [(row.booked_on.isoformat(), row.amount) for row in rows]


@pytest.mark.every_database
def test_a_statement_that_ties_becomes_account_statement_and_transactions() -> None:
    where = connection()

    run = load(where, "jan.sta", mt940("100,00", [("260105", "-10,00"), ("260106", "5,50")], "95,50"))

    assert (run.state, run.read, run.ok, run.skipped, run.dead) == (Run.State.SUCCEEDED, 2, 2, 0, 0)
    assert ledger(where) == [("2026-01-05", Decimal("-10")), ("2026-01-06", Decimal("5.5"))]
    account = BankAccount.objects.for_tenant(where.tenant).get()
    assert (account.identifier, account.currency) == ("NL91ABNA0417164300", "EUR")
    statement = BankStatement.objects.for_tenant(where.tenant).get()
    assert (statement.opening, statement.closing, statement.entries) == (Decimal(100), Decimal("95.5"), 2)


def test_a_statement_that_does_not_tie_is_refused_whole_with_the_difference_and_kept() -> None:
    where = connection()

    run = load(where, "jan.sta", mt940("100,00", [("260105", "-10,00"), ("260106", "5,50")], "90,00"))

    assert (run.state, run.read, run.dead) == (Run.State.PARTIAL, 1, 1)
    assert ledger(where) == []
    dead_letter = DeadLetter.objects.for_tenant(where.tenant).get()
    assert dead_letter.error_class == "StatementImbalance"
    assert "a difference of 5.50" in dead_letter.errors[0]["message"]
    assert len(json.loads(dead_letter.payload)["entries"]) == 2


def test_a_refused_statement_can_be_replayed_once_it_ties() -> None:
    where = connection()
    load(where, "jan.sta", mt940("100,00", [("260105", "-10,00")], "95,00"))
    dead_letter = DeadLetter.objects.for_tenant(where.tenant).get()
    mended = bytes(dead_letter.payload).replace(b'"closing": "95.00"', b'"closing": "90.00"')
    assert mended != bytes(dead_letter.payload)
    DeadLetter.objects.for_tenant(where.tenant).update(payload=mended)

    (run,) = replay(ACTOR, Selection(where.tenant))
    execute(run.pk)

    dead_letter.refresh_from_db()
    assert (dead_letter.status, dead_letter.replay_attempts) == (DeadLetter.Status.REPLAYED, 1)
    assert ledger(where) == [("2026-01-05", Decimal(-10))]


@pytest.mark.every_database
def test_replaying_a_statement_that_still_does_not_tie_counts_the_attempt_and_keeps_it_open() -> None:
    where = connection()
    load(where, "jan.sta", mt940("100,00", [("260105", "-10,00")], "95,00"))

    (run,) = replay(ACTOR, Selection(where.tenant))
    execute(run.pk)

    dead_letter = DeadLetter.objects.for_tenant(where.tenant).get()
    assert (dead_letter.status, dead_letter.replay_attempts, dead_letter.times_seen) == (DeadLetter.Status.NEW, 1, 1)
    assert ledger(where) == []


def test_one_bad_statement_does_not_stop_the_others_of_its_file() -> None:
    where = connection()
    good = mt940("100,00", [("260105", "-10,00")], "90,00", number="1")
    bad = mt940("90,00", [("260106", "-10,00")], "70,00", number="2")

    run = load(where, "two.sta", good + b"\r\n" + bad)

    assert (run.state, run.ok, run.dead) == (Run.State.PARTIAL, 1, 1)
    assert ledger(where) == [("2026-01-05", Decimal(-10))]


@pytest.mark.every_database
@pytest.mark.slow
def test_overlapping_statements_merge_and_twins_survive_in_every_order_of_import() -> None:
    days = {"260105": ["-3,00", "-3,00"], "260106": ["-3,00"], "260107": ["-3,00", "-3,00", "4,00"], "260108": ["1,00"]}

    def balance(until: str) -> str:
        booked = [
            Decimal(amount.replace(",", ".")) for day, amounts in days.items() if day < until for amount in amounts
        ]
        return f"{sum(booked, Decimal(100)):.2f}".replace(".", ",")

    def part(first: str, last: str) -> bytes:
        entries = [(day, amount) for day, amounts in days.items() if first <= day <= last for amount in amounts]
        return mt940(balance(first), entries, balance(str(int(last) + 1)), number=f"{first}-{last}")

    parts = [part("260105", "260106"), part("260106", "260107"), part("260107", "260108")]
    ledgers = []
    for index, order in enumerate(permutations(parts)):
        where = connection(f"order-{index}")
        for data in order:
            load(where, "part.sta", data)
        ledgers.append(ledger(where))

    assert ledgers[0] == sorted(
        (f"2026-01-{day[4:]}", Decimal(amount.replace(",", "."))) for day, amounts in days.items() for amount in amounts
    )
    assert all(ledger_rows == ledgers[0] for ledger_rows in ledgers)


@pytest.mark.slow
def test_the_same_file_again_is_recognised_and_loading_it_again_changes_nothing() -> None:
    where = connection()
    data = mt940("100,00", [("260105", "-10,00"), ("260105", "-10,00")], "80,00")
    first = load(where, "jan.sta", data)

    again = upload(ACTOR, where, "renamed.sta", data)
    forced = upload(ACTOR, where, "renamed.sta", data, again=True)
    execute(forced.run.pk)

    assert again.duplicate
    assert again.run.pk == first.pk
    run = Run.objects.for_tenant(where.tenant).get(pk=forced.run.pk)
    assert (run.state, run.ok, run.skipped) == (Run.State.SUCCEEDED, 0, 2)
    assert len(ledger(where)) == 2


@pytest.mark.every_database
@pytest.mark.slow
def test_two_tenants_with_the_same_file_share_nothing() -> None:
    ours, theirs = connection("ours"), connection("theirs")
    data = mt940("100,00", [("260105", "-10,00")], "90,00")

    load(ours, "jan.sta", data)
    run = load(theirs, "jan.sta", data)

    assert run.ok == 1
    assert (
        BankTransaction.objects.for_tenant(ours.tenant).get().pk
        != BankTransaction.objects.for_tenant(theirs.tenant).get().pk
    )
    paths = {link.artifact.path for link in run.artifact_links.all()}
    assert all(path.startswith("ingestion/theirs/") for path in paths)


@pytest.mark.every_database
def test_a_file_nobody_can_read_fails_its_run_with_a_named_class_and_its_bytes_are_kept() -> None:
    where = connection()

    run = load(where, "holiday.jpg", b"\xff\xd8\xff\xe0 not a statement")

    assert run.state == Run.State.FAILED
    assert run.error_class in {"UnknownFormat", "UnreadableFile"}
    assert run.traceback == ""
    assert run.artifact_links.count() == 1


@pytest.mark.every_database
def test_an_entry_without_a_readable_amount_is_a_dead_letter_and_the_rest_loads() -> None:
    where = connection()
    ofx = b"""OFXHEADER:100
DATA:OFXSGML
VERSION:102

<OFX><BANKMSGSRSV1><STMTTRNRS><STMTRS><CURDEF>USD<BANKACCTFROM><BANKID>1<ACCTID>42<ACCTTYPE>CHECKING</BANKACCTFROM>
<BANKTRANLIST><STMTTRN><TRNTYPE>DEBIT<DTPOSTED>20260105<TRNAMT>$120<FITID>1<NAME>Bad</STMTTRN>
<STMTTRN><TRNTYPE>DEBIT<DTPOSTED>20260106<TRNAMT>-7.25<FITID>2<NAME>Good</STMTTRN></BANKTRANLIST>
<LEDGERBAL><BALAMT>10.00<DTASOF>20260131</LEDGERBAL></STMTRS></STMTTRNRS></BANKMSGSRSV1></OFX>"""

    run = load(where, "jan.ofx", ofx)

    assert (run.state, run.ok, run.dead) == (Run.State.PARTIAL, 1, 1)
    dead_letter = DeadLetter.objects.for_tenant(where.tenant).get()
    assert dead_letter.errors == [{"path": "amount", "code": "amount", "message": "'$120' is not an amount"}]
    assert ledger(where) == [("2026-01-06", Decimal("-7.25"))]


def numbered(day: str, *entries: tuple[str, str]) -> bytes:
    """A statement whose bank restarts its own numbering every day; entries are (amount, bank's number)."""
    total = sum((Decimal(amount.replace(",", ".")) for amount, _ in entries), Decimal(100))
    lines = [":20:REF", ":25:NL91ABNA0417164300", f":28C:{day}", ":60F:C260601EUR100,00"]
    lines += [f":61:{d}{d[2:]}D{amount.lstrip('-')}NTRFNONREF//{number}" for d, (amount, number) in _days(day, entries)]
    return "\r\n".join([*lines, f":62F:C260630EUR{total:.2f}".replace(".", ","), "-"]).encode()


def _days(day: str, entries: tuple[tuple[str, str], ...]) -> list[tuple[str, tuple[str, str]]]:
    return list(zip(day.split("+"), entries, strict=True))


@pytest.mark.slow
def test_bank_numbers_that_restart_every_day_neither_merge_nor_double_entries() -> None:
    where = connection()

    load(where, "a.sta", numbered("260601", ("-5,00", "0001")))
    load(where, "b.sta", numbered("260602", ("-7,00", "0001")))
    load(where, "c.sta", numbered("260601+260602", ("-5,00", "0001"), ("-7,00", "0001")))

    assert ledger(where) == [("2026-06-01", Decimal(-5)), ("2026-06-02", Decimal(-7))]


def test_an_amount_with_more_decimals_than_its_currency_is_a_dead_letter() -> None:
    where = connection()
    ofx = b"""OFXHEADER:100
DATA:OFXSGML

<OFX><BANKMSGSRSV1><STMTTRNRS><STMTRS><CURDEF>JPY<BANKACCTFROM><BANKID>1<ACCTID>42<ACCTTYPE>CHECKING</BANKACCTFROM>
<BANKTRANLIST><STMTTRN><TRNTYPE>DEBIT<DTPOSTED>20260105<TRNAMT>-1000.55<FITID>1</STMTTRN>
<STMTTRN><TRNTYPE>DEBIT<DTPOSTED>20260105<TRNAMT>-1000.00<FITID>2</STMTTRN></BANKTRANLIST>
</STMTRS></STMTTRNRS></BANKMSGSRSV1></OFX>"""

    run = load(where, "jan.ofx", ofx)

    assert (run.ok, run.dead) == (1, 1)
    assert DeadLetter.objects.for_tenant(where.tenant).get().errors[0]["code"] == "decimals"


def notice(amount: str, reference: str) -> bytes:
    """A CAMT.054 that announces one booked debit."""
    return f"""<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.054.001.04"><BkToCstmrDbtCdtNtfctn><Ntfctn><Id>N1</Id>
<Acct><Id><IBAN>DE1</IBAN></Id><Ccy>EUR</Ccy></Acct><Ntry><Amt Ccy="EUR">{amount}</Amt><CdtDbtInd>DBIT</CdtDbtInd>
<Sts>BOOK</Sts><BookgDt><Dt>2026-06-01</Dt></BookgDt><AcctSvcrRef>{reference}</AcctSvcrRef></Ntry>
</Ntfctn></BkToCstmrDbtCdtNtfctn></Document>""".encode()


def test_a_notice_is_not_posted_because_its_statement_will_be() -> None:
    where = connection()

    run = load(where, "notice.xml", notice("4.00", "B1"))

    assert (run.state, run.ok, run.skipped) == (Run.State.SUCCEEDED, 0, 1)


def test_an_account_without_statements_can_have_its_notices_posted() -> None:
    where = connection()

    run = load(where, "notice.xml", notice("4.00", "B1"), post_notices=True)

    assert run.ok == 1
    assert ledger(where) == [("2026-06-01", Decimal(-4))]
