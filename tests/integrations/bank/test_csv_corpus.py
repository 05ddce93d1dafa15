"""Real bank CSV files read as their ground truth says, or as a table says otherwise and why."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from integrations.bank.formats import read_file
from integrations.bank.statements import EntryStatus, Statement
from tests.corpora import CORPORA, files


def only(statements: tuple[Statement, ...]) -> Statement:
    (statement,) = statements
    return statement


DIFFERS = {
    "20180226_12345678.csv": "two banks share the header and 10/02 may be either month: refused until layout= is given",
    "MS_JANE_SMITH_01-12-2019_14-12-2019.csv": "the profile ignores the CR flag: the received payment is a credit",
    "statement_1.csv": "the profile counts the money spent as inflow: a purchase on a card is a debit",
    "test_delimiter_tab.csv": "the profile takes a date for the amount: its twin test_raiffeisen_01.csv is right",
}
"""Corpus files that we read otherwise than their ground truth, each asserted below."""
TRUTHS = [p for p in files("bank/csv") if p.with_name(p.name + ".expected.json").exists()]


def truth(path: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(path.with_name(path.name + ".expected.json").read_text())
    return loaded


def collapsed(*texts: str | None) -> str:
    return " ".join(" ".join(filter(None, texts)).split())


@pytest.mark.slow
@pytest.mark.parametrize("path", [p for p in TRUTHS if p.name not in DIFFERS], ids=lambda p: p.name)
def test_corpus_file_reads_as_its_ground_truth_says(path: Path) -> None:
    expected = truth(path)

    statement = only(read_file(path.read_bytes()))

    if expected.get("expect_error"):
        assert statement.problems or any(e.amount is None for e in statement.entries)
        return
    # The upstream DKB importer drops the settlement of the card on purpose, or keeps it without an amount.
    ours = [e for e in statement.entries if not e.description.casefold().startswith("ausgleich kreditkarte")]
    theirs = [
        t for t in expected["transactions"] if not (t.get("narration") or "").casefold().startswith("ausgleich kredit")
    ]
    assert len(ours) == len(theirs)
    for entry, wanted in zip(ours, theirs, strict=True):
        assert entry.booked_on == (date.fromisoformat(wanted["date"]) if wanted["date"] else None)
        assert entry.amount == (Decimal(wanted["amount"]) if wanted["amount"] else None)
        texts = collapsed(entry.kind, entry.description, entry.counterparty, entry.counterparty_account)
        for key in ("payee", "memo", "narration"):
            assert collapsed(wanted.get(key)) in texts
    balances = [Decimal(b["amount"]) for b in expected.get("balances", [])]
    # 5000.01 in a file that groups with points: upstream reads half a million.
    wanted_balances = [Decimal("5000.01") if amount == Decimal("500001.00") else amount for amount in balances]
    assert ([statement.closing.amount] if statement.closing and balances else []) == wanted_balances


def corpus(name: str) -> Path:
    paths = [path for path in TRUTHS if path.name == name]
    if not paths:
        pytest.skip("the corpora are not here")
    return paths[0]


def test_corpus_file_of_a_shared_header_reads_once_its_layout_is_named() -> None:
    statement = only(read_file(corpus("20180226_12345678.csv").read_bytes(), layout="first-direct"))

    assert [(e.amount, e.booked_on) for e in statement.entries] == [(Decimal("-5.00"), date(2018, 2, 10))]


def test_corpus_card_payment_is_a_credit_and_all_else_a_debit() -> None:
    path = corpus("MS_JANE_SMITH_01-12-2019_14-12-2019.csv")
    statement = only(read_file(path.read_bytes()))
    theirs = [Decimal(t["amount"]) for t in truth(path)["transactions"]]

    assert [e.amount for e in statement.entries] == [*theirs[:-1], -theirs[-1]]
    assert [e.status for e in statement.entries].count(EntryStatus.PENDING) == 3


def test_corpus_card_purchase_is_a_debit() -> None:
    statement = only(read_file(corpus("statement_1.csv").read_bytes()))

    assert [(e.amount, e.booked_on) for e in statement.entries] == [(Decimal("-20.59"), date(2018, 2, 10))]


@pytest.mark.slow
def test_corpus_file_with_two_amount_columns_equals_its_twin_with_one() -> None:
    tab, twin = (
        only(read_file(corpus(name).read_bytes())) for name in ("test_delimiter_tab.csv", "test_raiffeisen_01.csv")
    )

    assert [(e.amount, e.booked_on) for e in tab.entries] == [(e.amount, e.booked_on) for e in twin.entries]
    assert len(tab.entries) == 74
    assert sum(e.amount is None for e in tab.entries) == 1


@pytest.mark.skipif(not CORPORA.exists(), reason="the corpora are not here")
@pytest.mark.parametrize(
    ("name", "layout", "amounts"),
    [
        ("viseca.csv", "viseca", [-29, -10, "-12.9", "-58.45", 80, "105.7", -10, -3, "-111.55"]),
        ("W80844_EBH_201945.202122.csv", "erste-hu", [-350, 1290]),
    ],
)
def test_corpus_file_without_truth_reads_completely(name: str, layout: str, amounts: list[int | str]) -> None:
    path = next(path for path in files("bank/csv") if path.name == name)

    statement = only(read_file(path.read_bytes()))

    assert statement.format == f"csv:{layout}"
    assert [e.amount for e in statement.entries] == [Decimal(amount) for amount in amounts]
    assert all(e.booked_on for e in statement.entries)
