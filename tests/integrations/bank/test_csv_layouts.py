"""CSV by declared layouts: the built-in ones, the user's own, and files that mean harm."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from ingestion.core.errors import ConfigurationError, FileTooLarge, UnreadableFile
from integrations.bank.formats import csv_file, read_file
from integrations.bank.formats.csv_detect import detect_layout, score
from integrations.bank.layouts import LAYOUTS, Columns, CsvLayout, layout_from_mapping
from integrations.bank.layouts.dkb import GIRO_2018
from integrations.bank.statements import EntryStatus, Statement, imbalance
from tests.integrations.bank.plain_layout import PLAIN

SAMPLES = Path(__file__).parent / "samples"


def only(statements: tuple[Statement, ...]) -> Statement:
    (statement,) = statements
    return statement


def plain(*rows: str, layout: CsvLayout = PLAIN) -> Statement:
    return only(csv_file.read("\n".join(("Day;Text;Sum", *rows)).encode(), layout))


def written(layout: CsvLayout) -> bytes:
    """A file of one row as the layout describes it: 25 December, 12 units out."""
    columns = layout.columns
    names = list(layout.header) or [f"#{n}" for n in range(1, layout.width + 1)]
    day = layout.date_formats[0].replace("%d", "25").replace("%-d", "25").replace("%m", "12").replace("%-m", "12")
    for token, text in {"%b": "Dec", "%Y": "2024", "%y": "24", "%H": "10", "%M": "11", "%S": "12", "%z": "Z"}.items():
        day = day.replace(token, text)
    out = "12" if layout.inverse or columns.debit or columns.sign else "-12"
    values = {columns.booked: day, columns.value: day, columns.amount: out, columns.debit: out}
    values |= {columns.net: out} | ({columns.status: layout.booked[0]} if layout.booked else {})
    values |= {columns.currency: "EUR", columns.sign: layout.debit_flags[0] if layout.debit_flags else ""}
    places = {name or f"#{n}": name for n, name in enumerate(names, 1)}
    rows = ([names] if layout.header else []) + [[values.get(key, "") if key else "" for key in places]]
    if len(names) != len(places):  # a header with one name twice
        rows[-1] = [values.get(f"{name}#2" if name in names[:n] else name, "") for n, name in enumerate(names)]
    quoted = [layout.delimiter[0].join(f'"{cell}"' for cell in row) for row in rows]
    return "\r\n".join(quoted).encode(layout.encodings[-1])


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.name)
def test_every_layout_is_detected_and_read_from_what_it_declares(layout: CsvLayout) -> None:
    data = written(layout)

    statement = only(read_file(data))

    assert statement.format == f"csv:{layout.name}"
    assert [(e.amount, e.booked_on) for e in statement.entries] == [(Decimal(-12), date(2024, 12, 25))]


def test_names_of_layouts_are_unique() -> None:
    assert len({layout.name for layout in LAYOUTS}) == len(LAYOUTS) >= 8


def test_preamble_balance_pending_and_broken_rows_of_dkb_are_read() -> None:
    statement = only(read_file((SAMPLES / "dkb-giro.csv").read_bytes()))

    assert statement.account.identifier == "DE02120300000000202051"
    assert statement.closing is not None
    assert (statement.closing.amount, statement.closing.on) == (Decimal("1234.50"), date(2024, 3, 31))
    assert [e.amount for e in statement.entries] == [Decimal("-1012.90"), Decimal(2000), None, None, Decimal(-9)]
    assert [e.counterparty for e in statement.entries[:2]] == ["Bücher Nord", "FIRMA MUSTER"]
    assert statement.entries[2].amount_text == "-12.50"
    assert statement.entries[3].raw == '"25.03.24";"kaputt"'
    assert statement.entries[3].amount_text == "2 columns instead of 12 at line 9"
    assert [e.status for e in statement.entries].count(EntryStatus.PENDING) == 1
    assert [e.position for e in statement.entries] == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    ("row", "amounts"),
    [
        ('"20.01.2018";"";"";"";"Tagessaldo";"";"";"";"";"";""', []),
        ('"20.01.2018";"";"";"";"Tagessaldo";"";"";"2.500,01";"";"";""', []),
        ('"20.01.2018";"20.01.2018";"Lastschrift";"Nord";"Tagessaldo";"";"";"-5,00";"";"";""', [Decimal("-5.00")]),
        ('"20.01.2018";"20.01.2018";"";"";"Tagessaldo";"";"";"-5,00";"";"";""', [Decimal("-5.00")]),
    ],
    ids=["without-balance", "with-balance", "an-entry", "an-entry-without-counterparty"],
)
def test_daily_balance_of_dkb_is_dropped_and_an_entry_of_that_text_is_not(row: str, amounts: list[Decimal]) -> None:
    header = ";".join(f'"{name}"' for name in GIRO_2018.header)

    statement = only(csv_file.read(f"{header}\n{row}\n".encode(), GIRO_2018))

    assert [e.amount for e in statement.entries] == amounts


def test_running_balances_give_both_ends_of_the_statement() -> None:
    statement = only(read_file((SAMPLES / "ing-de.csv").read_bytes()))

    assert statement.opening is not None
    assert statement.closing is not None
    assert (statement.opening.amount, statement.closing.amount) == (Decimal("100.00"), Decimal("1000.00"))
    assert (statement.period_start, statement.period_end) == (date(2024, 3, 1), date(2024, 3, 31))
    assert imbalance(statement) == 0


def test_a_gap_in_the_running_balances_leaves_the_statement_without_balances() -> None:
    lines = (SAMPLES / "ing-de.csv").read_bytes().split(b"\r\n")
    without_middle = b"\r\n".join(line for line in lines if not line.startswith(b"27.03.2024"))

    statement = only(read_file(without_middle))

    assert len(statement.entries) == 2
    assert (statement.opening, statement.closing) == (None, None)


def test_a_description_over_several_rows_is_one_entry() -> None:
    statement = only(read_file((SAMPLES / "ocbc.csv").read_bytes()))

    assert statement.account.identifier == "501-234567-001"
    assert [(e.amount, e.description) for e in statement.entries] == [
        (Decimal("-1012.90"), "POINT-OF-SALE NORTH PIER BOOKS 0042"),
        (Decimal("2200.00"), "GIRO - SALARY ACME PTE LTD MARCH 2024"),
    ]


def test_a_flag_column_gives_the_sign_and_an_unknown_flag_rejects_only_its_row() -> None:
    statement = only(read_file((SAMPLES / "ing-nl.csv").read_bytes()))

    assert [e.amount for e in statement.entries] == [Decimal("-12.50"), Decimal("1000.00"), None]
    assert statement.entries[2].amount_text == "3,00 Terug"


def test_accounts_in_one_file_are_statements_of_their_own() -> None:
    rows = ['"2024-03-01","-1,00","NL01","","a","x"', '"2024-03-01","1,00","NL02","","b","y"', "broken"]
    data = "\n".join(('"Date","Amount","Account","Counterparty","Name","Description"', *rows)).encode()

    statements = read_file(data)

    assert [(s.account.identifier, len(s.entries)) for s in statements] == [("NL01", 1), ("NL02", 2)]


def test_debit_and_credit_in_one_row_are_refused_with_both_texts() -> None:
    two = replace(PLAIN, header=("Day", "Text", "Sum", "In"), columns=Columns(booked="Day", debit="Sum", credit="In"))

    statement = only(csv_file.read(b"Day;Text;Sum;In\n2024-01-01;a;1,00;2,00\n2024-01-01;a;;0,00\n", two))

    assert [e.amount for e in statement.entries] == [None, Decimal("0.00")]
    assert statement.entries[0].amount_text == "debit '1,00', credit '2,00'"


def test_more_decimals_than_the_currency_has_are_no_amount() -> None:
    statement = plain("2024-01-01;misread mark;1.000,001", "2024-01-01;29 or 29000;29,000")

    assert [e.amount for e in statement.entries] == [None, None]


def test_trailing_delimiters_are_no_columns_but_values_behind_the_table_are() -> None:
    statement = plain("2024-01-01;a;1,00;;", "2024-01-01;a;1,00;surprise", "2024-01-01;a")

    assert [e.amount for e in statement.entries] == [Decimal("1.00"), None, None]


def test_declared_footers_are_dropped_and_undeclared_ones_kept() -> None:
    footed = replace(PLAIN, footers=(r"^Total \|",))

    statement = plain("2024-01-01;a;1,00", "Total;;1,00", "Generated by the bank", layout=footed)

    assert [e.description for e in statement.entries] == ["a", "Generated by the bank"]


def test_a_new_column_in_the_banks_export_does_not_stop_the_layout() -> None:
    data = b"Day;New;Text;Sum\n2024-01-01;?;a;1,00\n"

    assert detect_layout(data, (PLAIN,)) is PLAIN
    assert 0.7 < score(data, PLAIN) < score(b"Day;Text;Sum\n2024-01-01;a;1,00\n", PLAIN) == 1.0
    assert only(read_file(data, layouts=(PLAIN,))).entries[0].amount == Decimal("1.00")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32", "cp1252"])
def test_byte_order_marks_and_declared_encodings_are_understood(encoding: str) -> None:
    data = "Day;Text;Sum\r\n2024-01-01;Größe;1,00\r2024-01-02;b;2,00\n".encode(encoding)

    statement = only(read_file(data, layouts=(PLAIN,)))

    assert [e.amount for e in statement.entries] == [Decimal("1.00"), Decimal("2.00")]
    assert statement.entries[0].description == "Größe"


def test_quoted_cells_keep_their_line_ends_and_the_raw_text() -> None:
    statement = plain('2024-01-01;"two\r\nlines, a ""quote"" and \x0c";1,00')

    assert statement.entries[0].description == 'two\r\nlines, a "quote" and'
    assert statement.entries[0].raw == '2024-01-01;"two\r\nlines, a ""quote"" and \x0c";1,00'


HEAD = b"Day;Text;Sum\n2024-01-01;a;1,00\n"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("data", "refusal"),
    [
        pytest.param(HEAD + b"2024-01-01;" + b"x" * 200_000_000, FileTooLarge, id="field-of-200-MB"),
        pytest.param(HEAD + b"2024-01-01;" + b"x" * 200_000 + b";1,00\n", FileTooLarge, id="field-of-200-kB"),
        pytest.param(HEAD + b";" * 1_000_000, FileTooLarge, id="a-million-columns"),
        pytest.param(HEAD + b'2024-01-01;"a;1,00\n', UnreadableFile, id="quote-never-closed"),
        pytest.param(
            HEAD + b'2024-01-01;"a;1,00\n' + b"2024-01-01;a;1,00\n" * 5000, UnreadableFile, id="quote-open-long"
        ),
        pytest.param(HEAD + b"a\n" * 250_001, FileTooLarge, id="rows-without-end"),
        pytest.param(HEAD + b"\n" * 1_000_001, FileTooLarge, id="blank-lines-without-end"),
        pytest.param(HEAD + b"2024-01-01;a\0b;1,00\n", UnreadableFile, id="NUL"),
        pytest.param(HEAD.decode().encode("utf-16-le"), UnreadableFile, id="utf-16-without-mark"),
        pytest.param(b"\xff\xfe" + HEAD, UnreadableFile, id="mark-of-utf-16-on-other-bytes"),
    ],
)
def test_hostile_csv_ends_in_a_named_error(data: bytes, refusal: type[Exception]) -> None:
    with pytest.raises(refusal):
        csv_file.read(data, PLAIN)


def declared(**changes: object) -> dict[str, object]:
    return {
        "name": "my-bank",
        "bank": "My Bank",
        "header": ["Day", "Text", "Sum"],
        "columns": {"booked": "Day", "amount": "Sum", "description": ["Text"]},
        "date_formats": ["%Y-%m-%d"],
        "currency": "EUR",
        **changes,
    }


def test_a_layout_from_json_reads_like_one_in_code() -> None:
    layout = layout_from_mapping(json.loads(json.dumps(declared())))

    assert layout == replace(PLAIN, name="my-bank", bank="My Bank")
    assert only(read_file(HEAD, layouts=(*LAYOUTS, layout))).format == "csv:my-bank"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"delimitter": ";"}, "unknown key `delimitter`. Did you mean 'delimiter'?"),
        ({"columns": {"booked": "Day", "amout": "Sum"}}, "unknown key `columns.amout`. Did you mean 'amount'?"),
        (
            {"columns": {"booked": "Day", "amount": "Summ"}},
            "`columns.amount` names 'Summ', which is no column. Did you",
        ),
        ({"columns": {"amount": "Sum"}}, "key `columns.booked` is missing"),
        ({"columns": {"booked": "Day"}}, "declare `columns.amount`"),
        ({"columns": ["Day"]}, "`columns` must be an object"),
        ({"header": "Day;Text;Sum"}, "`header` must be a list of texts"),
        ({"inverse": "yes"}, "`inverse` must be true or false"),
        ({"width": True}, "`width` must be a whole number"),
        ({"width": 3}, "declare `header`"),
        ({"name": "My Bank"}, "`name` must be lower-case"),
        ({"decimal": "."}, "`thousands` must be"),
        ({"encodings": ["utf8000"]}, "`encodings` has 'utf8000'"),
        ({"encodings": ["rot13"]}, "`encodings` has 'rot13'"),
        ({"date_formats": ["%d.%m"]}, "needs a year"),
        ({"date_formats": ["%d.%q.%Y"]}, "'%q' is not one of"),
        ({"preamble": {"account": "IBAN (.*"}}, "`preamble.account` is not a regular expression"),
        ({"preamble": {"account": "IBAN .*"}}, "`preamble.account` must have"),
        ({"footers": ["("]}, "`footers[0]` is not a regular expression"),
        ({"debit_flags": ["D"]}, "`columns.sign` comes together"),
    ],
)
def test_a_wrong_key_in_a_declared_layout_is_named(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        layout_from_mapping(declared(**changes))

    assert message in str(caught.value)
