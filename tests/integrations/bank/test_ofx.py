"""The OFX reader, against real files and samples of our own."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from ingestion.core.errors import UnreadableFile
from integrations.bank.formats.ofx import read
from integrations.bank.statements import Balance, Entry, Statement
from tests.corpora import CORPORA, files
from tests.integrations.bank.ofx_files import SGML, XML, only

UNEXPECTED: dict[str, set[str]] = {
    # The ground truth's regular expression cannot see into CDATA.
    "suncorp.ofx": {"name", "memo"},
}
"""Fields in which we knowingly say more than the ground truth of a file."""


@pytest.mark.parametrize("path", files("bank/ofx"), ids=lambda path: str(path.relative_to(CORPORA / "bank/ofx")))
def test_corpus_file_reads_as_its_ground_truth_says(path: Path) -> None:
    expected = json.loads(path.with_name(f"{path.name}.expected.json").read_text())["statements"]

    if not expected:
        with pytest.raises(UnreadableFile, match="holds no statement"):
            read(path.read_bytes())
        return
    statements = read(path.read_bytes())

    assert [_describe_statement(each) for each in statements] == [_expected(each) for each in expected]
    for statement_found, statement_expected in zip(statements, expected, strict=True):
        entries = [_describe_entry(each) for each in statement_found.entries]
        wanted = [_expected_entry(each) for each in statement_expected["transactions"]]
        for extra in UNEXPECTED.get(path.name, ()):
            for row in (*entries, *wanted):
                row.pop(extra)
        assert entries == wanted


def _describe_statement(each: Statement) -> dict[str, Any]:
    return {
        "account": each.account.identifier,
        "currency": each.account.currency,
        "kind": each.account.kind if each.account.kind not in ("creditcard", "investment") else "",
        "ledger": each.closing and (each.closing.amount, each.closing.on),
        "available": each.available and (each.available.amount, each.available.on),
        "opening": each.opening,
        "problems": each.problems,
    }


def _expected(each: dict[str, Any]) -> dict[str, Any]:
    return {
        "account": (each["account"] or "").replace(" ", ""),
        "currency": each["currency"] or "",
        "kind": (each["account_type"] or "").lower(),
        "ledger": _expected_balance(each["ledger_balance"]),
        "available": _expected_balance(each["available_balance"]),
        "opening": None,
        "problems": (),
    }


def _expected_balance(balance: dict[str, Any] | None) -> tuple[Decimal, date | None] | None:
    """A blank balance is no balance; a day of zeros is no day."""
    if balance is None or balance["amount"] is None:
        return None
    digits = balance["asof"][:8]
    on = None if digits == "00000000" else date.fromisoformat(f"{digits[:4]}-{digits[4:6]}-{digits[6:]}")
    return Decimal(balance["amount"]), on


def _describe_entry(each: Entry) -> dict[str, Any]:
    return {
        "fitid": each.bank_id,
        "type": each.kind,
        "date": each.booked_on,
        "date_raw": each.booked_text,
        "amount": each.amount,
        "amount_raw": each.amount_text,
        "name": each.counterparty,
        "memo": each.description,
        "reference": each.reference,
    }


def _expected_entry(each: dict[str, Any]) -> dict[str, Any]:
    texts = {name: each[name] or "" for name in ("fitid", "type", "date_raw", "amount_raw", "name", "memo")}
    return texts | {
        "date": _real_day(each["date"]),
        "amount": None if each["amount"] is None else Decimal(each["amount"]),
        "reference": each["checknum"] or each["refnum"] or "",
    }


def _real_day(text: str | None) -> date | None:
    """The ground truth cuts dates out of the text without asking whether they exist (2011-20-00)."""
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        return None


def test_sgml_statement_is_read_with_account_balances_and_period() -> None:
    current, card = read(SGML)

    assert (current.account.identifier, current.account.bank, current.account.kind) == (
        "0012345678",
        "20041",
        "checking",
    )
    assert current.closing == Balance(Decimal("1237.50"), "EUR", date(2024, 1, 5))
    assert current.available == Balance(Decimal("1500.00"), "EUR", date(2024, 1, 5))
    assert (current.opening, current.period_start, current.period_end) == (None, date(2024, 1, 1), date(2024, 1, 5))
    assert (card.account.identifier, card.account.bank, card.account.kind) == (
        "4000111122223333",
        "Harbour Bank",
        "creditcard",
    )
    assert (card.entries, card.closing, card.problems) == ((), None, ())


def test_entry_keeps_comma_decimals_entities_dates_and_its_exact_text() -> None:
    first = read(SGML)[0].entries[0]

    assert (first.amount, first.amount_text, first.currency) == (Decimal("-12.50"), "-12,50", "EUR")
    assert (first.booked_on, first.value_on) == (date(2024, 1, 2), date(2024, 1, 3))
    assert (first.counterparty, first.description) == ("Café R&B", "Lunch & tip")
    assert first.raw.startswith("<STMTTRN><TRNTYPE>DEBIT")
    assert first.raw.endswith("<MEMO>Lunch & tip</STMTTRN>")


def test_values_on_the_line_after_the_tag_and_empty_tags_are_read() -> None:
    second = read(SGML)[0].entries[1]

    assert (second.kind, second.amount, second.booked_on) == ("XFER", Decimal("1250.00"), date(2024, 1, 3))
    assert (second.reference, second.description) == ("INV 7", "")
    assert (second.counterparty, second.counterparty_account) == ("Miller Ltd", "998877")


def test_bad_amount_and_date_stay_as_text_and_cost_only_their_own_entry() -> None:
    entries = read(SGML)[0].entries

    assert [each.amount for each in entries] == [Decimal("-12.50"), Decimal("1250.00"), None, None]
    assert (entries[2].amount_text, entries[2].booked_on, entries[2].booked_text) == ("$120", None, "20241399")
    assert (entries[3].amount_text, entries[3].currency) == ("-1,234", "USD")


def test_xml_statement_is_read_with_cdata_and_self_closed_tags() -> None:
    savings = only(XML)

    assert savings.entries[0].counterparty == "Interest <b>&</b> bonus"
    assert (savings.entries[0].description, savings.entries[0].amount) == ("", Decimal("3.14"))
    assert savings.closing == Balance(Decimal("103.14"), "EUR", date(2024, 2, 29))


def test_xml_that_is_not_well_formed_is_still_read() -> None:
    damaged = XML.replace(b"<MEMO/>", b"<MEMO>Bed & breakfast</MEMO>")

    assert only(damaged).entries[0].description == "Bed & breakfast"
