"""The CAMT reader, against real files and a sample of our own."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from ingestion.core.errors import FileRefused, UnknownFormat, UnreadableFile
from integrations.bank.formats.camt import read
from integrations.bank.statements import Balance, Entry, EntryStatus, Statement, imbalance
from tests.corpora import CORPORA, files
from tests.integrations.bank.camt_messages import SAMPLE, balance, entry, message, only

STATUSES = {"BOOK": EntryStatus.BOOKED, "PDNG": EntryStatus.PENDING, "INFO": EntryStatus.INFORMATION}


@pytest.mark.parametrize("path", files("bank/camt"), ids=lambda path: str(path.relative_to(CORPORA / "bank/camt")))
def test_corpus_file_reads_as_its_ground_truth_says(path: Path) -> None:
    expected = json.loads(path.with_name(f"{path.name}.expected.json").read_text())["statements"]

    if not expected:
        with pytest.raises(UnreadableFile):
            read(path.read_bytes())
        return
    statements = read(path.read_bytes())

    assert [_describe_statement(each) for each in statements] == [_expected(each) for each in expected]
    for statement_found, statement_expected in zip(statements, expected, strict=True):
        assert [_describe_entry(each) for each in statement_found.entries] == [
            _expected_entry(each) for each in statement_expected["entries"]
        ]
        for entry_found, entry_expected in zip(statement_found.entries, statement_expected["entries"], strict=True):
            assert _expected_texts(entry_expected) <= set(entry_found.description.split(" / "))
        if "balance_ties" in statement_expected:
            ties = imbalance(statement_found) == 0 and not statement_found.problems
            assert ties is statement_expected["balance_ties"]


def _describe_statement(each: Statement) -> dict[str, Any]:
    return {
        "id": each.reference,
        "account": each.account.identifier,
        "currency": each.account.currency,
        "opening": each.opening and (each.opening.amount, each.opening.currency, each.opening.on),
        "closing": each.closing and (each.closing.amount, each.closing.currency, each.closing.on),
        "available": each.available and (each.available.amount, each.available.currency, each.available.on),
    }


def _expected(each: dict[str, Any]) -> dict[str, Any]:
    balances = {
        b["code"]: (Decimal(b["amount"]), b["currency"], date.fromisoformat(b["date"])) for b in each["balances"]
    }
    interim = balances.get("ITBD") if "OPAV" in balances else None  # an intraday ITBD (camt.052) is no closing balance
    return {
        "id": each["id"],
        "account": each["account"],
        "currency": each["currency"] or "",
        "opening": balances.get("OPBD") or balances.get("PRCD"),
        "closing": balances.get("CLBD") or interim,
        "available": balances.get("CLAV"),
    }


def _describe_entry(each: Entry) -> dict[str, Any]:
    return {
        "amount": each.amount,
        "currency": each.currency,
        "status": each.status,
        "booking_date": each.booked_text,
        "booked_on": each.booked_on,
        "value_on": each.value_on,
        "servicer_ref": each.bank_id,
    }


def _expected_entry(each: dict[str, Any]) -> dict[str, Any]:
    days = {name: each[name] and date.fromisoformat(each[name][:10]) for name in ("booking_date", "value_date")}
    return {
        "amount": Decimal(each["amount"]),
        "currency": each["currency"],
        "status": STATUSES[each["status"]],
        "booking_date": each["booking_date"] or "",
        "booked_on": days["booking_date"],
        "value_on": days["value_date"],
        "servicer_ref": each["servicer_ref"] or "",
    }


def _expected_texts(each: dict[str, Any]) -> set[str]:
    details = [
        text for detail in each["transactions"] for text in (*detail["remittance"], *detail["creditor_reference"])
    ]
    return {" ".join(text.split()) for text in (each["info"], *details) if text}


def test_version_1_and_an_envelope_are_read() -> None:
    balances = balance("OPBD", "0").replace("<CdOrPrtry>", "").replace("</CdOrPrtry>", "")
    inner = message(balances, entry(), kind="BkToCstmrStmtV01", namespace="camt.053.001.01")

    statement = only(b"<Envelope><Body>" + inner + b"</Body></Envelope>")

    assert (statement.opening, len(statement.entries)) == (Balance(Decimal(0), "EUR", date(2024, 1, 1)), 1)


def test_namespace_prefix_and_unknown_namespace_are_read() -> None:
    text = SAMPLE.decode().replace("<", "<c:").replace("<c:/", "</c:").replace("<c:?", "<?")
    text = text.replace('xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"', 'xmlns:c="http://bank.example/"')

    assert [len(each.entries) for each in read(text.encode())] == [4, 1]


@pytest.mark.parametrize(
    ("data", "error", "says"),
    [
        (b"<html/>", UnknownFormat, "<html>"),
        (message(namespace="pain.001.001.03"), UnknownFormat, "pain.001.001.03"),
        (b'<Document xmlns="wrong-namespace"/>', UnreadableFile, "holds nothing"),
        (b"<Document><CstmrCdtTrfInitn/></Document>", UnreadableFile, "CstmrCdtTrfInitn"),
        (b"<Document><BkToCstmrStmt/></Document>", UnreadableFile, "no statement"),
        (b"", UnreadableFile, "not well-formed"),
        (SAMPLE[:2_000], UnreadableFile, "not well-formed"),
    ],
)
def test_file_that_is_no_statement_is_refused_with_what_it_is(data: bytes, error: type[FileRefused], says: str) -> None:
    with pytest.raises(error, match=says):
        read(data)
