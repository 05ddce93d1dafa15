"""OFX that is damaged, or holds more than entries: everything is read, named or refused, never half."""

from __future__ import annotations

import pytest

from ingestion.core.errors import UnreadableFile
from integrations.bank.formats.ofx import read
from integrations.bank.statements import Statement
from tests.integrations.bank.ofx_files import only, statement

TWO = "<STMTTRN><TRNAMT>1<FITID>a</STMTTRN><STMTTRN><TRNAMT>2<FITID>b</STMTTRN>"


def amounts(parsed_statement: Statement) -> list[str]:
    return [str(entry.amount) for entry in parsed_statement.entries]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("</STMTRS>", "</CCSTMTRS>"),
        ("</STMTRS>", "</Stmtrs>"),
        ("</STMTTRN>", "</StmtTrn>"),
        ("</STMTTRN>", "</STMTTRNP>"),
        ("</STMTTRN>", ""),
        ("</BANKTRANLIST>", ""),
        ("</BANKTRANLIST>", "</INVTRANLIST>"),
        ("</BANKACCTFROM>", ""),
        ("</BANKACCTFROM>", "</CCACCTFROM>"),
        ("</LEDGERBAL>", ""),
        ("</STMTTRNRS>", "</CCSTMTTRNRS>"),
        ("<OFX>", "<OFX >"),
    ],
)
def test_tag_that_closes_wrongly_or_not_at_all_costs_nothing(before: str, after: str) -> None:
    whole = only(statement(TWO))

    damaged = only(statement(TWO).replace(before.encode(), after.encode()))

    assert amounts(damaged) == amounts(whole) == ["1", "2"]
    assert (damaged.account, damaged.closing, damaged.problems) == (whole.account, whole.closing, ())


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("<STMTTRN><TRNAMT>2", "<STMTTRNX><TRNAMT>2"),
        ("</STMTTRN><STMTTRN><TRNAMT>2", "<TRNAMT>2"),
        ("<STMTTRN><TRNAMT>2", "<TRNAMT>2"),
        ("</STMTTRN></BANKTRANLIST>", "</STMTTRN>"),
    ],
)
def test_entry_whose_opening_tag_is_damaged_refuses_the_statement_or_is_read(before: str, after: str) -> None:
    parsed_statement = only(statement(TWO).replace(before.encode(), after.encode()))

    assert parsed_statement.problems or amounts(parsed_statement) == ["1", "2"]


def test_damaged_entry_with_damaged_ends_is_no_leaf_of_the_list() -> None:
    (problem,) = only(statement(TWO + "<STMTRN><TRNAMT>3<FITID>c</STMTRN>")).problems

    assert "outside of every entry" in problem


def test_entries_behind_a_statement_that_ended_too_early_refuse_the_file() -> None:
    data = statement(TWO).replace(b"</STMTRS>", b"").replace(b"</STMTTRN><STMTTRN>", b"</STMTTRN></STMTRS><STMTTRN>")

    with pytest.raises(UnreadableFile, match="1 entry stands outside"):
        read(data)


def test_part_of_an_entry_that_is_never_closed_ends_at_the_next_leaf_of_the_entry() -> None:
    (entry,) = only(statement("<STMTTRN><TRNAMT>1<PAYEE><NAME>Ada<CITY>Bonn<MEMO>rent<FITID>a</STMTTRN>")).entries

    assert (entry.counterparty, entry.description, entry.bank_id) == ("Ada", "rent", "a")


@pytest.mark.parametrize(
    ("written", "read_as"),
    [
        ("paid <b>twice</b> & more", "paid <b>twice</b> & more"),
        ("a<BR>b<br/>c", "a<BR>b<br/>c"),
        ("<unknown> sender", "<unknown> sender"),
        ("x < y > z", "x < y > z"),
        ("2 <3> 4 <a@b.test>", "2 <3> 4 <a@b.test>"),
        ("Caf&eacute; &copy; &#146;s &euro; &bomb; AT&T", "Café © \u2019s € &bomb; AT&T"),
        ("a &amp;lt; b", "a &lt; b"),
    ],
)
def test_text_keeps_what_is_no_tag_of_ofx(written: str, read_as: str) -> None:
    (entry,) = only(statement(f"<STMTTRN><TRNAMT>1<MEMO>{written}\n<FITID>a</STMTTRN>")).entries

    assert (entry.description, entry.bank_id) == (read_as, "a")


@pytest.mark.parametrize(
    ("more", "named"),
    [
        ("<INVTRANLIST><BUYSTOCK><INVBUY><INVTRAN><FITID>t</INVTRAN></INVBUY></BUYSTOCK></INVTRANLIST>", "BUYSTOCK"),
        ("<INVTRANLIST><BARTER><INVTRAN><FITID>t</INVTRAN></BARTER></INVTRANLIST>", "trades of an unknown kind"),
        ("<INVPOSLIST><POSMF></POSMF></INVPOSLIST>", "investment positions"),
        ("<BANKTRANLISTP><STMTTRNP><TRNAMT>9</STMTTRNP></BANKTRANLISTP>", "pending entries"),
        ("<BALLIST><BAL><NAME>x<VALUE>1</BAL></BALLIST>", "further balances"),
        ("<REWARDINFO><NAME>Miles</REWARDINFO>", "card rewards"),
    ],
)
def test_what_is_no_entry_is_counted_by_name(more: str, named: str) -> None:
    parsed_statement = only(statement(TWO).replace(b"</STMTRS>", more.encode() + b"</STMTRS>"))

    assert (amounts(parsed_statement), parsed_statement.problems) == (["1", "2"], ())
    assert [(named in name, count) for name, count in parsed_statement.left_out.items()] == [(True, 1)]


@pytest.mark.parametrize(
    ("message", "named"),
    [
        ("<LOANSTMTTRNRS><LOANSTMTRS><CURDEF>EUR</LOANSTMTRS></LOANSTMTTRNRS>", "loan statements"),
        ("<PMTTRNRS><TRNUID>1</PMTTRNRS>", "bill payments"),
        ("<BANKMAILTRNRS><TRNUID>1</BANKMAILTRNRS>", "messages to the customer"),
        ("<SECLISTTRNRS></SECLISTTRNRS><SECLIST><STOCKINFO></STOCKINFO></SECLIST>", "descriptions of securities"),
        ("<NEWTHINGTRNRS><TRNUID>1</NEWTHINGTRNRS>", "NEWTHINGTRNRS"),
        ("<STMTTRNRS><STATUS><CODE>2003<SEVERITY>ERROR</STATUS></STMTTRNRS>", "the bank's error (code 2003)"),
    ],
)
def test_message_that_is_not_read_is_named_beside_statements_and_alone(message: str, named: str) -> None:
    beside = only(statement(TWO).replace(b"</OFX>", message.encode() + b"</OFX>"))

    assert [named in name for name in beside.left_out] == [True]
    with pytest.raises(UnreadableFile, match="2003" if "2003" in named else named):
        read(f"<OFX>{message}</OFX>".encode())


def test_left_out_is_empty_where_everything_was_read() -> None:
    assert only(statement(TWO)).left_out == {}
