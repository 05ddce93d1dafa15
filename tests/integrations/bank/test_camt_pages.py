"""A CAMT statement over several pages, and entries that stand on none."""

from __future__ import annotations

import pytest

from integrations.bank.formats.camt import read
from integrations.bank.statements import imbalance
from tests.integrations.bank.camt_messages import balance, entry, message, only


def page(number: int, *parts: str, last: bool = False) -> str:
    pagination = f"<StmtPgntn><PgNb>{number}</PgNb><LastPgInd>{str(last).lower()}</LastPgInd></StmtPgntn>"
    return f"<Stmt><Id>S</Id>{pagination}<Acct><Id><IBAN>DE00</IBAN></Id></Acct>{''.join(parts)}</Stmt>"


def file(*pages: str) -> bytes:
    return f"<Document><BkToCstmrStmt>{''.join(pages)}</BkToCstmrStmt></Document>".encode()


def test_pages_with_interim_balances_stay_apart_and_tie_one_by_one() -> None:
    first = page(1, balance("OPBD", "0"), balance("ITBD", "5.00"), entry("5.00"))
    second = page(2, balance("ITBD", "5.00"), balance("CLBD", "9.00"), entry("4.00"), last=True)

    statements = read(file(first, second))

    assert [(each.page, each.last_page, imbalance(each)) for each in statements] == [(1, False, 0), (2, True, 0)]


def test_pages_with_one_balance_each_are_checked_together() -> None:
    first, second = (
        page(1, balance("OPBD", "0"), entry("5.00")),
        page(2, balance("CLBD", "9.00"), entry("4.00"), last=True),
    )

    (statement,) = read(file(first, second))

    assert (imbalance(statement), statement.unproved, statement.last_page) == (0, "", True)
    assert [each.position for each in statement.entries] == [0, 1]


def test_pages_that_all_repeat_the_balances_are_checked_together() -> None:
    ends = balance("OPBD", "0"), balance("CLBD", "9.00")

    (statement,) = read(file(page(1, *ends, entry("5.00")), page(2, *ends, entry("4.00"), last=True)))

    assert imbalance(statement) == 0


def test_a_lost_entry_on_one_of_the_pages_breaks_their_balance() -> None:
    (statement,) = read(file(page(1, balance("OPBD", "0")), page(2, balance("CLBD", "9.00"), entry("4.00"), last=True)))

    assert imbalance(statement) == -5


def test_a_page_alone_says_which_end_is_elsewhere() -> None:
    (first,) = read(file(page(1, balance("OPBD", "0"), entry("5.00"))))
    (last,) = read(file(page(2, balance("CLBD", "9.00"), entry("4.00"), last=True)))

    assert first.unproved.startswith("page 1 of the statement gives no closing balance (CLBD), and the other pages are")
    assert last.unproved.startswith("page 2 of the statement gives no opening balance (OPBD), and the other pages are")


def test_pages_with_a_gap_between_them_are_not_joined() -> None:
    statements = read(file(page(1, balance("OPBD", "0"), entry("5.00")), page(3, balance("CLBD", "9.00"), last=True)))

    assert len(statements) == 2
    assert all(each.unproved for each in statements)


def test_the_message_may_give_the_page() -> None:
    header = "<GrpHdr><MsgPgntn><PgNb>2</PgNb><LastPgInd>true</LastPgInd></MsgPgntn></GrpHdr>"
    data = message(balance("CLBD", "1")).replace(b"<BkToCstmrStmt>", f"<BkToCstmrStmt>{header}".encode())

    assert (only(data).page, only(data).last_page) == (2, True)


def test_an_entry_outside_of_every_statement_is_a_problem() -> None:
    data = message(entry("1.00")).replace(b"</Stmt>", f"<Ntries>{entry('2.00')}</Ntries></Stmt>".encode())

    assert only(data).problems == ("1 entry (Ntry) stands outside of every statement",)


def totals(count: int, whole: str) -> str:
    return f"<TxsSummry><TtlNtries><NbOfNtries>{count}</NbOfNtries><Sum>{whole}</Sum></TtlNtries></TxsSummry>"


@pytest.mark.parametrize("seam", ["", balance("ITBD", "10.00")], ids=["joined", "apart"])
@pytest.mark.parametrize("declaring", [(True, False), (False, True), (True, True)], ids=["first", "last", "both"])
def test_totals_that_are_not_those_of_all_pages_are_a_problem(seam: str, declaring: tuple[bool, bool]) -> None:
    declared = [totals(5, "44.00") if declares else "" for declares in declaring]
    first = page(1, declared[0], balance("OPBD", "0"), seam, entry("10.00"))
    second = page(2, declared[1], seam, balance("CLBD", "30.00"), entry("20.00"), last=True)

    statements = read(file(first, second))

    assert len(statements) == (2 if seam else 1)
    for each in statements:
        assert each.problems == (
            "the bank declares '5' as TtlNtries/NbOfNtries, but the file has 2",
            "the bank declares '44.00' as TtlNtries/Sum, but the file has 30.00",
        )
        assert each.totals == ""


@pytest.mark.parametrize("seam", ["", balance("ITBD", "10.00")], ids=["joined", "apart"])
@pytest.mark.parametrize(
    "declared",
    [(totals(2, "30.00"), ""), (totals(2, "30.00"),) * 2, (totals(1, "10.00"), totals(1, "20.00"))],
    ids=["first", "both", "each-its-own"],
)
def test_totals_of_all_pages_and_of_each_page_hold(seam: str, declared: tuple[str, str]) -> None:
    first = page(1, declared[0], balance("OPBD", "0"), seam, entry("10.00"))
    second = page(2, declared[1], seam, balance("CLBD", "30.00"), entry("20.00"), last=True)

    statements = read(file(first, second))

    assert [(each.problems, each.totals) for each in statements] == [((), "TxsSummry, of booked entries")] * len(
        statements
    )


def test_totals_prove_pages_without_balances() -> None:
    (statement,) = read(file(page(1, totals(2, "9.00"), entry("5.00")), page(2, entry("4.00"), last=True)))

    assert (statement.unproved, statement.totals) == ("", "TxsSummry, of booked entries")


def test_totals_of_pages_of_which_the_last_is_elsewhere_are_no_problem() -> None:
    (statement,) = read(file(page(1, totals(5, "44.00"), entry("5.00")), page(2, entry("4.00"))))

    assert statement.problems == ()
    assert statement.unproved
