"""Pages of one MT940 or MT942: totals that are declared once for all, and several pages in one block."""

from __future__ import annotations

from decimal import Decimal

import pytest

from integrations.bank.formats.mt940 import read
from integrations.bank.statements import EntryStatus, Statement, imbalance

ENTRY = ":61:2606020602D5,00NMSCNONREF\n:86:A\n"


def page(number: int, opening: str, closing: str, *more: str, entries: str = ENTRY, head: str = "") -> str:
    end = "".join(f"{line}\n" for line in more)
    head = head or ":20:STARTUMSE\n:25:20010020/0012345678\n"
    return f"{head}:28C:5/{number}\n:60{opening}\n{entries}:62{closing}\n{end}"


def first(*more: str) -> str:
    return page(1, "F:C260601EUR100,00", "M:C260602EUR95,00", *more)


def last(*more: str, entries: str = ENTRY, closing: str = "90,00", head: str = "") -> str:
    return page(2, "M:C260602EUR95,00", f"F:C260602EUR{closing}", *more, entries=entries, head=head)


def interim(number: int, *more: str, entries: str = ENTRY) -> str:
    end = "".join(f"{line}\n" for line in more)
    return f":20:X\n:25:10020030/1234567\n:28C:1/{number}\n:34F:EUR0,\n:13D:2606021200+0100\n{entries}{end}-\n"


def statements(*texts: str) -> list[Statement]:
    return list(read("".join(texts).encode()))


def problems(parsed_statements: list[Statement]) -> list[str]:
    return [problem for statement in parsed_statements for problem in statement.problems]


def test_a_total_declared_once_on_the_last_page_counts_the_entries_of_all() -> None:
    parsed_statements = statements(first("-"), last(":90D:2EUR10,00", "-"))

    assert problems(parsed_statements) == []
    assert [statement.totals for statement in parsed_statements] == [":90D:", ":90D:"]
    assert [len(statement.entries) for statement in parsed_statements] == [1, 1]


def test_a_total_of_each_page_stays_that_page_s_own() -> None:
    parsed_statements = statements(first(":90D:1EUR5,00", "-"), last(":90D:1EUR5,00", "-"))

    assert problems(parsed_statements) == []


@pytest.mark.parametrize("total", [":90D:3EUR15,00", ":90D:2EUR10,01", ":90D:0EUR0,00"])
def test_a_total_that_neither_the_page_nor_all_of_them_make_refuses_it(total: str) -> None:
    parsed_statements = statements(first("-"), last(total, "-"))

    assert any(total in problem or ":90D:" in problem for problem in problems(parsed_statements))


def test_a_page_by_itself_may_declare_more_than_it_holds_and_says_so() -> None:
    (statement,) = statements(last(":90D:2EUR10,00", "-"))

    assert (statement.problems, statement.totals) == ((), "")
    assert any("not in this file" in note for note in statement.notes)


@pytest.mark.parametrize("total", [":90D:0EUR10,00", ":90D:2EUR4,00", ":90D:nothing"])
def test_a_page_by_itself_never_declares_less_than_it_holds(total: str) -> None:
    (statement,) = statements(last(total, "-"))

    assert any(":90D:" in problem for problem in statement.problems)


def test_a_whole_statement_is_held_to_its_total_as_before() -> None:
    whole = page(1, "F:C260601EUR100,00", "F:C260602EUR95,00", ":90D:2EUR10,00", "-")

    assert problems(statements(whole))


def test_pages_of_an_interim_report_are_proved_by_the_total_on_the_last() -> None:
    parsed_statements = statements(interim(1), interim(2, ":90D:2EUR10,00", ":90C:0EUR0,00"))

    assert problems(parsed_statements) == []
    assert [(statement.totals, statement.unproved) for statement in parsed_statements] == [(":90D: and :90C:", "")] * 2


def test_a_page_of_an_interim_report_by_itself_is_refused_since_nothing_else_guards_it() -> None:
    assert problems(statements(interim(2, ":90D:2EUR10,00")))


def test_only_an_expected_entry_of_an_interim_report_is_pending() -> None:
    expected = ENTRY.replace("D5,00", "ED5,00")

    (statement,) = statements(interim(1, ":90D:2EUR10,00", entries=ENTRY + expected))

    assert [entry.status for entry in statement.entries] == [EntryStatus.BOOKED, EntryStatus.PENDING]


@pytest.mark.parametrize("head", ["\n", ":25:20010020/0012345678\n"])
def test_pages_that_follow_each_other_in_one_block_are_parted(head: str) -> None:
    parsed_statements = statements(first(), last("-", head=head))

    assert problems(parsed_statements) == []
    assert [(statement.number, statement.page, imbalance(statement)) for statement in parsed_statements] == [
        ("5/1", 1, Decimal()),
        ("5/2", 2, Decimal()),
    ]
    assert {statement.account.identifier for statement in parsed_statements} == {"20010020/0012345678"}
    assert {statement.reference for statement in parsed_statements} == {"STARTUMSE"}


@pytest.mark.parametrize(
    ("written", "instead"),
    [
        (":28C:5/2", ":28C:5/3"),
        (":28C:5/2", ":28C:6/2"),
        (":28C:5/2", ":28C:6"),
        (":60M:C260602EUR95,00", ":60M:C260602EUR94,00"),
        (":60M:", ":60F:"),
        (":62M:", ":62F:"),
    ],
)
def test_a_block_whose_pages_do_not_follow_each_other_is_refused_whole(written: str, instead: str) -> None:
    block = (first() + last("-", head="\n")).replace(written, instead)

    (statement,) = statements(block)

    assert any("two statements may have run together" in problem for problem in statement.problems)


def test_pages_of_one_block_never_take_over_another_account() -> None:
    parsed_statements = statements(first(), last("-", head=":25:20010020/99\n"))

    assert any("two statements may have run together" in problem for problem in problems(parsed_statements))
