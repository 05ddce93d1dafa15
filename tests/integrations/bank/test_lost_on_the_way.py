"""Files that lost something on their way: the mark of UTF-16, line breaks, what marks decimals."""

from __future__ import annotations

import codecs
from decimal import Decimal
from pathlib import Path

import pytest

from ingestion import UnreadableFile
from ingestion.models import DeadLetter
from integrations.bank.file_config import read_settings
from integrations.bank.formats import read_file
from integrations.bank.formats.either_mark import find_mark, parse_either
from integrations.bank.formats.restored import restore
from integrations.bank.layouts import LAYOUTS
from tests.integrations.bank.test_overlap import active, put
from tests.integrations.bank.test_pipeline import connection, mt940
from tests.integrations.bank.test_qif import qif_file

SAMPLES = Path(__file__).parent / "samples"
STA = mt940("100,00", [("260105", "-10,00"), ("260106", "5,50")], "95,50")


def ofx(*amounts: str, ledger: str = "5.00") -> bytes:
    rows = "".join(
        f"<STMTTRN><TRNTYPE>DEBIT<DTPOSTED>20240305<TRNAMT>{each}<FITID>{at}<NAME>Caf\xe9</STMTTRN>"
        for at, each in enumerate(amounts)
    )
    return (
        "OFXHEADER:100\nDATA:OFXSGML\n\n<OFX><BANKMSGSRSV1><STMTTRNRS><STMTRS><CURDEF>USD<BANKACCTFROM><BANKID>1"
        "<ACCTID>12345678<ACCTTYPE>CHECKING</BANKACCTFROM><BANKTRANLIST>"
        f"{rows}</BANKTRANLIST><LEDGERBAL><BALAMT>{ledger}<DTASOF>20240305</LEDGERBAL></STMTRS></STMTTRNRS>"
        "</BANKMSGSRSV1></OFX>"
    ).encode()


FILES = {
    "ofx": ofx("-5.00"),
    "mt940": STA,
    "qif": qif_file("D25/06/2026|T-12.50|PCaf\xe9"),
    "camt": next(iter(sorted(SAMPLES.glob("*camt*.xml")))).read_bytes(),
    "csv": (SAMPLES / "ing-nl.csv").read_bytes(),
}


@pytest.mark.parametrize("codec", ["utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("name", FILES)
def test_utf_16_without_its_mark_is_read_as_with_it(name: str, codec: str) -> None:
    text = FILES[name].decode("utf-8-sig", "replace")
    mark = codecs.BOM_UTF16_LE if codec == "utf-16-le" else codecs.BOM_UTF16_BE

    bare, marked = (read_file(start + text.encode(codec), currency="EUR") for start in (b"", mark))

    assert bare == marked
    assert bare[0].entries


def test_no_other_file_is_taken_for_utf_16() -> None:
    for data in (*FILES.values(), b"\0\0\0\0", b"ab", b"", "\u4e2d\u6587\u5e33\u6236".encode("utf-16-le")):
        assert restore(data) == data


@pytest.mark.parametrize("start", ["", "@@"])
def test_mt940_as_hbci_transports_it_is_read(start: str) -> None:
    raw = start + STA.decode().replace("\r\n", "@@")

    assert read_file(raw.encode()) == read_file(STA)


def test_a_text_keeps_its_signs_where_the_file_has_line_breaks() -> None:
    data = STA.replace(b"Coffee at the bar", b"@@:20:@@:25:")

    assert restore(data) == data


@pytest.mark.parametrize(
    ("data", "name"), [(STA.replace(b"\r\n", b""), "MT940"), (FILES["qif"].replace(b"\r\n", b" "), "QIF")]
)
def test_a_file_of_lines_without_line_breaks_is_refused_for_that(data: bytes, name: str) -> None:
    with pytest.raises(UnreadableFile, match=f"The {name} file is a single line: its line breaks were lost"):
        read_file(data, currency="EUR")


@pytest.mark.parametrize(
    ("texts", "mark"),
    [
        (["-1.000", "12.34567"], "."),
        (["1,234.567"], "."),
        (["-1.000", "7,5"], ","),
        (["-1.000", "12"], ""),
        (["7,5", "7.5"], ""),
        (["1.234.567", "1.000"], ""),
    ],
)
def test_what_marks_decimals_is_seen_in_amounts_that_leave_no_doubt(texts: list[str], mark: str) -> None:
    assert find_mark(texts) == mark


def test_an_amount_of_two_readings_is_read_by_the_mark_of_its_file() -> None:
    assert [parse_either("-1.000", "USD", mark) for mark in ("", ".", ",")] == [None, Decimal(-1), Decimal(-1000)]
    (statement,) = read_file(ofx("-1.000", "-12.34567", ledger="1,000"))
    assert [each.amount for each in statement.entries] == [Decimal("-1.000"), Decimal("-12.34567")]
    assert (statement.problems, statement.closing and statement.closing.amount) == ((), Decimal(1000))


@pytest.mark.django_db(transaction=True)
@pytest.mark.every_database
@pytest.mark.slow
def test_the_letter_of_an_amount_of_two_readings_names_the_setting_and_the_setting_reads_it() -> None:
    where = connection()

    put(where, "a.ofx", ofx("-1.000"))

    dead_letter = DeadLetter.objects.for_tenant(where.tenant).get()
    assert "1 or 1000?" in dead_letter.errors[0]["message"]
    assert "--config decimal=point" in dead_letter.errors[0]["message"]
    put(where, "a.ofx", ofx("-1.000"), decimal="comma")
    assert active(where) == [("2024-03-05", Decimal(-1000))]
    dead_letter.refresh_from_db()
    assert dead_letter.status == DeadLetter.Status.ABANDONED  # superseded by what was read


def test_decimal_is_point_or_comma() -> None:
    assert read_settings({"decimal": "Comma"}, LAYOUTS)["options"].mark == ","
    with pytest.raises(Exception, match="it can be point, comma, or taken away"):
        read_settings({"decimal": ";"}, LAYOUTS)
