"""QIF that says two things: an opening balance that is none, T and U at odds, text that begins like a field."""

from __future__ import annotations

from decimal import Decimal

import pytest

from ingestion import UnreadableFile
from ingestion.models import DeadLetter, Run
from integrations.bank.formats import qif, read_file
from integrations.bank.statements import BALANCE_OR_MONEY
from tests.integrations.bank.test_account_names import SHOP, named
from tests.integrations.bank.test_overlap import put
from tests.integrations.bank.test_pipeline import connection
from tests.integrations.bank.test_qif import entry, only, qif_file

OPENING = "D2/12'24|T50.00|POpening Balance|L[Checking]"
OUT = "opening balances (a QIF file has no closing one)"


def amounts(data: bytes, **settings: str) -> list[str]:
    return [each.amount_text for each in only(data, **settings).entries]


def test_the_first_entry_that_names_its_own_account_is_an_opening_balance() -> None:
    statement = only(named("Checking", OPENING, SHOP))

    assert ([each.amount_text for each in statement.entries], statement.left_out) == (["-5.00"], {OUT: 1})


def test_a_transfer_from_another_account_is_money_whatever_it_is_called() -> None:
    data = named("Checking", SHOP, "D2/14'24|T50.00|POpening Balance|L[Savings]")

    assert amounts(data) == ["-5.00", "50.00"]


def test_a_second_opening_balance_is_asked_about_until_the_config_says_what_it_is() -> None:
    data = named("Checking", OPENING, SHOP, OPENING)

    assert amounts(data) == ["-5.00", "50.00 of 'Opening Balance'" + BALANCE_OR_MONEY]
    assert amounts(data, balance_rows="leave out") == ["-5.00"]
    assert amounts(data, balance_rows="post") == ["50.00", "-5.00", "50.00"]


def test_a_list_that_begins_with_the_newest_ends_with_its_opening_balance() -> None:
    assert amounts(named("Checking", SHOP, OPENING)) == ["-5.00"]


def test_t_and_u_that_say_one_amount_are_one() -> None:
    assert entry("D25/06/2026|U-1,200.00|T-1200.00").amount == Decimal("-1200.00")
    assert entry("D25/06/2026|U-7.00").amount == Decimal("-7.00")


@pytest.mark.django_db(transaction=True)
@pytest.mark.every_database
def test_t_and_u_that_contradict_are_a_dead_letter_that_names_both() -> None:
    where = connection()

    run = put(
        where, "a.qif", qif_file("D25/06/2026|U-100.00|T-10.00", "D26/06/2026|T1.00"), currency="USD", account="7"
    )

    assert (run.state, run.ok, run.dead) == (Run.State.PARTIAL, 1, 1)
    (error,) = DeadLetter.objects.for_tenant(where.tenant).get().errors
    assert error["message"] == "the entry says -10.00 in its line T and -100.00 in its line U"


@pytest.mark.parametrize(("line", "mark"), [("Transaction 1", "amount"), ("Deposit", "day"), ("DEPOSIT", "day")])
def test_a_line_of_text_that_begins_like_a_field_is_text_and_noted(line: str, mark: str) -> None:
    statement = only(qif_file(f"D25/06/2026|T60.00|{line}|LDEP", f"D26/06/2026|{line}|T9.00|Mwith a memo"))

    assert statement.problems == ()
    assert [each.amount for each in statement.entries] == [Decimal("60.00"), Decimal("9.00")]
    assert [each.description for each in statement.entries] == [line, f"with a memo {line}"]
    (note,) = statement.notes
    assert note == (
        f"the line '{line}' of record 1 begins like the {mark} of an entry ({line[0]}) and is none: it is read as text; "
        "and 1 more"
    )


@pytest.mark.parametrize(
    ("record", "seen"),
    [
        ("D25/06/2026|T1.00|TUSD 2.00", "two amounts, '1.00' and 'USD 2.00'"),
        ("D25/06/2026|T1.00|Total 2.00", "two amounts, '1.00' and 'otal 2.00'"),
        ("D25/06/2026|Deposit 26/06/2026|T1.00", "two days, '25/06/2026' and 'eposit 26/06/2026'"),
        ("D25/06/2026|D26 Jan 2026|T1.00", "two days, '25/06/2026' and '26 Jan 2026'"),
    ],
)
def test_what_may_be_a_second_entry_refuses_the_statement_and_shows_it(record: str, seen: str) -> None:
    (problem,) = only(qif_file(record), dates="dmy").problems

    assert seen in problem
    assert "or a line of text begins with" in problem


def test_an_investment_list_alone_is_refused_with_what_to_export() -> None:
    data = qif_file("D25/06/2026|NXIn|T100.00|L[Checking]", "D25/06/2026|NDiv|T2.00", head="!Type:Invst")

    with pytest.raises(UnreadableFile, match=r"2 investment trades\. Investment lists are not read.*as OFX"):
        qif.read(data)


def test_other_amounts_of_the_file_show_what_marks_decimals_and_else_the_config_does() -> None:
    doubtful_file, clear_file = qif_file("D25/06/2026|T12.500"), qif_file("D25/06/2026|T12.500", "D26/06/2026|T7.25")

    assert only(doubtful_file, currency="USD").entries[0].amount is None
    assert only(clear_file, currency="USD").entries[0].amount == Decimal("12.5")
    assert only(doubtful_file, currency="USD", decimal=",").entries[0].amount == Decimal(12500)
    assert read_file(clear_file, currency="USD")[0].entries[0].amount == Decimal("12.5")
