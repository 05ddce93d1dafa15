"""QIF: lists of an account, days in an order that the file does not name, and what is no entry."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from ingestion.core.errors import AmbiguousFormat, FileTooLarge, UnreadableFile
from integrations.bank.formats import qif, read_file
from integrations.bank.formats.qif_dates import QifDates
from integrations.bank.statements import Entry, Statement


def qif_file(*records: str, head: str = "!Type:Bank") -> bytes:
    return "\r\n".join([head, *(line for record in records for line in (*record.split("|"), "^"))]).encode()


def only(data: bytes, **settings: str) -> Statement:
    (statement,) = qif.read(data, **settings)
    return statement


def entry(record: str, **settings: str) -> Entry:
    (read,) = only(qif_file(record), **settings).entries
    return read


def test_the_content_alone_chooses_the_reader() -> None:
    (statement,) = read_file(b"\xef\xbb\xbf\r\n" + qif_file("D25/06/2026|T-12.50|PCorner Shop|Mweekly"), currency="EUR")

    assert (statement.format, statement.account.kind, statement.account.currency) == ("qif", "checking", "EUR")
    (read,) = statement.entries
    assert (read.booked_on, read.amount) == (date(2026, 6, 25), Decimal("-12.50"))
    assert (read.counterparty, read.description) == ("Corner Shop", "weekly")


@pytest.mark.parametrize(
    ("text", "order", "day"),
    [
        ("06/05/2026", "mdy", date(2026, 6, 5)),
        ("06/05/2026", "dmy", date(2026, 5, 6)),
        ("6/ 5'26", "mdy", date(2026, 6, 5)),
        (" 6/ 5' 6", "mdy", date(2006, 6, 5)),
        ("08/03'2010", "dmy", date(2010, 3, 8)),
        ("28.02'2009", "dmy", date(2009, 2, 28)),
        ("12/31/98", "mdy", date(1998, 12, 31)),
        ("2026-06-05", "ymd", date(2026, 6, 5)),
        ("20260605", "dmy", date(2026, 6, 5)),
        ("26 Jan 2026", "mdy", date(2026, 1, 26)),
        ("6/5/206", "mdy", None),
        ("31/31/2026", "mdy", None),
        ("", "dmy", None),
    ],
)
def test_day_is_read_in_the_order_that_was_told(text: str, order: str, day: date | None) -> None:
    assert QifDates(order).day(text) == day


@pytest.mark.parametrize(
    ("texts", "order"),
    [
        (["06/05/2026", "25/06/2026"], "dmy"),
        (["06/05/2026", "06/25/2026"], "mdy"),
        (["25/06/26", "01/02/26"], "dmy"),
        (["2026-06-05", "2026-06-25"], "ymd"),
        (["05/05/2026", "26 Jan 2026"], "dmy"),
    ],
)
def test_order_of_day_and_month_is_seen_where_only_one_fits_every_day(texts: list[str], order: str) -> None:
    assert QifDates.find("", texts).order == order


def test_days_that_more_than_one_order_fits_are_refused_until_it_is_told() -> None:
    data = qif_file("D06/05/2026|T1.00")

    with pytest.raises(AmbiguousFormat, match="dmy or mdy"):
        qif.read(data)
    assert only(data, dates="dmy").entries[0].booked_on == date(2026, 5, 6)


def test_option_line_names_the_order() -> None:
    data = b"!Option:MDY\n" + qif_file("D06/05/2026|T1.00")

    assert only(data).entries[0].booked_on == date(2026, 6, 5)


@pytest.mark.parametrize(
    ("text", "currency", "amount"),
    [
        ("1,200.00", "USD", "1200.00"),
        ("1.200,00", "EUR", "1200.00"),
        ("1'200.50", "CHF", "1200.50"),
        ("-12.5", "", "-12.5"),
        ("12.500", "KWD", "12.500"),
        ("12.500", "USD", None),
        ("12,500", "JPY", "12500"),
        ("12,000", "JPY", None),
    ],
)
def test_amount_is_read_in_either_style_unless_the_currency_leaves_two_readings(
    text: str, currency: str, amount: str | None
) -> None:
    read = entry(f"D25/06/2026|T{text}", currency=currency)

    assert read.amount == (None if amount is None else Decimal(amount))


def test_every_account_of_the_file_is_a_statement_of_its_own() -> None:
    first = qif_file("NGiro|TBank", head="!Account") + b"\n" + qif_file("D25/06/2026|T1.00")
    second = qif_file("NVisa|TCCard", head="!Account") + b"\n" + qif_file("D26/06/2026|T-2.00", head="!Type:CCard")

    statements = qif.read(first + b"\n" + second)

    assert [(s.account.identifier, s.account.kind, len(s.entries)) for s in statements] == [
        ("Giro", "checking", 1),
        ("Visa", "creditcard", 1),
    ]


def test_category_is_no_text_that_tells_entries_apart() -> None:
    read = entry("D25/06/2026|T-1.00|LFood:Out|Mlunch")

    assert (read.kind, read.description) == ("Food:Out", "lunch")


def test_splits_are_parts_of_their_entry() -> None:
    read = entry("D25/06/2026|T-10.00|SFood|Ebread|$-7.00|SCar|Efuel|$-3.00")

    assert [(part.amount, part.description) for part in read.parts] == [
        (Decimal("-7.00"), "bread Food"),
        (Decimal("-3.00"), "fuel Car"),
    ]


@pytest.mark.parametrize("payee", ["Opening Balance", "Solde initial"])
def test_opening_balance_and_other_lists_are_counted_and_not_loaded(payee: str) -> None:
    data = qif_file(f"D25/06/2026|T5.00|P{payee}|L[Giro]", "D26/06/2026|T1.00") + b"\n"
    data += qif_file("D25/06/2026|NBuy|YShares|T9.00", head="!Type:Invst") + b"\n" + qif_file("NFood", head="!Type:Cat")

    statement = only(data)

    assert [e.amount for e in statement.entries] == [Decimal("1.00")]
    assert statement.left_out == {
        "investment trades": 1,
        "categories": 1,
        "opening balances (a QIF file has no closing one)": 1,
    }


def test_record_whose_end_is_lost_is_still_read() -> None:
    data = b"!Type:Bank\nD25/06/2026\nT1.00\n!Type:Cat\nNFood\n^\n"

    assert len(only(data).entries) == 1


def test_two_records_that_ran_together_refuse_the_statement() -> None:
    (problem,) = only(b"!Type:Bank\nD25/06/2026\nT1.00\nD26/06/2026\nT2.00\n^\n").problems

    assert "the line ^ between two entries is missing" in problem


def test_file_without_entries_says_what_it_holds_instead() -> None:
    with pytest.raises(UnreadableFile, match="1 investment trades"):
        qif.read(qif_file("D25/06/2026|NBuy|YShares|T9.00", head="!Type:Invst"))


def test_more_records_than_the_limit_are_too_large() -> None:
    with pytest.raises(FileTooLarge, match="more than 2 records"):
        qif.read(qif_file(*["D25/06/2026|T1.00"] * 3), max_entries=2)


def test_splits_that_do_not_add_up_are_noted_and_the_amount_stands() -> None:
    right, wrong = "D25/06/2026|T-9.00|SFood|$-4.00|SFuel|$-5.00", "D26/06/2026|T-9.00|SFood|$-4.00|SFuel|$-4.00"

    statement = only(qif_file(right, wrong, wrong))

    assert [str(entry.amount) for entry in statement.entries] == ["-9.00"] * 3
    assert statement.notes == ("the splits of entry 2 of 26/06/2026 make -8.00, not -9.00; and 1 more",)


FIRST, SECOND, THIRD = (f"D{day}/06/2026|T-5.00|PShop {day}" for day in (24, 25, 26))


@pytest.mark.parametrize(
    ("lists", "sizes"),
    [
        ([[FIRST, SECOND], [FIRST, SECOND]], [2, 2]),
        ([[FIRST, SECOND, THIRD], [SECOND, THIRD]], [3, 2]),
        ([[THIRD, SECOND], [SECOND, FIRST], [THIRD]], [2, 2, 1]),
        ([[FIRST, SECOND], [THIRD]], [3]),
        ([[FIRST, SECOND], [SECOND, THIRD]], [4]),
        ([[FIRST], [FIRST]], [2]),
        ([[SECOND], [FIRST], [THIRD], [THIRD]], [4]),
    ],
    ids=["again", "overlap", "both ways", "goes on", "twins", "one record twice", "a list for each record"],
)
def test_lists_of_an_account_are_exports_of_their_own_where_records_or_days_come_again(
    lists: list[list[str]], sizes: list[int]
) -> None:
    statements = qif.read(b"\n".join(qif_file(*records) for records in lists))

    assert [len(each.entries) for each in statements] == sizes


def test_equal_records_of_lists_that_are_read_as_one_are_named() -> None:
    statement = only(qif_file(FIRST, SECOND) + b"\n" + qif_file(SECOND, THIRD))

    (note,) = statement.notes
    assert note == (
        "several lists of the account are read as one. In doubt: 25/06/2026 -5.00; equal entries of two of them count "
        "as two. Where these are exports of their own, upload each as a file of its own"
    )
