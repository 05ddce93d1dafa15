"""The parts of a batch, and what a CAMT entry says beyond its texts."""

from __future__ import annotations

from decimal import Decimal

import pytest

from integrations.bank.formats.camt import read
from integrations.bank.statements import Entry
from tests.integrations.bank.camt_messages import balance, entry, message, only
from tests.integrations.bank.samples_of_cases import case


def transaction(amount: str = "", rest: str = "", currency: str = "EUR") -> str:
    own = f'<Amt Ccy="{currency}">{amount}</Amt>' if amount else ""
    return f"<TxDtls>{own}{rest}</TxDtls>"


def booked(*transactions: str, amount: str = "10.00", indicator: str = "CRDT", rest: str = "") -> Entry:
    details = f"<NtryDtls>{''.join(transactions)}</NtryDtls>"
    return only(message(entry(amount, indicator, rest=rest + details))).entries[0]


def test_a_batch_is_one_entry_with_its_parts() -> None:
    (batch,) = read(case("30_batch.xml"))[0].entries

    assert batch.amount == Decimal("429.56")
    assert [
        (part.amount, part.counterparty, part.counterparty_account, part.reference, part.description)
        for part in batch.parts
    ] == [
        (Decimal("329.56"), "Ada Probe", "NL99INGB0000000001", "INV-1", "invoice 1"),
        (Decimal("100.00"), "Ben Muster", "NL99INGB0000000002", "INV-2", "invoice 2"),
    ]


def test_an_entry_of_one_transaction_has_no_parts() -> None:
    assert booked(transaction("10.00")).parts == ()


def test_parts_have_the_sign_of_their_entry_or_their_own() -> None:
    both = booked(
        transaction("12.00"), transaction("2.00", "<CdtDbtInd>CRDT</CdtDbtInd>"), amount="10.00", indicator="DBIT"
    )

    assert [part.amount for part in both.parts] == [Decimal("-12.00"), Decimal("2.00")]


@pytest.mark.parametrize("where", ["TxAmt", "InstdAmt", "CntrValAmt"])
def test_a_part_without_an_amount_of_its_own_has_the_one_in_the_currency_of_the_entry(where: str) -> None:
    detail = f'<AmtDtls><{where}><Amt Ccy="EUR">4.00</Amt></{where}></AmtDtls>'
    foreign = detail.replace("EUR", "USD")

    parts = booked(transaction(rest=detail), transaction(rest=foreign)).parts

    assert [part.amount for part in parts] == [Decimal("4.00"), None]


def test_parts_that_make_another_amount_are_told() -> None:
    details = f"<NtryDtls>{transaction('4.00')}{transaction('5.00')}</NtryDtls>"

    statement = only(message(balance("OPBD", "0"), balance("CLBD", "10.00"), entry("10.00", rest=details)))

    assert statement.problems == ()
    assert statement.notes == ("Entry 1 of 10.00 consists of 2 parts that make 9.00.",)


def test_the_invoice_of_a_structured_remittance_is_kept() -> None:
    (invoice,) = read(case("34_structured_rmt.xml"))[0].entries

    assert invoice.details["documents"] == [{"number": "2026-0815", "type": "CINV"}]
    assert invoice.details["transaction_code"] == "PMNT-RCDT-ESCT"


def test_a_foreign_payment_keeps_its_amount_rate_and_charge() -> None:
    (foreign,) = read(case("35_foreign.xml"))[0].entries

    assert foreign.details["instructed_amount"] == {"amount": "100.00", "currency": "USD"}
    assert foreign.details["transaction_amount"] == {"amount": "90.00", "currency": "EUR"}
    assert [foreign.details[f"exchange_{key}"] for key in ("rate", "from", "to")] == ["0.9", "USD", "EUR"]
    assert foreign.details["charges"] == [{"amount": "1.50", "currency": "EUR"}]


