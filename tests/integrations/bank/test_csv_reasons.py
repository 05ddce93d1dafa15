"""A CSV row that cannot be read says what is wrong with it, and not what is right."""

from __future__ import annotations

import pytest

from ingestion.models import DeadLetter
from integrations.bank.formats import read_file
from integrations.bank.statements import EntryStatus
from tests.integrations.bank.test_pipeline_details import connection, load

PAYPAL = "Date,Time,Name,Type,Status,Currency,Gross,Fee,Net,Transaction ID\n"
REVOLUT = "Type,Product,Started Date,Completed Date,Description,Amount,Fee,Currency,State,Balance\n"
UNTIED = f"{PAYPAL}13/06/2026,10:00:00,Ada,Payment,Completed,EUR,100.00,-3.20,97.80,A1\n".encode()
COMMAS = f'{PAYPAL}13/06/2026,10:00:00,Ada,Payment,Completed,EUR,"100,00","-3,20","96,80",A1\n'.encode()


def revolut(state: str, day: str = "2026-06-02 09:00:00") -> bytes:
    return f"{REVOLUT}TRANSFER,Current,2026-06-02 09:00:00,{day},To Ada,-20.00,0.00,EUR,{state},80.00\n".encode()


@pytest.mark.parametrize("data", [UNTIED, COMMAS])
def test_a_thirteenth_has_one_order_although_no_amount_can_be_read(data: bytes) -> None:
    (statement,) = read_file(data)

    assert statement.format == "csv:paypal-dmy"
    assert [str(entry.booked_on) for entry in statement.entries] == ["2026-06-13"]


@pytest.mark.parametrize(
    ("state", "status"),
    [
        ("Completed", EntryStatus.BOOKED),
        ("pending", EntryStatus.PENDING),
        ("Reverted", EntryStatus.VOID),
    ],
)
def test_states_are_known_in_any_case(state: str, status: EntryStatus) -> None:
    (statement,) = read_file(revolut(state))

    assert [(entry.status, str(entry.amount)) for entry in statement.entries] == [(status, "-20.00")]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (UNTIED, "100.00 and a fee of -3.20 do not make the net amount of 97.80"),
        (revolut("Dreamt"), "status 'Dreamt' is none that the layout knows"),
    ],
)
def test_the_dead_letter_names_what_is_at_odds(data: bytes, reason: str) -> None:
    where = connection()

    load(where, "export.csv", data, account="1", currency="EUR")

    assert DeadLetter.objects.for_tenant(where.tenant).get().errors[0]["message"] == reason
