"""Totals that a CAMT statement declares are held against its entries."""

from __future__ import annotations

import pytest

from integrations.bank.formats.camt import read
from integrations.bank.formats.options import Options
from tests.integrations.bank.camt_messages import balance, entry, message, only
from tests.integrations.bank.samples_of_cases import case

PENDING = "<Sts>PDNG</Sts>"
NET = "<TtlNetNtry><Amt>{}</Amt><CdtDbtInd>{}</CdtDbtInd></TtlNetNtry>"


def total(name: str = "TtlNtries", count: str = "", sum_of: str = "", more: str = "") -> str:
    inner = (f"<NbOfNtries>{count}</NbOfNtries>" if count else "") + (f"<Sum>{sum_of}</Sum>" if sum_of else "")
    return f"<{name}>{inner}{more}</{name}>"


def summary(*totals: str) -> str:
    return f"<TxsSummry>{''.join(totals)}</TxsSummry>"


ENTRIES = (entry("10.00"), entry("4.00", "DBIT"), entry("1.00", "DBIT", PENDING))
"""Booked: 2, 14.00 gross, 6.00 net."""


@pytest.mark.parametrize(
    ("declared", "counting"),
    [
        (total(count="2", sum_of="14.00"), "booked entries"),
        (total(count="2", sum_of="14"), "booked entries"),
        (total(count="2", sum_of="6.00"), "booked entries"),
        (total(count="3", sum_of="15.00"), "all entries"),
        (total("TtlCdtNtries", "1", "10.00"), "booked entries"),
        (total("TtlDbtNtries", "2", "5.00"), "all entries"),
        (total(more=NET.format("6.00", "CRDT")), "booked entries"),
        (total(more="<TtlNetNtryAmt>5.00</TtlNetNtryAmt><CdtDbtInd>CRDT</CdtDbtInd>"), "all entries"),
    ],
)
def test_a_total_that_holds_in_one_way_of_counting_is_a_proof_that_names_it(declared: str, counting: str) -> None:
    statement = only(message(summary(declared), *ENTRIES))

    assert (statement.problems, statement.totals, statement.unproved) == ((), f"TxsSummry, of {counting}", "")


@pytest.mark.parametrize(
    "declared",
    [
        total(count="1"),
        total(count="4"),
        total(sum_of="14.01"),
        total(sum_of="x"),
        total(count="2", sum_of="15.00"),
        total("TtlCdtNtries", "2"),
        total("TtlDbtNtries", sum_of="6.00"),
        total(more=NET.format("6.00", "DBIT")),
        total(count="2") + total("TtlDbtNtries", "2"),
    ],
)
def test_a_total_that_no_way_of_counting_makes_true_refuses_the_statement(declared: str) -> None:
    ends = balance("OPBD", "0"), balance("CLBD", "6.00")

    statement = only(message(*ends, summary(declared), *ENTRIES))

    assert any("the bank declares" in problem for problem in statement.problems)
    assert statement.totals == ""


def coded(code: str, count: int, sum_of: str) -> str:
    domain = f"<BkTxCd><Domn><Cd>PMNT</Cd><Fmly><Cd>{code}</Cd></Fmly></Domn></BkTxCd>"
    return f"<TtlNtriesPerBkTxCd><NbOfNtries>{count}</NbOfNtries><Sum>{sum_of}</Sum>{domain}</TtlNtriesPerBkTxCd>"


@pytest.mark.parametrize(
    ("totals", "holds"),
    [
        ((coded("RCDT", 1, "10.00"), coded("ICDT", 1, "4.00")), True),
        ((coded("RCDT", 2, "10.00"),), False),
        ((coded("ICDT", 1, "5.00"),), False),
        ((coded("RDDT", 1, "1.00"),), False),
    ],
)
def test_totals_by_transaction_code_are_held_against_the_entries_of_the_code(
    totals: tuple[str, ...], holds: bool
) -> None:
    code = "<BkTxCd><Domn><Cd>PMNT</Cd><Fmly><Cd>{}</Cd><SubFmlyCd>X</SubFmlyCd></Fmly></Domn></BkTxCd>"
    inside = f"<NtryDtls><TxDtls>{code.format('ICDT')}</TxDtls></NtryDtls>"

    statement = only(
        message(summary(*totals), entry("10.00", rest=code.format("RCDT")), entry("4.00", "DBIT", rest=inside))
    )

    assert (statement.problems == ()) is holds
    assert (statement.totals != "") is holds