@pytest.mark.parametrize(
    ("xml", "key", "value"),
    [
        ("<Refs><MndtId>M-1</MndtId></Refs>", "mandate_id", "M-1"),
        ("<Refs><EndToEndId>NOTPROVIDED</EndToEndId></Refs>", "end_to_end_id", None),
        ("<RtrInf><Rsn><Cd>AC04</Cd></Rsn></RtrInf>", "return_reason", "AC04"),
        ("<RtrInf><RtrRsn><Prtry>X1</Prtry></RtrRsn></RtrInf>", "return_reason", "X1"),
        ("<Purp><Cd>SALA</Cd></Purp>", "purpose", "SALA"),
        ("<RltdPties><UltmtDbtr><Pty><Nm>Ada</Nm></Pty></UltmtDbtr></RltdPties>", "ultimate_debtor", "Ada"),
        (
            "<RltdPties><Cdtr><Id><PrvtId><Othr><Id>DE98ZZZ</Id></Othr></PrvtId></Id></Cdtr></RltdPties>",
            "creditor_id",
            "DE98ZZZ",
        ),
        (
            "<RltdAgts><DbtrAgt><FinInstnId><BICFI>BANKDEFF</BICFI></FinInstnId></DbtrAgt></RltdAgts>",
            "counterparty_bank",
            "BANKDEFF",
        ),
        ("<RmtInf><Strd><CdtrRefInf><Ref>RF18</Ref></CdtrRefInf></Strd></RmtInf>", "creditor_references", ["RF18"]),
        ("<BkTxCd><Prtry><Cd>NTRF+166</Cd></Prtry></BkTxCd>", "bank_code", "NTRF+166"),
        (
            '<Chrgs><TtlChrgsAndTaxAmt Ccy="CHF">0.70</TtlChrgsAndTaxAmt><Rcrd><Amt Ccy="CHF">0.70</Amt></Rcrd></Chrgs>',
            "charges",
            [{"amount": "0.70", "currency": "CHF"}],
        ),
    ],
)
def test_what_a_transaction_says_has_one_name(xml: str, key: str, value: object) -> None:
    assert booked(transaction(rest=xml)).details.get(key) == value


def test_an_exchange_that_only_the_entry_states_is_kept() -> None:
    exchange = (
        "<AmtDtls><CntrValAmt><CcyXchg><SrcCcy>USD</SrcCcy><XchgRate>1.25</XchgRate></CcyXchg></CntrValAmt></AmtDtls>"
    )

    assert booked(transaction(), rest=exchange).details["exchange_rate"] == "1.25"


@pytest.mark.parametrize("amount", ["NaN", "-5", "1e400", "", "1,5", "9" * 400])
def test_an_amount_that_is_none_has_no_place_in_details_or_parts(amount: str) -> None:
    detail = f'<AmtDtls><InstdAmt><Amt Ccy="EUR">{amount}</Amt></InstdAmt></AmtDtls>'

    batch = booked(transaction(rest=detail), transaction("1.00"))

    assert "instructed_amount" not in batch.parts[0].details
    assert batch.parts[0].amount is None


def test_a_large_batch_keeps_its_transactions_once_and_its_own_xml() -> None:
    party = "<RltdPties><Dbtr><Nm>Ada Probe</Nm></Dbtr></RltdPties><RmtInf><Ustrd>invoice</Ustrd></RmtInf>"
    small, large = (booked(*[transaction("1.00", party)] * count, rest="<NtryRef>R</NtryRef>") for count in (9, 900))

    assert small.raw.count("<TxDtls>") == 9
    assert len(large.parts) == 900
    assert large.raw == (
        '<Ntry><Amt Ccy="EUR">10.00</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts>BOOK</Sts><NtryRef>R</NtryRef>'
        "<NtryDtls><!-- 900 TxDtls, kept as parts --></NtryDtls></Ntry>"
    )


def test_a_large_entry_of_one_transaction_is_kept_as_written() -> None:
    text = "<RmtInf><Ustrd>" + "x" * 70_000 + "</Ustrd></RmtInf>"

    assert text in booked(transaction("10.00", text)).raw
