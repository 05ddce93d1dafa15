"""ING in the Netherlands states the balance after each row in one of its two exports, and it counts there."""

from __future__ import annotations

from itertools import permutations

import pytest

from ingestion.models import Connection, Run
from integrations.bank.models import BankTransaction
from tests.integrations.bank.test_pipeline import connection, load

pytestmark = pytest.mark.django_db(transaction=True)

DUTCH = ("Datum;Naam / Omschrijving;Rekening;Tegenrekening;Code;Af Bij;Bedrag (EUR);Mutatiesoort;Mededelingen", "Bij")
ENGLISH = (
    "Date;Name / Description;Account;Counterparty;Code;Debit/credit;Amount (EUR);Transaction type;Notifications",
    "Credit",
)
BALANCES = {DUTCH: "Saldo na mutatie;Tag", ENGLISH: "Resulting balance;Tag"}


def export(language: tuple[str, str], *balances: int, amount: int = 15) -> bytes:
    """Credits of one day and text, newest first, with the balance after each."""
    header, credit = language
    row = f"20240503;A;NL01INGB0123456789;;GT;{credit};{amount},00;O;x"
    return "\n".join([f"{header};{BALANCES[language]}", *(f"{row};{after},00;" for after in balances)]).encode()


def amounts(where: Connection) -> list[str]:
    rows = BankTransaction.objects.for_tenant(where.tenant).filter(withdrawn="")
    return [f"{row.amount:.2f}" for row in rows]


@pytest.mark.every_database
@pytest.mark.parametrize("language", [DUTCH, ENGLISH], ids=["Dutch", "English"])
@pytest.mark.parametrize("order", list(permutations(range(2))), ids=str)
@pytest.mark.slow
def test_halves_that_overlap_lose_no_twin(language: tuple[str, str], order: tuple[int, ...]) -> None:
    where = connection()
    halves = [export(language, 50, 35), export(language, 65, 50)]

    for at in order:
        load(where, f"{at}.csv", halves[at])

    assert amounts(where) == ["15.00"] * 3


@pytest.mark.parametrize("language", [DUTCH, ENGLISH], ids=["Dutch", "English"])
def test_an_amount_that_its_balances_deny_does_not_load(language: tuple[str, str]) -> None:
    where = connection()

    run = load(where, "may.csv", export(language, 65, 50, 35, amount=16))

    assert run.state != Run.State.SUCCEEDED
    assert amounts(where) == []


def test_the_export_without_balances_loads_and_says_so() -> None:
    where = connection()
    without = b"\n".join(line.rsplit(b";", 2)[0] for line in export(DUTCH, 65, 50).splitlines()).replace(b";", b",")

    run = load(where, "may.csv", without.replace(b"15,00", b'"15,00"'))

    assert (run.state, amounts(where)) == (Run.State.SUCCEEDED, ["15.00"] * 2)
    assert list(run.proofs["may.csv"]) == ["not checked: the file states no balances"]


def test_columns_that_the_layout_does_not_declare_are_named() -> None:
    where = connection()
    wider = b"\n".join(
        line + end for line, end in zip(export(DUTCH, 65, 50).splitlines(), (b";Mood", b";", b";"), strict=True)
    )

    run = load(where, "may.csv", wider)

    assert (run.state, amounts(where)) == (Run.State.SUCCEEDED, ["15.00"] * 2)
    texts = [event.text for event in run.events.all()]
    assert "1 column not read, for the layout declares none such: Mood" in texts
