"""Real MT940 files read like their ground truth."""

from __future__ import annotations

import json
import re
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from ingestion.core.errors import UnreadableFile
from integrations.bank.formats.mt940 import read
from integrations.bank.statements import Entry, Statement, imbalance
from tests.integrations.bank.mt940 import REAL

NOT_STATEMENTS = {
    "wolph__mt940/cmxl_account_balance_credit.sta": "a lone :60F: belongs to no statement",
    "wolph__mt940/cmxl_available_balance.sta": "a lone :64: belongs to no statement",
    "wolph__mt940/self-provided_empty_non_swift.sta": "a lone :NS: belongs to no statement",
}
"""The reference makes a statement of any field; we refuse the file."""
SPLIT_FURTHER = {
    "zilverline__mt940/two_accounts.txt": "the last :20: follows a 0x1A; the reference adds it to the one before",
}
OTHER_TYPE = {
    "fruitl00p__php-mt940/Penta_sample.sta": "no type is given; the reference cuts NONREF into type NONR, reference EF",
    "sandermarechal__jejik-mt940/bug-core-5401.txt": "a blank before the type; the reference has none",
}
POINTERS = {"", "NONREF", "EREF", "KREF+", "MARF"}


def named(path: Path) -> str:
    return f"{path.parent.name}/{path.name}"


def expected(path: Path) -> list[dict[str, Any]]:
    truth = json.loads(path.with_name(path.name + ".expected.json").read_text("utf-8"))
    return truth["statements"]  # type: ignore[no-any-return]


@pytest.mark.parametrize("path", REAL, ids=named)
def test_a_real_file_reads_like_its_ground_truth(path: Path) -> None:
    truths = expected(path)
    if not truths or named(path) in NOT_STATEMENTS:
        with pytest.raises(UnreadableFile):
            read(path.read_bytes())
        return

    statements = read(path.read_bytes())

    if named(path) in SPLIT_FURTHER:
        statements = statements[: len(truths) - 1]
    else:
        assert len(statements) == len(truths)
    for statement, truth in zip(statements, truths, strict=False):
        check_head(statement, truth)
        check_entries(statement, truth, skips_type=named(path) in OTHER_TYPE)


def check_head(statement: Statement, truth: dict[str, Any]) -> None:
    account = (truth["account"] or "").replace(" ", "")
    # Deviations: a name keeps its blanks, and the currency behind a number is taken off, as CAMT writes none there.
    identifier = statement.account.identifier.replace(" ", "")
    assert identifier in {account, account.removesuffix(statement.account.currency or "-")}
    assert statement.reference == (truth["reference"] or "")
    assert statement.number == (truth["statement_number"] or "")
    check_balance(statement, statement.opening, truth["opening"])
    check_balance(statement, statement.closing, truth["closing"])
    available = [balance for balance in truth["available"] if balance["type"] == "64"]
    check_balance(statement, statement.available, available[0] if available else None)
    if truth.get("balance_ties"):
        assert imbalance(statement) == 0
        assert statement.problems == ()


def check_balance(statement: Statement, ours: Any, truth: dict[str, Any] | None) -> None:
    if truth is None:
        # We may know more: a closing balance without its currency is read with the statement's, and must tie.
        assert ours is None or imbalance(statement) == 0
        return
    assert (ours.amount, ours.currency) == (Decimal(truth["amount"]), truth["currency"])
    assert ours.on == readable_day(truth["date"])


def check_entries(statement: Statement, truth: dict[str, Any], *, skips_type: bool) -> None:
    truths = truth["transactions"]
    assert [entry.amount for entry in statement.entries] == [Decimal(row["amount"]) for row in truths]
    for entry, row in zip(statement.entries, truths, strict=True):
        assert row["currency"] in {None, entry.currency}
        assert entry.value_on == readable_day(row["value_date"])
        check_booked(entry, row)
        if skips_type:
            assert (entry.kind, entry.reference) in {("", ""), ("NTRF", "")}
            continue
        assert entry.kind == (row["type_code"] or "").strip()
        check_reference(entry, row)
        assert entry.bank_id == (row["bank_reference"] or "")


def check_booked(entry: Entry, row: dict[str, Any]) -> None:
    written = row["entry_date"] or row["value_date"]
    if row["entry_date"] and row["entry_date"].startswith("INVALID"):
        # The reference gives up where the value date is no day (30 February); the entry date itself can be read.
        assert entry.booked_on is not None
        assert f"INVALID:{entry.booked_on:%m%d}" == row["entry_date"]
    else:
        assert entry.booked_on == readable_day(written)


def check_reference(entry: Entry, row: dict[str, Any]) -> None:
    written = (row["customer_reference"] or "").strip()
    if written in POINTERS:
        # The reference then is the end-to-end one of :86:, where there is one.
        text = re.sub(r"\?[0-9]{2}|\s", "", row["details"] or "")
        assert "".join(entry.reference.split()) in text
    else:
        assert entry.reference == written


def readable_day(text: str | None) -> date | None:
    """Deviation: some banks count interest by months of thirty days; their 30 February is read as its last day."""
    if text in THIRTIETH_OF_FEBRUARY:
        return THIRTIETH_OF_FEBRUARY[text]
    return None if text is None or text.startswith("INVALID") else date.fromisoformat(text)


THIRTIETH_OF_FEBRUARY = {"INVALID:160230": date(2016, 2, 29)}
