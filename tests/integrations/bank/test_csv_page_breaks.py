"""A header that comes again without a preamble: a page break of one export, or another export that overlaps it."""

from __future__ import annotations

import pytest

from integrations.bank.formats import read_parts

HEAD = "Date,Description,Amount\n"
WITH_BALANCE = "Date,Description,Amount,Balance\n"
PAGE_BREAK = "the header comes 1 more time without a preamble: read as page breaks of one export"


def sizes(text: str) -> list[int]:
    """How many entries each part has."""
    return [len(statement.entries) for (statement,) in read_parts(text.encode(), currency="EUR")]


def rows(*days_and_texts: str) -> str:
    return "".join(f"2026-06-{each[:2]},{each[2:]},-5.00\n" for each in days_and_texts)


@pytest.mark.parametrize(
    ("above", "below", "twins"),
    [
        (rows("01a", "02b"), rows("02b", "03c"), 1),
        (rows("03c", "02b"), rows("02b", "01a"), 1),
        (rows("01a", "02b", "02b"), rows("02b", "02b", "03c"), 2),
        (rows("01a", *["02b"] * 6), rows(*["02b"] * 6, "03c"), 6),
        (rows("01a", "02b"), rows("02c"), 0),
        (rows("02a", "02b"), rows("02c", "02d"), 0),
        ('2026-06-01,"a, or\nb",-5.00\n', rows("02b"), 0),
    ],
)
def test_equal_rows_on_both_sides_of_a_page_break_are_twins_and_named(above: str, below: str, twins: int) -> None:
    ((statement,),) = read_parts((HEAD + above + HEAD + below).encode(), currency="EUR")

    assert len(statement.entries) == (above + below).count("-5.00")
    named = "; ".join(["2026-06-02 -5.00"] * min(twins, 5) + ["and more"] * (twins > 5))
    doubt = f". In doubt: {named}; equal rows on both sides of one count as two. Where these are exports of their own, "
    assert statement.notes == (PAGE_BREAK + (f"{doubt}upload each as a file of its own" if twins else ""),)


@pytest.mark.parametrize(
    ("above", "below"),
    [
        (rows("01a", "02b"), rows("01a", "02b")),
        (rows("01a", "02b", "02c"), rows("02b", "02c", "03d")),
        (rows("03d", "02c", "02b"), rows("02c", "02b", "01a")),
        (rows("01a", "05b"), rows("03c", "06d")),
        (rows("05a", "01b"), rows("09c", "06d")),
        (rows("05a"), rows("03c", "06d")),
        ('2026-06-05,"a, b",-5.00\n', rows("03c", "06d")),
    ],
)
def test_rows_or_days_that_come_again_are_another_export(above: str, below: str) -> None:
    assert sizes(HEAD + above + HEAD + below) == [above.count("-5.00"), below.count("-5.00")]


@pytest.mark.parametrize(
    "pages",
    [
        (rows("02b"), rows("01a"), rows("03c"), rows("03c", "03d")),
        (rows("01a", "02b"), rows("02b"), rows("02b"), rows("01a", "02b")),
        (rows("03d", "02b"), rows("02b"), rows("01a"), rows("04e")),
    ],
)
def test_a_header_that_leaves_it_open_begins_an_export_where_another_one_of_the_file_does(
    pages: tuple[str, ...],
) -> None:
    assert sizes(HEAD + HEAD.join(pages)) == [page.count("-5.00") for page in pages]


def test_the_run_says_which_header_is_read_as_another_export_on_account_of_others() -> None:
    text = HEAD + HEAD.join([rows("01a", "02b"), rows("02b"), rows("01a")])

    _, (second,), _ = read_parts(text.encode(), currency="EUR")

    assert "line 4 is read as the header of another export and no page break" in second.notes[0]


def test_days_that_run_one_way_are_pages_however_many() -> None:
    text = HEAD + HEAD.join([rows("01a", "02b"), rows("02b"), rows("02c", "04d"), rows("09e")])

    assert sizes(text) == [6]


def test_file_put_behind_another_one_is_another_export() -> None:
    assert sizes(HEAD + rows("01a", "02b") + "\ufeff" + HEAD + rows("02b", "03c")) == [2, 2]


def test_balances_that_go_on_tell_twins_from_the_same_row_again() -> None:
    older = "2026-06-10,coffee,-10.00,90.00\n2026-06-09,rent,-50.00,100.00\n"
    newer = "2026-06-11,tea,-5.00,75.00\n2026-06-10,coffee,-10.00,80.00\n"
    again = "2026-06-11,tea,-5.00,75.00\n2026-06-10,coffee,-10.00,90.00\n"

    assert sizes(WITH_BALANCE + older + WITH_BALANCE + newer) == [4]
    assert sizes(WITH_BALANCE + newer + WITH_BALANCE + older) == [4]
    assert sizes(WITH_BALANCE + again + WITH_BALANCE + older) == [2, 2]


def test_lines_below_a_page_break_keep_their_numbers() -> None:
    ((statement,),) = read_parts((HEAD + rows("01a") + HEAD + "2026-06-02,b\n").encode(), currency="EUR")

    assert statement.entries[1].amount_text == "2 columns instead of 3 at line 4"


def test_exports_with_a_gap_between_them_are_refused_with_a_word_on_uploading_each_by_itself() -> None:
    above, below = "2026-06-10,coffee,-1.00,99.00\n", "2026-06-11,rent,-40.00,50.00\n"

    ((statement,),) = read_parts((WITH_BALANCE + above + WITH_BALANCE + below).encode(), currency="EUR")

    assert statement.problems
    assert statement.notes == (f"{PAGE_BREAK}. Where these are exports of their own, upload each as a file of its own",)
