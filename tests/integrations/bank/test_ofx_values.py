"""Amounts, dates, characters: the single values of an OFX file."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from integrations.bank.formats.either_mark import parse_either
from integrations.bank.formats.ofx import read
from integrations.bank.formats.ofx_values import day
from tests.integrations.bank.ofx_files import only, statement


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("12", "12"),
        ("+1.5", "1.5"),
        ("-.5", "-0.5"),
        ("5.", "5"),
        ("-00000000001500.0000", "-1500.0000"),
        ("0,123", "0.123"),
        ("1.2345", "1.2345"),
        ("1.234,56", "1234.56"),
        ("-1,234,567.80", "-1234567.80"),
        ("1,234,567", "1234567"),
        ("1,234", None),
        ("1.234", None),
        ("-123.456", None),
        ("0.123", "0.123"),
        ("12,34.56", None),
        ("", None),
        (".", None),
        ("-", None),
        ("$120", None),
        ("NaN", None),
        ("Infinity", None),
        ("1e400", None),
        ("1_000", None),
        ("\uff11\uff12", None),
        ("1 000", None),
        ("--1", None),
        ("9" * 19, None),
        ("0." + "1" * 9, None),
        ("9" * 5_000, None),
    ],
)
def test_amount_is_a_strict_ascii_decimal_or_nothing(text: str, expected: str | None) -> None:
    assert parse_either(text) == (None if expected is None else Decimal(expected))


def test_negative_zero_is_plain_zero() -> None:
    assert str(parse_either("-0.00")) == "0.00"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("20240229", date(2024, 2, 29)),
        ("20240229235959.123[-5:EST]", date(2024, 2, 29)),
        ("20240229120000[0:GMT]", date(2024, 2, 29)),
        ("20240229120000.000 GMT", date(2024, 2, 29)),
        ("20240229120000Z", date(2024, 2, 29)),
        ("20240229120000 CET", None),
        ("202402291200", date(2024, 2, 29)),
        ("20240230", None),
        ("00000000", None),
        ("2024-02-29", None),
        ("29.02.2024", None),
        ("\uff12\uff10240229", None),
        ("", None),
    ],
)
def test_day_is_the_first_eight_digits_of_a_valid_timestamp(text: str, expected: date | None) -> None:
    assert day(text) == expected


def test_header_on_one_line_still_names_its_character_set() -> None:
    header = b"OFXHEADER:100DATA:OFXSGMLVERSION:102ENCODING:USASCIICHARSET:1250COMPRESSION:NONE<OFX>"
    body = (
        statement("<STMTTRN><TRNAMT>1<NAME>LODZ</STMTTRN>").split(b"<OFX>")[1].replace(b"LODZ", "Łódź".encode("cp1250"))
    )

    assert only(header + body).entries[0].counterparty == "Łódź"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_declared_usascii_with_other_text_inside_is_read(encoding: str) -> None:
    text = statement("<STMTTRN><TRNAMT>1<NAME>Zoë</STMTTRN>").decode().replace("OFXHEADER:100", "ENCODING:USASCII")

    assert only(text.encode(encoding)).entries[0].counterparty == "Zoë"


def test_missing_header_and_lower_case_tags_are_read() -> None:
    data = statement("<STMTTRN><TRNAMT>1<FITID>a</STMTTRN>").split(b"\n\n")[1].lower()

    assert only(data).entries[0].bank_id == "a"


@pytest.mark.parametrize(
    ("written", "read_as"),
    [
        ("&#233;", "é"),
        ("&#xE9;", "é"),
        ("&#55296;", "&#55296;"),
        ("&#0;", "&#0;"),
        ("&bomb;", "&bomb;"),
        ("A\0B", "A\ufffdB"),
    ],
)
def test_entity_is_resolved_only_to_a_character_that_can_be_stored(written: str, read_as: str) -> None:
    assert only(statement(f"<STMTTRN><TRNAMT>1<NAME>{written}</STMTTRN>")).entries[0].counterparty == read_as


@pytest.mark.parametrize(
    ("leaves", "corrects", "correction"),
    [
        ("", "", ""),
        ("<CORRECTFITID>C1<CORRECTACTION>REPLACE", "C1", "replace"),
        ("<CORRECTFITID>C1<CORRECTACTION>delete", "C1", "delete"),
        ("<CORRECTFITID>C1", "C1", "replace"),
        ("<CORRECTFITID><CORRECTACTION>DELETE", "", ""),
    ],
)
def test_entry_names_the_one_that_it_corrects_and_how(leaves: str, corrects: str, correction: str) -> None:
    entry = only(statement(f"<STMTTRN><TRNAMT>1<FITID>C2{leaves}</STMTTRN>")).entries[0]

    assert (entry.corrects, entry.correction) == (corrects, correction)


def test_accounts_of_one_number_in_a_file_are_told_apart_by_their_kind() -> None:
    account = "<STMTRS><CURDEF>EUR<BANKACCTFROM><BANKID>1<ACCTID>7<ACCTTYPE>{}</BANKACCTFROM></STMTRS>"
    both, twice = (f"<OFX>{account.format('CHECKING')}{account.format(kind)}</OFX>" for kind in ("SAVINGS", "CHECKING"))

    assert len({each.account.known_by for each in read(f"OFXHEADER:100\n\n{both}".encode())}) == 2
    assert len({each.account.known_by for each in read(f"OFXHEADER:100\n\n{twice}".encode())}) == 1
