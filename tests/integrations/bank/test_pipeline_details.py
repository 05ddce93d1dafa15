"""What banks say beside the amounts, from the upload to the ledger and the run's timeline."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from ingestion.actions import Actor, Selection, connect, replay, upload
from ingestion.models import Connection, DeadLetter, Run, Tenant
from ingestion.running import execute
from integrations.bank.models import BankTransaction
from tests.integrations.bank.camt_messages import balance, entry, message
from tests.integrations.bank.samples_of_cases import case

pytestmark = pytest.mark.django_db(transaction=True)
ACTOR = Actor()


def connection(key: str = "acme") -> Connection:
    tenant, _ = Tenant.objects.get_or_create(key=key, defaults={"name": key.title()})
    return connect(ACTOR, tenant, "bank.statements")


def load(where: Connection, name: str, data: bytes, *, again: bool = False, **config: object) -> Run:
    received = upload(ACTOR, where, name, data, config=config, again=again)
    execute(received.run.pk)
    return Run.objects.for_tenant(where.tenant).get(pk=received.run.pk)


def timeline(run: Run) -> str:
    return "\n".join(event.text for event in run.events.all())


def rows(where: Connection) -> list[BankTransaction]:
    return list(BankTransaction.objects.for_tenant(where.tenant).order_by("booked_on", "id"))


def test_the_parts_of_a_batch_are_kept_so_that_invoices_can_be_matched() -> None:
    where = connection()

    run = load(where, "30_batch.xml", case("30_batch.xml"))

    (row,) = rows(where)
    assert (run.state, row.amount) == (Run.State.SUCCEEDED, Decimal("429.56"))
    assert [(part["amount"], part["counterparty"], part["reference"], part["description"]) for part in row.parts] == [
        ("329.56", "Ada Probe", "INV-1", "invoice 1"),
        ("100.00", "Ben Muster", "INV-2", "invoice 2"),
    ]
    assert [part["counterparty_account"] for part in row.parts] == ["NL99INGB0000000001", "NL99INGB0000000002"]


@pytest.mark.every_database
@pytest.mark.slow
def test_structured_remittance_and_exchange_are_kept() -> None:
    where = connection()

    load(where, "34.xml", case("34_structured_rmt.xml"))
    load(where, "35.xml", case("35_foreign.xml"))

    invoice, foreign = rows(where)
    assert invoice.details["documents"][0]["number"] == "2026-0815"
    assert foreign.details["instructed_amount"] == {"amount": "100.00", "currency": "USD"}
    assert (foreign.details["exchange_rate"], foreign.details["charges"][0]["amount"]) == ("0.9", "1.50")


def test_a_run_that_posts_no_notice_says_why_and_names_the_setting() -> None:
    where = connection()

    run = load(where, "37_054.xml", case("37_054.xml"))

    assert (run.state, run.ok, run.skip_reasons) == (Run.State.SUCCEEDED, 0, {"announced only, see post_notices": 1})
    assert "declares '25.00' as TtlNtries/Sum" in timeline(run)


@pytest.mark.slow
def test_an_interim_report_is_announced_only_until_notices_are_posted() -> None:
    where = connection()
    data = b":20:X\n:25:10020030/1\n:28C:1/1\n:34F:EUR0,\n:61:2606020602D5,00NMSCNONREF//a1\n:90D:1EUR5,00\n-\n"

    announced = load(where, "report.sta", data)
    posted = load(where, "report.sta", data, again=True, post_notices=True)

    assert (announced.ok, announced.skip_reasons) == (0, {"announced only, see post_notices": 1})
    assert (posted.state, [row.amount for row in rows(where)]) == (Run.State.SUCCEEDED, [Decimal(-5)])


def test_a_posted_notice_whose_totals_are_wrong_is_refused() -> None:
    run = load(connection(), "37_054.xml", case("37_054.xml"), post_notices=True)

    assert (run.ok, run.dead) == (0, 1)


def test_a_summary_that_the_file_contradicts_is_a_dead_letter() -> None:
    where = connection()

    run = load(where, "39.xml", case("39_summary_mismatch.xml"))

    assert (run.state, rows(where)) == (Run.State.PARTIAL, [])
    assert "declares '25.00'" in DeadLetter.objects.for_tenant(where.tenant).get().errors[0]["message"]


@pytest.mark.slow
def test_a_reversal_that_keeps_its_sign_is_refused_until_the_setting_is_told() -> None:
    where = connection()
    data = case("31_reversal_as_bank_means.xml")

    refused = load(where, "31.xml", data)
    loaded = load(where, "31.xml", data, again=True, reversal="keeps sign")

    assert (refused.dead, loaded.state, loaded.ok) == (1, Run.State.SUCCEEDED, 2)
    assert [row.amount for row in rows(where)] == [Decimal(-20), Decimal(20)]


def test_a_file_that_lies_about_its_encoding_is_read_with_a_note() -> None:
    where = connection()

    run = load(where, "38.xml", case("38_claims_utf8.xml"))

    assert (rows(where)[0].counterparty, rows(where)[0].description) == ("Müller", "für Café")
    assert "read as Windows-1252" in timeline(run)


def test_an_amount_against_the_rule_is_told_with_its_line() -> None:
    where = connection()

    run = load(where, "21.sta", case("21_negative_debit.sta"))

    assert rows(where)[0].amount == Decimal("104.12")
    assert "D-104,12" in timeline(run)


def test_an_iban_with_wrong_check_digits_is_noted() -> None:
    run = load(connection(), "30.xml", case("30_batch.xml"))

    assert "check digits of the IBAN DE99100200300040005000" in timeline(run)


@pytest.mark.slow
def test_a_refused_statement_from_before_there_were_parts_can_be_replayed() -> None:
    where = connection()
    data = case("30_batch.xml").replace(b">1429.56<", b">1429.57<")
    load(where, "30.xml", data)
    dead_letter = DeadLetter.objects.for_tenant(where.tenant).get()
    body = json.loads(dead_letter.payload)
    for kept in body["entries"]:
        del kept["parts"], kept["details"]
    body["head"]["statement"]["closing"] = "1429.56"
    DeadLetter.objects.for_tenant(where.tenant).update(payload=json.dumps(body).encode())

    (run,) = replay(ACTOR, Selection(where.tenant))
    execute(run.pk)

    (row,) = rows(where)
    assert (row.amount, row.parts, row.details) == (Decimal("429.56"), [], {})


@pytest.mark.every_database
@pytest.mark.slow
def test_a_stored_entry_gains_its_parts_when_its_statement_comes_again() -> None:
    where = connection()
    load(where, "30.xml", case("30_batch.xml"))
    BankTransaction.objects.for_tenant(where.tenant).update(parts=[], details={}, digest=b"\0" * 16)

    load(where, "30.xml", case("30_batch.xml"), again=True)

    (row,) = rows(where)
    assert len(row.parts) == 2


@pytest.mark.every_database
@pytest.mark.slow
def test_a_batch_of_thirteen_thousand_transactions_loads() -> None:
    where = connection()
    party = (
        "<Nm>Ada Probe of Musterstadt</Nm><PstlAdr><Ctry>NL</Ctry><AdrLine>Teststraat 12, 1234 AB</AdrLine></PstlAdr>"
    )
    parts = "".join(
        f'<TxDtls><Refs><EndToEndId>INV-{number}</EndToEndId><MndtId>M-{number}</MndtId></Refs><Amt Ccy="EUR">1.00</Amt>'
        f"<CdtDbtInd>CRDT</CdtDbtInd><RltdPties><Dbtr>{party}</Dbtr><DbtrAcct><Id><IBAN>NL99INGB0000000001</IBAN></Id>"
        f"</DbtrAcct></RltdPties><RltdAgts><DbtrAgt><FinInstnId><BIC>INGBNL2A</BIC></FinInstnId></DbtrAgt></RltdAgts>"
        f"<RmtInf><Ustrd>invoice {number} of customer {number}, with thanks</Ustrd></RmtInf></TxDtls>"
        for number in range(13_000)
    )
    batch = entry("13000.00", rest=f"<BookgDt><Dt>2024-01-02</Dt></BookgDt><NtryDtls>{parts}</NtryDtls>")

    run = load(where, "large.xml", message(balance("OPBD", "0"), balance("CLBD", "13000.00"), batch))

    (row,) = rows(where)
    assert (run.state, run.dead, len(row.parts)) == (Run.State.SUCCEEDED, 0, 13_000)
