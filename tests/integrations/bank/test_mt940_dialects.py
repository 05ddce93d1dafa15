"""What banks do to MT940: each file is read, proved, and never garbled in silence."""

from __future__ import annotations

from decimal import Decimal

import pytest

from ingestion import ConfigurationError
from integrations.bank.account_numbers import iban_doubt
from integrations.bank.formats.mt940 import read
from integrations.bank.statements import imbalance
from tests.integrations.bank.samples_of_cases import case

SWEDISH = """{1:F01BANKSESSAXXX0000000000}{2:I940BANKSESSXXXXN}{4:
:20:R
:25:1
:60F:C240101SEK100,00
:61:240131D10,00NTRFNONREF
:86:HYRA f|r L[GENHET I M\\LNDAL
:62F:C240131SEK90,00
-}
"""


@pytest.mark.parametrize(
    ("name", "amounts"),
    [
        ("mt940_danske_86_before_first_61.sta", [["-100.00"]]),
        ("mt940_handelsbanken_iso646.sta", [["-100"], []]),
        ("mt940_zero_padded_18_digit_balance.sta", [["-100.00"]]),
        ("mt940_amount_without_comma.sta", [["-100"]]),
        ("21_negative_debit.sta", [["104.12"]]),
    ],
)
def test_a_dialect_is_read_and_proved_by_its_balances(name: str, amounts: list[list[str]]) -> None:
    statements = read(case(name))

    assert [[str(entry.amount) for entry in each.entries] for each in statements] == amounts
    assert [(imbalance(each), each.problems) for each in statements] == [(Decimal(0), ())] * len(amounts)


def test_texts_that_belong_to_no_entry_are_counted_as_left_out() -> None:
    (danske,) = read(case("mt940_danske_86_before_first_61.sta"))
    (closing,) = read(b":20:R\n:25:1\n:60F:C240101EUR1,00\n:62F:C240101EUR1,00\n:86:Interest 3 %\n-\n")

    assert danske.left_out == {"texts before the first entry": 2}
    assert closing.left_out == {"texts after the last entry": 1}


def test_details_before_the_first_entry_of_an_interim_report_are_refused_without_totals() -> None:
    text = ":20:R\n:25:1\n:34F:EUR0,\n:86:x\n:61:240131D10,00NTRFX\n{}-\n"

    (bare,) = read(text.format("").encode())
    (statement,) = read(text.format(":90D:1EUR10,00\n").encode())

    assert any("an entry may have been lost" in problem for problem in bare.problems)
    assert statement.problems == ()


def test_national_letters_are_read_when_the_charset_is_told_and_noted_when_not() -> None:
    (statement,) = read(SWEDISH.encode(), charset="iso646-se")
    (untold,) = read(SWEDISH.encode())

    assert statement.entries[0].description == "HYRA för LÄGENHET I MÖLNDAL"
    assert statement.notes == ()
    assert untold.entries[0].description == "HYRA f|r L[GENHET I M\\LNDAL"
    assert "'f|r'" in untold.notes[0]
    assert "charset=iso646-se" in untold.notes[0]


def test_bytes_of_another_charset_are_noted_and_read_when_it_is_told() -> None:
    data = SWEDISH.replace("f|r", "f\u00f6r m\u00fcr").encode("cp850")

    (statement,) = read(data, charset="cp850")
    (untold,) = read(data)

    assert "f\u00f6r m\u00fcr" in statement.entries[0].description
    assert statement.notes == ()
    assert "charset=cp850" in untold.notes[0]


@pytest.mark.parametrize("separator", ["?", "|", "~"])
def test_separators_of_structured_details_are_not_taken_for_letters(separator: str) -> None:
    line = f":86:166{separator}00GUTSCHRIFT{separator}20Miete{separator}32Ada"
    text = f":20:R\n:25:1\n:60F:C240101EUR0,00\n:61:240131C1,00NTRFX\n{line}\n:62F:C240131EUR1,00\n-\n"

    (statement,) = read(text.encode())

    assert statement.notes == ()
    assert statement.entries[0].counterparty == "Ada"


@pytest.mark.parametrize(("opener", "closer"), [("ä", "å"), ("æ", "å"), ("ä", "ü"), ("é", "è")])
def test_an_envelope_whose_braces_became_letters_is_an_envelope(opener: str, closer: str) -> None:
    text = SWEDISH.replace("{", opener).replace("}", closer)

    (statement,) = read(text.encode())

    assert (statement.problems, imbalance(statement)) == ((), 0)


def test_an_unknown_charset_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="iso646-se"):
        read(SWEDISH.encode(), charset="latin-7")


