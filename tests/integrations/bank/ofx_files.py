"""Builders of small OFX files, and the samples that the tests share."""

from __future__ import annotations

from pathlib import Path

from integrations.bank.formats.ofx import read
from integrations.bank.statements import Statement

_SAMPLES = Path(__file__).parent / "samples"
SGML = (_SAMPLES / "current_and_card.ofx").read_bytes()
XML = (_SAMPLES / "savings.xml.ofx").read_bytes()


def statement(transactions: str, ledger: str = "<LEDGERBAL><BALAMT>1.00<DTASOF>20240101</LEDGERBAL>") -> bytes:
    return (
        "OFXHEADER:100\n\n<OFX><STMTTRNRS><STMTRS><CURDEF>EUR<BANKACCTFROM><ACCTID>1</BANKACCTFROM>"
        f"<BANKTRANLIST>{transactions}</BANKTRANLIST>{ledger}</STMTRS></STMTTRNRS></OFX>"
    ).encode()


def only(data: bytes) -> Statement:
    (parsed_statement,) = read(data)
    return parsed_statement
