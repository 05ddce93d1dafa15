"""Several exports in one CSV file, put together by hand or by a script."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ingestion.core.errors import FileTooLarge
from integrations.bank.formats import csv_parts, read_parts
from integrations.bank.layouts import LAYOUTS, CsvLayout, Preamble
from integrations.bank.statements import Statement
from tests.integrations.bank import plain_layout
from tests.integrations.bank.test_csv_layouts import written

ING = (Path(__file__).parent / "samples" / "ing-de.csv").read_bytes()
DKB = (Path(__file__).parent / "samples" / "dkb-giro.csv").read_bytes()
PLAIN = replace(plain_layout.PLAIN, preamble=Preamble(account=r"^Account \| (.+)$"))
HEAD = "Account;{}\nMade;2024-01-01\nDay;Text;Sum\n"


def parts(text: str | bytes, layout: CsvLayout = PLAIN) -> list[tuple[Statement, ...]]:
    data = text if isinstance(text, bytes) else text.encode()
    return list(read_parts(data, layouts=(*LAYOUTS, layout)))


def shown(text: str) -> list[tuple[str, list[str]]]:
    """Account and texts of every part's one statement."""
    return [(s.account.identifier, [e.description or e.amount_text for e in s.entries]) for (s,) in parts(text)]


@pytest.mark.parametrize("layout", [each for each in LAYOUTS if each.header], ids=lambda layout: layout.name)
def test_every_layout_with_a_header_is_parted_where_it_begins_again(layout: CsvLayout) -> None:
    statements = list(read_parts(written(layout) + b"\r\n" + written(layout), layout=layout.name))

    assert [[e.amount is None for e in s.entries] for (s,) in statements] == [[False], [False]]


def test_second_preamble_names_the_account_of_its_part() -> None:
    text = HEAD.format("A1") + "2024-01-01;a;1,00\n" + HEAD.format("B2") + "2024-01-02;b;2,00\n"

    assert shown(text) == [("A1", ["a"]), ("B2", ["b"])]


def test_header_again_without_its_preamble_is_a_page_break_of_one_export() -> None:
    text = HEAD.format("A1") + "2024-01-01;a;1,00\nDay;Text;Sum\n2024-01-01;a;1,00\n"

    assert shown(text) == [("A1", ["a", "a"])]


def test_row_that_cannot_be_read_before_a_second_preamble_is_kept() -> None:
    text = HEAD.format("A1") + "2024-01-01;a\n" + HEAD.format("A1") + "2024-01-02;b;2,00\n"

    (first,), (second,) = parts(text)

    assert [e.amount_text for e in first.entries] == ["2 columns instead of 3 at line 4"]
    assert [e.description for e in second.entries] == ["b"]


def test_line_numbers_are_those_of_the_file_in_every_part() -> None:
    text = HEAD.format("A1") + "2024-01-01;a;1,00\n\n" + HEAD.format("A1") + "2024-01-02;b\n"

    _, (second,) = parts(text)

    assert second.entries[0].amount_text == "2 columns instead of 3 at line 9"


def test_exports_of_two_banks_with_their_own_delimiters_are_each_read_in_their_layout() -> None:
    text = HEAD.format("A1") + "2024-01-01;a;1,00\n"
    other = "Date,Description,Amount\n2024-01-02,b,-2.50\n"

    (first,), (second,), (third,) = parts(text + other + text)

    assert [s.format for s in (first, second, third)] == ["csv:plain", "csv:date-description-amount", "csv:plain"]
    assert [str(s.entries[0].amount) for s in (first, second, third)] == ["1.00", "-2.50", "1.00"]


def test_preamble_of_another_bank_is_found_by_its_patterns() -> None:
    bare = replace(PLAIN, preamble=Preamble())
    text = "Day;Text;Sum\n2024-01-01;a;1,00\n"

    (first,), *rest = parts(text.encode() + ING, bare)

    assert [e.description for e in first.entries if e.amount is not None] == ["a"]
    assert rest[-1][0].account.identifier == parts(ING)[0][0].account.identifier


def test_byte_order_mark_in_the_middle_does_not_hide_a_second_header() -> None:
    text = HEAD.format("A1").replace("Account;A1\nMade;2024-01-01\n", "") + "2024-01-01;a;1,00\n"

    assert shown(text + "\ufeff" + text) == [("", ["a"]), ("", ["a"])]


@pytest.mark.slow
def test_same_export_again_and_again_has_a_limit() -> None:
    text = "Day;Text;Sum\n2024-01-01;a;1,00\n" * (csv_parts.MAX_PARTS + 2)

    with pytest.raises(FileTooLarge, match="headers"):
        parts(text)


def test_column_names_inside_a_text_begin_no_part() -> None:
    text = HEAD.format("A1") + '2024-01-01;"Day;Text;Sum";1,00\n2024-01-01;Day;2,00\n'

    assert shown(text) == [("A1", ["Day;Text;Sum", "Day"])]


def test_real_exports_of_one_account_joined_have_the_entries_of_each() -> None:
    alone = parts(DKB)

    assert [len(s.entries) for (s,) in parts(DKB + b"\n" + DKB)] == [len(alone[0][0].entries)] * 2
