"""What a run says was proved of its files, and each reason for which a check does not apply."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from integrations.bank.identity import Ids
from integrations.bank.identity import key_entries as keyed_of
from integrations.bank.pages import StatementPages, reopen_statement
from integrations.bank.proofs import find_fault, list_proofs
from integrations.bank.statements import Account, Balance, Entry, EntryStatus, Statement
from tests.integrations.bank.test_pipeline import connection, load, mt940

DAY = date(2026, 6, 1)
ENTRY = Entry(0, Decimal(-5), "-5", "EUR", DAY, "2026-06-01")
TIED = Statement(
    Account("DE1", "EUR"),
    (ENTRY,),
    "mt940",
    opening=Balance(Decimal(10), "EUR", DAY),
    closing=Balance(Decimal(5), "EUR", DAY),
)


def verdicts(statement: Statement) -> list[str]:
    return [proof.verdict for proof in list_proofs("june.sta", statement)]


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        (TIED, ["balances proved"]),
        (replace(TIED, totals="2 entries"), ["balances proved", "totals proved"]),
        (replace(TIED, unproved="OFX states no opening balance"), ["not checked: OFX states no opening balance"]),
        (replace(TIED, unproved="no balances", totals="2 entries"), ["totals proved"]),
        (replace(TIED, opening=None), ["not checked: the statement gives no opening balance"]),
        (replace(TIED, closing=None), ["not checked: the statement gives no closing balance"]),
        (replace(TIED, opening=None, closing=None), ["not checked: the statement gives no balance"]),
        (
            replace(TIED, entries=(ENTRY, replace(ENTRY, position=1, amount=None, amount_text="$0"))),
            ["not checked: the balances tie, but amounts of booked entries cannot be read"],
        ),
        (
            replace(TIED, entries=(replace(ENTRY, currency="USD"),)),
            ["not checked: booked entries are in another currency than the balances, which are in EUR"],
        ),
        (
            replace(TIED, entries=(ENTRY, replace(ENTRY, position=1, amount=None, status=EntryStatus.PENDING))),
            ["balances proved"],
        ),
    ],
)
def test_each_statement_says_what_it_proves_or_why_nothing(statement: Statement, expected: list[str]) -> None:
    assert find_fault(statement) is None
    assert verdicts(statement) == expected


@pytest.mark.parametrize(
    ("statement", "why"),
    [
        (replace(TIED, problems=("no :62F:",)), "cannot be trusted: no :62F:"),
        (replace(TIED, closing=Balance(Decimal(4), "EUR", DAY)), "a difference of 1"),
        (replace(TIED, closing=Balance(Decimal(5), "USD", DAY)), "opens in EUR and closes in USD"),
        (replace(TIED, entries=(replace(ENTRY, amount=None, amount_text="$5"),)), "a difference of 5"),
        (
            replace(TIED, entries=(replace(ENTRY, amount=None, amount_text="7,00"),)),
            "a difference of 5. Not counted: entry 1: '7,00' is not an amount. Nothing of",
        ),
    ],
)
def test_what_is_disproved_loads_nothing(statement: Statement, why: str) -> None:
    error = find_fault(statement)

    assert error is not None
    assert why in str(error)


@pytest.mark.django_db(transaction=True)
def test_a_run_names_the_verdict_of_each_statement_under_its_file() -> None:
    where = connection()
    good = mt940("100,00", [("260105", "-10,00")], "90,00")
    bad = mt940("90,00", [("260106", "-10,00")], "70,00", number="2")

    run = load(where, "two.sta", good + b"\r\n" + bad)

    assert run.proofs == {
        "two.sta": {"balances proved": 1, "not true: the statement was refused, see its dead letter": 1}
    }


def test_a_refused_statement_names_the_same_cause_again_from_its_dead_letter() -> None:
    statement = replace(TIED, entries=(replace(ENTRY, amount=None, amount_text="7,00"),))
    entries = [keyed for _, group in keyed_of([statement]) for keyed in group]
    (page,) = StatementPages("a.sta", statement, entries, Ids.UNSET).pages(10)
    (refusal,) = page.refused

    (again,) = reopen_statement(refusal.record).refused

    assert "entry 1: '7,00' is not an amount" in str(refusal.error)
    assert str(again.error) == str(refusal.error)
