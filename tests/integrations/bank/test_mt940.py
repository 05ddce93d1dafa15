"""MT940 and MT942 field by field: what is read of our own samples, what is a problem, and what is refused."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from ingestion.core.errors import UnreadableFile
from integrations.bank.formats.mt940 import read
from integrations.bank.statements import Balance, Entry, EntryStatus, imbalance
from tests.integrations.bank.mt940 import TYING, sample


def message(
    *entries: str, opening: str = "C240101EUR100,00", closing: str = "C240131EUR90,00", account: str = "1"
) -> bytes:
    return "\r\n".join(
        (":20:REF", f":25:{account}", ":28C:1/1", f":60F:{opening}", *entries, f":62F:{closing}", "-", "")
    ).encode()


def only_entry(line: str) -> Entry:
    (statement,) = read(message(f":61:{line}"))
    (entry,) = statement.entries
    return entry


@pytest.mark.parametrize("name", TYING)
def test_every_sample_ties_without_problems(name: str) -> None:
    statements = read(sample(name))

    assert [imbalance(statement) for statement in statements] == [Decimal(0)] * len(statements)
    assert not any(statement.problems for statement in statements)


def test_pages_of_one_statement_keep_their_own_balances() -> None:
    first, second = read(sample("mt940_german.sta"))

    assert (first.number, second.number) == ("00012/001", "00012/002")
    assert first.closing == second.opening
    assert first.closing == Balance(Decimal("1250.00"), "EUR", date(2024, 1, 4))
    assert second.available == Balance(Decimal("900.01"), "EUR", date(2024, 3, 1))


def test_a_reversal_turns_its_sign_round() -> None:
    assert only_entry("240131RC10,00NRTINONREF").amount == Decimal("-10.00")
    assert only_entry("240131RD10,00NRTINONREF").amount == Decimal("10.00")
    assert only_entry("240131CR10,00NRTINONREF").amount == Decimal("10.00")  # R is EUR's third letter here


def test_an_entry_date_belongs_to_the_year_nearest_the_value_date() -> None:
    assert only_entry("2401021230D10,00NTRFNONREF").booked_on == date(2023, 12, 30)
    assert only_entry("2312300102D10,00NTRFNONREF").booked_on == date(2024, 1, 2)
    assert only_entry("240131    D10,00NTRFNONREF").booked_on == date(2024, 1, 31)


def test_an_impossible_booking_date_keeps_its_text_for_the_schema() -> None:
    entry = only_entry("240431D10,00NTRFNONREF")

    assert (entry.booked_on, entry.booked_text, entry.amount) == (None, "240431", Decimal("-10.00"))


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("10,", "10"),
        ("0000000010,00", "10.00"),
        ("10.00", "10.00"),
        ("1.000", None),
        ("1.000,00", None),
        ("1_0,00", None),
        ("\uff11\uff10,00", None),
        ("NaN", None),
        ("1e3,0", None),
        (",50", None),
        ("1,00000", None),
        ("1234567890123456,00", None),
    ],
)
def test_only_ascii_digits_with_one_mark_are_an_amount(text: str, amount: str | None) -> None:
    entry = only_entry(f"2401310131D{text}NTRFNONREF")

    assert entry.amount == (None if amount is None else -Decimal(amount))
    assert text in entry.raw


def test_a_line_that_cannot_be_read_is_kept_as_an_entry_without_amount() -> None:
    (statement,) = read(message(":61:24013lD10,00NTRFNONREF", ":86:Miete"))

    assert statement.entries[0].amount is None
    assert statement.entries[0].amount_text == "24013lD10,00NTRFNONREF"
    assert statement.entries[0].raw == ":61:24013lD10,00NTRFNONREF\n:86:Miete"
    assert imbalance(statement) == Decimal("10.00")
    assert statement.problems == ("entry 1 (:61:) cannot be read: '24013lD10,00NTRFNONREF'",)


@pytest.mark.parametrize("line", ["2401310131D\n10,00NTRFNONREF//A1", "2401310131D10,00\nNTRFNONREF//A1"])
def test_a_line_broken_around_its_amount_is_joined(line: str) -> None:
    entry = only_entry(line)

    assert (entry.amount, entry.kind, entry.bank_id) == (Decimal("-10.00"), "NTRF", "A1")


def test_a_bank_id_shared_by_two_entries_is_kept_for_identity_to_judge() -> None:
    lines = (":61:240131D1,00NTRFNONREF//55555", ":61:240131D9,00NTRFNONREF//55555", ":61:240131C0,00NTRFNONREF//77")

    (statement,) = read(message(*lines))

    assert [entry.bank_id for entry in statement.entries] == ["55555", "55555", "77"]


@pytest.mark.parametrize("bank", ["NONREF", "", "0000000", "--"])
def test_a_placeholder_is_no_bank_id(bank: str) -> None:
    assert only_entry(f"240131D10,00NTRFNONREF//{bank}").bank_id == ""


def test_a_closing_balance_without_currency_takes_the_statements() -> None:
    _, statement = read(sample("mt940_bare.txt"))

    assert statement.closing is not None
    assert (statement.closing.amount, statement.closing.currency) == (Decimal("-150.00"), "DEM")
    assert statement.entries[0].description == "bekannt und bezahlt"
    assert statement.entries[0].counterparty == "Meyer"


@pytest.mark.parametrize("closing", ["C24013lEUR90,00", "C240131EUR9O,00", "C240131EU90,00", "", "C240131EUR9.0"])
def test_a_balance_that_cannot_be_read_refuses_the_statement(closing: str) -> None:
    (statement,) = read(message(":61:240131D10,00NTRFNONREF", closing=closing))

    assert statement.closing is None
    assert any("closing balance" in problem for problem in statement.problems)


def test_a_statement_cut_off_before_its_closing_balance_is_refused() -> None:
    whole = message(":61:240131D10,00NTRFNONREF")

    (statement,) = read(whole[: whole.index(b":62F:")])

    assert any("cut off" in problem for problem in statement.problems)


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        (b":25:1\r\n", b"", "account"),
        (b":28C:1/1", b":28C:1/1\r\nstray", "text where none may stand after :28C:"),
        (b":62F:", b":60F:", "more than once"),
        (b"EUR90", b"USD90", "opening in EUR but closing in USD"),
        (b":61:240131D10", b":86:left over\r\n:61:240131D11", "an entry may have been lost"),
        (b"NONREF", b"NONREF :61:240131D1,00NTRF", "a field :61: inside a text"),
        (b"\r\n:62F", b":62F", "a field :62F inside a text"),
        (b"-\r\n", b":64:C24\r\n", "available balance"),
        (b"-\r\n", b":61:240131D1,00NTRF\r\n", "1 entry stands after the closing balance"),
    ],
)
def test_what_does_not_belong_is_a_problem(old: bytes, new: bytes, problem: str) -> None:
    (statement,) = read(message(":61:240131D10,00NTRFNONREF").replace(old, new))

    assert any(problem in text for text in statement.problems)


def test_unknown_fields_and_dashes_in_narratives_are_not_problems() -> None:
    lines = (
        ":61:240131D10,00NTRFNONREF",
        ":86:Zeile 1",
        "-",
        "-Nr. 5 um T13",
        ":12:11",
        ":65F:Dnullnull7414,3",
        "ignored",
    )

    (statement,) = read(message(*lines))

    assert statement.problems == ()
    assert statement.entries[0].description == "Zeile 1 - -Nr. 5 um T13 :12:11"


@pytest.mark.parametrize("clock", [":20:15 Karte", ":25:30", ":28:59"])
def test_a_wrapped_time_stamp_does_not_open_a_statement(clock: str) -> None:
    (statement,) = read(message(":61:240131D10,00NTRFNONREF", ":86:Kauf 2024-01-31T09", clock))

    assert not statement.problems
    assert imbalance(statement) == 0


def test_an_interim_report_is_checked_by_its_totals() -> None:
    data = sample("mt942_interim.sta")

    (statement,) = read(data)
    (damaged,) = read(data.replace(b"DN30,50", b"DN30,60", 1))

    assert (statement.format, statement.account.currency, statement.problems) == ("mt942", "PLN", ())
    assert {entry.status for entry in statement.entries} == {EntryStatus.BOOKED}
    assert [entry.amount for entry in statement.entries] == [Decimal("0.01"), Decimal("-30.50"), Decimal("30.50")]
    assert any(":90D:" in problem for problem in damaged.problems)


def test_the_currency_after_an_account_number_is_not_part_of_it() -> None:
    (statement,) = read(sample("mt940_rabobank_2003.swi"))

    assert (statement.account.identifier, statement.account.currency) == ("3000.12.345", "EUR")
    assert statement.entries[0].description == "HUUR OKTOBER TWEEDE REGEL"


def test_structured_details_name_the_counterparty() -> None:
    debit, credit, _ = read(sample("mt940_german.sta"))[0].entries
    slashes, labels = read(sample("mt940_bare.txt"))[0].entries

    assert (debit.counterparty, debit.counterparty_account) == ("Stromwerke Nord GmbH", "DE02120300000000202051")
    assert (debit.description, debit.reference) == ("Rechnung Januar", "INV-2024-0001-ABCDEFGHIJ")
    assert (credit.description, credit.reference) == ("Miete 2024-01-03T09:12:33 Wohnung 4", "KUNDE 77")
    assert (slashes.counterparty, slashes.description, slashes.reference) == ("CAFÉ VOORBEELD", "FACTUUR 12", "E2E-1")
    assert (labels.counterparty, labels.counterparty_account) == ("WINKEL VOORBEELD", "NL39RABO0300065264")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "iso-8859-1", "cp1252", "utf-16"])
@pytest.mark.parametrize("newline", ["\r\n", "\n", "\r"])
def test_encodings_and_line_ends_do_not_change_what_is_read(encoding: str, newline: str) -> None:
    text = sample("mt940_bare.txt").decode("iso-8859-1")

    statements = read(text.replace("\n", newline).encode(encoding))

    assert statements == read(sample("mt940_bare.txt"))


@pytest.mark.parametrize(
    "data", [b"", b"1\n2\n3\n", b":NS:\n", b"\xff\xfe\x00", b"{1:F01}{4:\n-}", b"%PDF-1.7", b"<?xml?>"]
)
def test_a_file_without_a_statement_is_refused_with_advice(data: bytes) -> None:
    with pytest.raises(UnreadableFile):
        read(data)