@pytest.mark.parametrize(
    ("identifier", "doubt"),
    [
        ("DE02100100100006820101", ""),
        ("de02100100100006820101", ""),
        ("NL91ABNA0417164300", ""),
        ("DE02100100100006820102", "check digits"),
        ("DE0210010010000682010", "has 21 characters; one of DE has 22"),
        ("XX02100100100006820102", ""),
        ("10020030/1234567", ""),
        ("", ""),
    ],
)
def test_an_iban_with_wrong_check_digits_is_doubted(identifier: str, doubt: str) -> None:
    assert (doubt in iban_doubt(identifier)) if doubt else iban_doubt(identifier) == ""


def details(line: str, *texts: str) -> dict[str, object]:
    text = "\n".join((":20:R", ":25:1", ":60F:C240101EUR0,00", f":61:{line}", *texts, ":62F:C240131EUR1,00", "-"))
    return dict(read(text.encode())[0].entries[0].details)


def test_german_words_have_the_names_that_camt_has() -> None:
    parsed = details(
        "240131C1,00NTRFX",
        ":86:166?00GUTSCHRIFT?20EREF+E-1?21MREF+M-1?22CRED+DE98ZZZ?23ABWA+Ada?24PURP+SALA",
        "?25OAMT+USD 100,00?26SVWZ+Miete?30BANKDEFF?34992",
    )

    assert parsed == {
        "bank_code": "166",
        "booking_text": "GUTSCHRIFT",
        "bank_code_supplement": "992",
        "counterparty_bank": "BANKDEFF",
        "end_to_end_id": "E-1",
        "mandate_id": "M-1",
        "creditor_id": "DE98ZZZ",
        "ultimate_debtor": "Ada",
        "purpose": "SALA",
        "instructed_amount": {"amount": "100.00", "currency": "USD"},
    }


def test_dutch_words_have_the_same_names() -> None:
    parsed = details(
        "240131C1,00NTRFX",
        ":86:/TRTP/SEPA/MARF/M-1/CSID/NL72ZZZ/EREF/NOTPROVIDED/RTRN/MS03/BIC/INGBNL2A/REMI/STRD/CUR/9001/OCMT/USD2,00",
        "/EXCH/0,9/CHGS/EUR1,50/",
    )

    assert parsed == {
        "mandate_id": "M-1",
        "creditor_id": "NL72ZZZ",
        "return_reason": "MS03",
        "counterparty_bank": "INGBNL2A",
        "creditor_references": ["9001"],
        "instructed_amount": {"amount": "2.00", "currency": "USD"},
        "exchange_rate": "0.9",
        "charges": [{"amount": "1.50", "currency": "EUR"}],
    }


def test_the_second_line_of_an_entry_gives_original_amount_and_charges() -> None:
    parsed = details("240131C1,00NTRFX//1\n/OCMT/USD100,00/CHGS/EUR1,50/")

    assert parsed["instructed_amount"] == {"amount": "100.00", "currency": "USD"}
    assert parsed["charges"] == [{"amount": "1.50", "currency": "EUR"}]


@pytest.mark.parametrize("text", ["/OCMT/USD/", "/CHGS/1,50/", "/EXCH/x/", "/OCMT/USDNaN/"])
def test_what_is_no_amount_there_is_left_out(text: str) -> None:
    assert details(f"240131C1,00NTRFX//1\n{text}") == {}


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        (":61:240131D10,00NTRFX\n", "it has no balances and declares no totals"),
        (":61:240131C10,00NTRFX\n:61:240131D10,00NTRFX\n:90C:1EUR10,00\n", "no total is declared for its debits"),
        (":61:240131D10,00NTRFX\n:90D:1EUR10,00\n", ""),
    ],
)
def test_an_interim_report_says_what_its_totals_leave_unproved(fields: str, why: str) -> None:
    (statement,) = read(f":20:R\n:25:1\n:34F:EUR0,\n:13D:2401311200+0100\n{fields}-\n".encode())

    assert (statement.problems, statement.unproved) == ((), why)


def test_totals_in_an_mt940_are_held_against_its_entries_too() -> None:
    text = ":20:R\n:25:1\n:60F:C240101EUR0,00\n:61:240131C1,00NTRFX\n:62F:C240131EUR1,00\n:90C:{}EUR1,00\n-\n"

    (right,), (wrong,) = read(text.format(1).encode()), read(text.format(2).encode())

    assert (right.problems, right.totals) == ((), ":90C:")
    assert any(":90C: declares 2EUR1,00" in problem for problem in wrong.problems)


def test_pages_of_a_statement_are_numbered() -> None:
    text = ":20:R\n:25:1\n:28C:7/2\n:60M:C240101EUR0,00\n:62M:C240131EUR0,00\n-\n"

    (middle,), (last,) = read(text.encode()), read(text.replace(":62M:", ":62F:").encode())

    assert [(page.page, page.last_page) for page in (middle, last)] == [(2, False), (2, True)]
