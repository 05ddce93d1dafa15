"""The format of a file, from its first bytes. File names do not count: banks and people get them wrong."""

from __future__ import annotations

import re
from enum import StrEnum

from ingestion import HostileFile, UnknownFormat

HEAD_BYTES = 64 * 1024


class Format(StrEnum):
    OFX = "ofx"
    MT940 = "mt940"
    CAMT = "camt"
    QIF = "qif"
    CSV = "csv"
    ZIP = "zip"


_FOREIGN = (
    (b"%PDF", "a PDF: ask the bank for OFX, MT940, CAMT or CSV"),
    (b"\xd0\xcf\x11\xe0", "an Excel file (XLS) or another of Microsoft Office: save it as CSV"),
    (b"{\\rtf", "a text document (RTF): ask the bank for OFX, MT940, CAMT or CSV"),
    (b"SQLite format 3", "a database (SQLite): export from its program as OFX or CSV"),
    (b"\x89PNG", "a picture: ask the bank for OFX, MT940, CAMT or CSV"),
    (b"\xff\xd8\xff", "a picture: ask the bank for OFX, MT940, CAMT or CSV"),
    (b"\x1f\x8b", "a gzip file: unpack it first"),
    (b"Rar!", "a RAR archive: unpack it, or use ZIP"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive: unpack it, or use ZIP"),
)
_TEXTS = (
    (re.compile(rb"01,[^\r\n]{0,200}/\s*[\r\n]+\s*02,"), "BAI2: ask the bank for MT940, CAMT.053, OFX or CSV"),
    (re.compile(rb"UN[AB][:+]"), "EDIFACT (FINSTA, BANSTA): ask the bank for MT940 or CAMT.053"),
    (re.compile(rb"ISA[*|~^][0-9]{2}[*|~^]"), "EDI X12: ask the bank for CAMT.053 or MT940"),
    (re.compile(rb"\{\s*\""), "JSON: export CSV, OFX, MT940 or CAMT, or declare the API it comes from (rest kind)"),
    (
        re.compile(rb"\[\s*[\[{\"]"),
        "JSON: export CSV, OFX, MT940 or CAMT, or declare the API it comes from (rest kind)",
    ),
    (re.compile(rb"01[0-9]{5} {4}[0-9]{5}[A-Z]{3}"), "CFONB 120: ask the bank for CAMT.053, OFX or CSV"),
    (re.compile(rb"11[0-9]{30}[12][0-9]{17}"), "Norma 43: ask the bank for CAMT.053, OFX or CSV"),
    (re.compile(rb"0000[0-9]{9}05"), "CODA: ask the bank for CAMT.053 or CSV"),
    (re.compile(rb"\"?EXTF\"?;"), "bookings for DATEV, not a bank's statement: export MT940, CAMT or the bank's CSV"),
    (
        re.compile(rb"\{1:[^}]{1,40}\}\{2:[IO](?!94[0-2]|950)[0-9]{3}"),
        "a SWIFT message that is no statement: export MT940 or MT942",
    ),
)
"""Formats of text that are known and not read, by how they begin, with what to export instead."""
_XML_KINDS = (
    (
        re.compile(rb"pain\.\d{3}", re.I),
        "a payment order or its status (ISO 20022 pain), which books nothing: export CAMT.053",
    ),
    (re.compile(rb"pacs\.\d{3}", re.I), "a message between banks (ISO 20022 pacs): export CAMT.053"),
    (re.compile(rb"camt\.(\d{3})", re.I), "an ISO 20022 message that is no statement: export CAMT.053 (or 052, 054)"),
    (re.compile(rb"urn:schemas-microsoft-com:office:spreadsheet"), "a spreadsheet (Excel XML): save it as CSV"),
    (re.compile(rb"office:document|opendocument", re.I), "a spreadsheet (OpenDocument): save it as CSV"),
    (re.compile(rb"CrossIndustryInvoice|urn:oasis:names:specification:ubl", re.I), "an invoice, not a bank statement"),
    (
        re.compile(rb"<(?:\w+:)?(?:gnc-v2|grisbi|homebank|kmymoney-file)\b", re.I),
        "the books of a program: export OFX, QIF or CSV",
    ),
)
_QIF = re.compile(rb"!(?:type:|account|option:|clear:)", re.IGNORECASE)
_OFX = re.compile(rb"OFXHEADER|<\?OFX|<OFX>", re.IGNORECASE)
_CAMT = re.compile(rb"camt\.05[234]|BkToCstmr", re.IGNORECASE)
_HTML = re.compile(rb"<(?:!doctype\s+)?html", re.IGNORECASE)
_DTD = re.compile(rb"<!(?:DOCTYPE|ENTITY)", re.IGNORECASE)
_TAG = re.compile(rb"(?:^|[\r\n]|\{4:)[ \t]*(:(?:20|25|28C?|60[FM]|61|62[FM]|6[45]|86|34F|90D|13D?):)")
"""MT940 and MT942 field tags at the start of a line; one at the very start, or two different ones, are no accident."""


def sniff(data: bytes) -> Format:
    """The format whose reader should try. CSV is what remains. Raises UnknownFormat and HostileFile."""
    if data.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return Format.ZIP
    for magic, name in _FOREIGN:
        if data.startswith(magic):
            raise UnknownFormat(f"The file is {name}.")
    # UTF-16 text shows its ASCII letters once the zero bytes are gone, which is enough to tell formats apart.
    head = data[:HEAD_BYTES].replace(b"\0", b"").lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n")
    if _OFX.search(head[:4096]):
        return Format.OFX
    if head.startswith(b"<"):
        return _xml(head)
    if _QIF.match(head):
        return Format.QIF
    for begins, name in _TEXTS:
        if begins.match(head):
            raise UnknownFormat(f"The file is {name}.")
    return Format.MT940 if _TAG.match(head) or len(set(_TAG.findall(head))) >= 2 else Format.CSV


def _xml(head: bytes) -> Format:
    if _CAMT.search(head):
        return Format.CAMT
    if _HTML.search(head):
        raise UnknownFormat(
            "The file is a web page, perhaps the bank's log-in page saved instead of the export, or a "
            "spreadsheet that is really HTML: save it as CSV."
        )
    if _DTD.search(head):
        raise HostileFile("The XML file declares a document type, which no bank statement does.")
    for mark, name in _XML_KINDS:
        if mark.search(head[:4096]):
            raise UnknownFormat(f"The file is {name}.")
    raise UnknownFormat("The file is XML, but neither a CAMT.052/053/054 statement nor OFX.")