def test_a_batch_may_be_counted_as_its_transactions() -> None:
    batch = entry("9.00", rest="<NtryDtls><Btch><NbOfTxs>3</NbOfTxs></Btch></NtryDtls>")

    statement = only(message(summary(total(count="4", sum_of="10.00")), batch, entry("1.00")))

    assert statement.totals == "TxsSummry, of the transactions of booked entries"


def test_a_summary_that_declares_more_than_the_file_has_is_told_with_both_numbers() -> None:
    (statement,) = read(case("39_summary_mismatch.xml"))

    assert statement.problems == (
        "the bank declares '2' as TtlNtries/NbOfNtries, but the file has 1",
        "the bank declares '25.00' as TtlNtries/Sum, but the file has 10.00",
    )


def test_totals_of_all_pages_leave_one_page_unproved() -> None:
    page = "<StmtPgntn><PgNb>1</PgNb><LastPgInd>false</LastPgInd></StmtPgntn>"

    statement = only(message(page, summary(total(count="9")), *ENTRIES))

    assert statement.problems == ()
    assert "may count other pages" in statement.unproved


def test_a_notice_that_is_not_posted_is_not_refused_for_its_totals_but_says_so() -> None:
    (posted,) = read(case("37_054.xml"))
    (announced,) = read(case("37_054.xml"), Options(posts_notices=False))

    assert posted.problems
    assert (announced.problems, announced.notes) == ((), posted.problems)


def batch(declared: str, *amounts: str, whole: str = "10.00") -> str:
    transactions = "".join(f'<TxDtls><Amt Ccy="EUR">{amount}</Amt></TxDtls>' for amount in amounts)
    return entry(whole, rest=f"<NtryDtls><Btch>{declared}</Btch>{transactions}</NtryDtls>")


@pytest.mark.parametrize(
    ("declared", "amounts"),
    [
        ("<NbOfTxs>2</NbOfTxs>", ("4.00", "6.00")),
        ('<NbOfTxs>2</NbOfTxs><TtlAmt Ccy="EUR">10.00</TtlAmt>', ("4.00", "6.00")),
        ("<NbOfTxs>20</NbOfTxs>", ()),
        ("<NbOfTxs>20</NbOfTxs>", ("10.00",)),
        ('<TtlAmt Ccy="USD">12.00</TtlAmt>', ()),
    ],
)
def test_a_batch_that_holds_what_it_declares_or_only_a_stand_in_is_read(
    declared: str, amounts: tuple[str, ...]
) -> None:
    assert only(message(batch(declared, *amounts))).problems == ()


@pytest.mark.parametrize(
    ("declared", "amounts", "expected"),
    [
        ("<NbOfTxs>3</NbOfTxs>", ("4.00", "6.00"), "declares 3 transactions"),
        ("<NbOfTxs>2</NbOfTxs>", ("4.00",), "declares 2 transactions"),
        ("<NbOfTxs>1</NbOfTxs>", ("4.00", "6.00"), "declares 1 transactions"),
        ('<TtlAmt Ccy="EUR">11.00</TtlAmt>', ("4.00", "6.00"), "declares 11.00"),
        ('<TtlAmt Ccy="EUR">11.00</TtlAmt>', (), "declares 11.00"),
    ],
)
def test_a_batch_that_lost_a_part_refuses_the_statement(declared: str, amounts: tuple[str, ...], expected: str) -> None:
    assert any(expected in problem for problem in only(message(batch(declared, *amounts))).problems)


@pytest.mark.parametrize(
    ("parts", "kind", "why"),
    [
        ((), "Stmt", "no opening balance (OPBD) and no closing balance (CLBD); it declares no totals"),
        ((balance("OPBD", "1"),), "Stmt", "no closing balance (CLBD)"),
        ((), "Rpt", "a report or notice has no balances"),
        ((balance("OPBD", "0"), balance("CLBD", "10.00")), "Stmt", ""),
    ],
)
def test_what_nothing_proves_says_why(parts: tuple[str, ...], kind: str, why: str) -> None:
    outer = {"Stmt": "BkToCstmrStmt", "Rpt": "BkToCstmrAcctRpt"}[kind]

    unproved = only(message(*parts, entry("10.00"), kind=outer, part=kind)).unproved

    assert (why in unproved) if why else unproved == ""
