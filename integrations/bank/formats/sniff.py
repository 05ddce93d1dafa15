"""What a file is, from its first bytes. File names are never asked: banks and people get them wrong."""

from __future__ import annotations

import re
from enum import StrEnum

from ingestion import HostileFile, UnknownFormat

HEAD_BYTES = 64 * 1024


class Format(StrEnum):
    OFX = "ofx"
    MT940 = "mt940"
    CAMT = "camt"
    CSV = "csv"
    ZIP = "zip"


_FOREIGN = (
    (b"%PDF", "a PDF: ask the bank for OFX, MT940, CAMT or CSV"),
    (b"\xd0\xcf\x11\xe0", "an Excel or Word file: save it as CSV"),
    (b"\x1f\x8b", "a gzip file: unpack it first"),
    (b"Rar!", "a RAR archive: unpack it, or use ZIP"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive: unpack it, or use ZIP"),
)
_OFX = re.compile(rb"OFXHEADER|<\?OFX|<OFX>", re.IGNORECASE)
_CAMT = re.compile(rb"camt\.05[234]|BkToCstmr", re.IGNORECASE)
_HTML = re.compile(rb"<(?:!doctype\s+)?html", re.IGNORECASE)
_DTD = re.compile(rb"<!(?:DOCTYPE|ENTITY)", re.IGNORECASE)
_TAG = re.compile(rb"(?:^|[\r\n]|\{4:)[ \t]*(:(?:20|25|28C?|60[FM]|61|62[FM]|6[45]|86|34F|90D|13D?):)")
"""MT940 and MT942 field tags at the start of a line; one at the very start, or two different ones, are no accident."""


def sniff(data: bytes) -> Format:
    """The format whose reader should try. CSV is what is left. Raises UnknownFormat and HostileFile."""
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
    return Format.MT940 if _TAG.match(head) or len(set(_TAG.findall(head))) >= 2 else Format.CSV


def _xml(head: bytes) -> Format:
    if _CAMT.search(head):
        return Format.CAMT
    if _HTML.search(head):
        raise UnknownFormat("The file is a web page, perhaps the bank's log-in page saved instead of the export.")
    if _DTD.search(head):
        raise HostileFile("The XML file declares a document type, which no bank statement does.")
    raise UnknownFormat("The file is XML, but neither a CAMT.052/053/054 statement nor OFX.")
