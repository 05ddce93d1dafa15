"""Files that are known and not read: each is refused by its own name, with what to export instead."""

from __future__ import annotations

import pytest

from ingestion.core.errors import UnknownFormat
from integrations.bank.formats import read_file
from tests.integrations.bank.test_formats_detect import zipped

XML = '<?xml version="1.0"?><Document xmlns="urn:iso:std:iso:20022:tech:xsd:{}"><X/></Document>'


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (b"%PDF-1.7\n", "PDF"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "XLS"),
        (zipped(("xl/workbook.xml", b"<a/>"), ("[Content_Types].xml", b"<a/>")), "XLSX"),
        (zipped(("content.xml", b"<a/>")), "OpenDocument"),
        (zipped(("word/document.xml", b"<a/>")), "DOCX"),
        (zipped(("Index/Document.iwa", b"x")), "Numbers"),
        (b"<html><table><tr><td>Date</td></tr></table></html>", "really HTML"),
        (b'<?xml version="1.0"?><Workbook xmlns="urn:schemas-microsoft-com:office:spreadsheet"/>', "Excel XML"),
        (b'{"transactions": [{"amount": 1}]}', "JSON"),
        (b'[\n  {"amount": 1}]', "JSON"),
        (b"01,122099999,123456789,260601,0800,1,,,2/\r\n02,123456789,122099999,1,260601,,USD,2/\r\n", "BAI2"),
        (b"UNA:+.? 'UNB+UNOC:3+A+B+260601:0800+1'UNH+1+FINSTA:D:96A:UN'", "EDIFACT"),
        (b"UNB+UNOC:3+A+B+260601:0800+1'", "EDIFACT"),
        (b"ISA*00*          *00*          *ZZ*A              *ZZ*B  ~", "X12"),
        (
            b"{1:F01BANKDEFFAXXX0000000000}{2:I103BANKDEFFXXXXN}{4:\r\n:20:REF\r\n:32A:260601EUR1,\r\n-}",
            "SWIFT message",
        ),
        (XML.format("pain.001.001.09").encode(), "payment order"),
        (XML.format("pain.002.001.03").encode(), "payment order"),
        (XML.format("pacs.008.001.08").encode(), "message between banks"),
        (XML.format("camt.060.001.05").encode(), "no statement"),
        (b'<rsm:CrossIndustryInvoice xmlns:rsm="urn:x"/>', "invoice"),
        (b"<gnc-v2></gnc-v2>", "books of a program"),
        (b'"EXTF";700;21;"Buchungsstapel"\r\n', "DATEV"),
        (b"000001062612305                   ".ljust(128) + b"\r\n", "CODA"),
        (b"11" + b"0" * 30 + b"1" + b"0" * 14 + b"978" + b" " * 30 + b"\r\n", "Norma 43"),
        (b"0130002    00123EUR2 00000000001  010626".ljust(120) + b"\r\n", "CFONB"),
        (b"SQLite format 3\0", "SQLite"),
        (b"\x89PNG\r\n\x1a\n", "picture"),
        (b"\x1f\x8b\x08\x00", "gzip"),
    ],
)
def test_known_format_that_is_not_read_is_refused_by_its_name(data: bytes, name: str) -> None:
    with pytest.raises(UnknownFormat) as refusal:
        read_file(data)

    assert name in str(refusal.value)
    assert "CSV layout" not in str(refusal.value)


@pytest.mark.parametrize("lead", [b"", b"\xef\xbb\xbf"])
def test_csv_that_begins_like_one_of_them_is_still_a_csv(lead: bytes) -> None:
    (statement,) = read_file(lead + b"Date,Description,Amount\n2026-06-01,UNB+rent,-1.00\n", currency="EUR")

    assert len(statement.entries) == 1
