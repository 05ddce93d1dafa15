"""Builders of small CAMT messages, and the sample that the tests share."""

from __future__ import annotations

from pathlib import Path

from integrations.bank.formats.camt import read
from integrations.bank.statements import Statement

SAMPLE = (Path(__file__).parent / "samples" / "statement.camt053.xml").read_bytes()


def entry(amount: str = "10.00", indicator: str = "CRDT", status: str = "<Sts>BOOK</Sts>", rest: str = "") -> str:
    return f'<Ntry><Amt Ccy="EUR">{amount}</Amt><CdtDbtInd>{indicator}</CdtDbtInd>{status}{rest}</Ntry>'


def balance(code: str, amount: str, on: str = "2024-01-01", currency: str = "EUR") -> str:
    return (
        f'<Bal><Tp><CdOrPrtry><Cd>{code}</Cd></CdOrPrtry></Tp><Amt Ccy="{currency}">{amount}</Amt>'
        f"<CdtDbtInd>CRDT</CdtDbtInd><Dt><Dt>{on}</Dt></Dt></Bal>"
    )


def message(*parts: str, kind: str = "BkToCstmrStmt", part: str = "Stmt", namespace: str = "camt.053.001.02") -> bytes:
    return (
        f'<Document xmlns="urn:iso:std:iso:20022:tech:xsd:{namespace}"><{kind}><{part}><Id>1</Id>'
        f"<Acct><Id><IBAN>DE00</IBAN></Id></Acct>{''.join(parts)}</{part}></{kind}></Document>"
    ).encode()


def only(data: bytes) -> Statement:
    (statement,) = read(data)
    return statement
