"""An account spelled in several ways, days that February does not have, and damage between amount and type."""

from __future__ import annotations

from datetime import date

import pytest

from integrations.bank.formats.mt940 import read
from integrations.bank.statements import Statement

IBAN = "DE02120300000000202051"


def statement(line: str = "2606100610D10,00NTRFNONREF", account: str = IBAN) -> Statement:
    text = f":20:X\n:25:{account}\n:28C:1/1\n:60F:C260227EUR100,00\n:61:{line}\n:86:A\n:62F:C260630EUR90,00\n-\n"
    (parsed_statement,) = read(text.encode())
    return parsed_statement


@pytest.mark.parametrize(
    ("written", "bank"),
    [
        (IBAN, ""),
        (f"{IBAN}EUR", ""),
        (f"{IBAN} EUR", ""),
        (f"{IBAN}/EUR", ""),
        (f"BYLADEM1001/{IBAN}", "BYLADEM1001"),
        (f"{IBAN}/BYLADEM1", "BYLADEM1"),
        (f"BYLADEM1001/{IBAN}/EUR", "BYLADEM1001"),
        (IBAN.lower() + "/eur", ""),
    ],
)
def test_an_iban_is_the_account_whatever_stands_beside_it(written: str, bank: str) -> None:
    account = statement(account=written).account

    assert (account.identifier, account.bank) == (IBAN, bank)


@pytest.mark.parametrize(
    "written", [f"{IBAN}/001", f"{IBAN}/{IBAN}", "DE03120300000000202051/EUR", "12030000/202051", "BYLADEM1001/202051"]
)
def test_what_may_tell_accounts_apart_stays_part_of_the_number(written: str) -> None:
    assert statement(account=written).account.identifier == written


@pytest.mark.parametrize(
    ("line", "day", "written"),
    [
        ("260230D10,00NMSCNONREF", date(2026, 2, 28), "02-30"),
        ("260229D10,00NMSCNONREF", date(2026, 2, 28), "02-29"),
        ("240230D10,00NMSCNONREF", date(2024, 2, 29), "02-30"),
        ("2602300230D10,00NMSCNONREF", date(2026, 2, 28), "02-30"),
        ("2503010229D10,00NMSCNONREF", date(2025, 2, 28), "02-29"),
    ],
)
def test_a_day_that_february_does_not_have_is_its_last_and_is_told(line: str, day: date, written: str) -> None:
    parsed = statement(line)

    assert parsed.entries[0].booked_on == day
    assert parsed.notes == (f"Entry 1 is of {written}, a day that there is not; read as {day}.",)


@pytest.mark.parametrize("line", ["240229D10,00NMSCNONREF", "2602300228D10,00NMSCNONREF", "2602280228D10,00NMSC"])
def test_a_booking_day_that_exists_is_not_told(line: str) -> None:
    parsed = statement(line)

    assert parsed.entries[0].booked_on is not None
    assert parsed.notes == ()


@pytest.mark.parametrize("line", ["260231D10,00NMSCNONREF", "260431D10,00NMSCNONREF"])
def test_another_impossible_day_stays_one(line: str) -> None:
    assert statement(line).entries[0].booked_on is None


@pytest.mark.parametrize("amount", ["10,0x", "10,00x", "10,0?", "10,00abc"])
def test_damage_between_amount_and_type_refuses_the_statement(amount: str) -> None:
    line = f"2606100610D{amount}NTRFNONREF"

    assert statement(line).problems == (f"entry 1 (:61:) cannot be read: {line!r}",)
