"""OFX files that are damaged, hold no statement, or attack the reader."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingestion.core.errors import FileRefused, HostileFile, UnknownFormat, UnreadableFile
from integrations.bank.formats.ofx import read
from integrations.bank.statements import Statement
from tests.databases import examples
from tests.integrations.bank.ofx_files import SGML, XML, only, statement


def test_file_cut_short_is_a_problem_of_its_statement() -> None:
    damaged = only(XML[: XML.index(b"<LEDGERBAL>")])

    assert any("never closed" in problem for problem in damaged.problems)


def test_entry_that_lost_its_opening_tag_is_a_problem() -> None:
    damaged = only(statement("<STMTTRN><TRNAMT>1</STMTTRN><STMTXRN><TRNAMT>2</STMTTRN>"))

    assert any("never opened" in problem for problem in damaged.problems)


def test_statement_that_lost_its_opening_tag_refuses_the_file() -> None:
    with pytest.raises(UnreadableFile, match="never opened"):
        read(XML.replace(b"<STMTRS>", b"<STXTRS>") + statement(""))


def test_two_amounts_in_one_entry_are_a_problem() -> None:
    damaged = only(statement("<STMTTRN><TRNAMT>1<FITID>a<TRNAMT>2<FITID>b</STMTTRN>"))

    assert any("two amounts" in problem for problem in damaged.problems)


def test_entry_left_open_ends_where_the_next_one_starts() -> None:
    parsed_statement = only(statement("<STMTTRN><TRNAMT>1<STMTTRN><TRNAMT>2</STMTTRN>"))

    assert [(each.amount, each.raw) for each in parsed_statement.entries] == [
        (Decimal(1), "<STMTTRN><TRNAMT>1"),
        (Decimal(2), "<STMTTRN><TRNAMT>2</STMTTRN>"),
    ]
    assert parsed_statement.problems == ()


def test_ledger_balance_that_is_no_amount_is_a_problem_and_a_blank_one_is_not() -> None:
    bad = only(statement("", "<LEDGERBAL><BALAMT>12x</LEDGERBAL>"))
    blank = only(statement("", "<LEDGERBAL><BALAMT></BALAMT></LEDGERBAL>"))

    assert (bad.closing, len(bad.problems)) == (None, 1)
    assert (blank.closing, blank.problems) == (None, ())


def test_bank_error_is_told_in_the_refusal() -> None:
    data = b"<OFX><SONRS><STATUS><CODE>15500<SEVERITY>ERROR<MESSAGE>Sign-on invalid</STATUS></SONRS></OFX>"

    with pytest.raises(UnreadableFile, match=r"Sign-on invalid \(code 15500\)"):
        read(data)


def test_file_without_an_ofx_element_is_of_unknown_format() -> None:
    with pytest.raises(UnknownFormat, match="no <OFX> element"):
        read(b"date;amount\n2024-01-01;1")


@pytest.mark.parametrize(
    "data",
    [
        b'<?xml version="1.0"?><!DOCTYPE OFX SYSTEM "file:///etc/passwd"><OFX></OFX>',
        b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "b">]><OFX>&a;</OFX>',
        b"OFXHEADER:100\n<!DOCTYPE OFX><OFX></OFX>",
        b'<?xml version="1.0"?><OFX>' + b"<A>" * 100_000,
        b'<?xml version="1.0"?><OFX a="' + b"x" * 1_000_000 + b'"></OFX>',
    ],
    ids=["external dtd", "entity", "sgml dtd", "depth", "attribute"],
)
def test_hostile_construct_is_refused(data: bytes) -> None:
    with pytest.raises(HostileFile):
        read(data)


@pytest.mark.slow
@pytest.mark.parametrize("filler", [b"<![CDATA[", b"<!--", b"<a ", b"</STMTTRN>", b"<STMTTRN>", b"&#", b"<", b"<A>"])
def test_reading_time_grows_no_faster_than_a_hostile_file(filler: bytes) -> None:
    """Half a megabyte of anything quadratic would run for minutes."""
    data = statement("").replace(b"<BANKTRANLIST>", b"<BANKTRANLIST>" + filler * (500_000 // len(filler)))

    assert _reads_or_refuses(data)


@given(st.binary(max_size=400))
@settings(max_examples=examples(75))
def test_arbitrary_bytes_are_read_or_refused(data: bytes) -> None:
    assert _reads_or_refuses(data)
    assert _reads_or_refuses(b"<OFX>" + data)


@pytest.mark.slow
@given(st.data())
@settings(max_examples=examples(125))
def test_mutated_sample_is_read_or_refused(data: st.DataObject) -> None:
    sample = data.draw(st.sampled_from([SGML, XML]))
    start = data.draw(st.integers(0, len(sample)))
    end = data.draw(st.integers(start, min(len(sample), start + 40)))
    piece = data.draw(
        st.binary(max_size=8) | st.sampled_from([b"<STMTTRN>", b"</STMTRS>", b"<![CDATA[", b"&#x0;", b"\xff\xfe"])
    )

    assert _reads_or_refuses(sample[:start] + piece + sample[end:])


def _reads_or_refuses(data: bytes) -> bool:
    try:
        return all(isinstance(each, Statement) for each in read(data))
    except FileRefused:
        return True
