"""OFX and QFX, versions 1 (SGML) and 2 (XML): bank, credit card, and the cash side of investment statements.

The maintained parsers lose a whole file over one bad row, so this is a lenient reader of our own. OFX gives no opening
balance: `closing` is LEDGERBAL and `opening` is always None, so nothing ties, and an altered amount or a missing entry
cannot be noticed from the file alone. What the file itself betrays about damage (a statement that never ends, an entry
that was closed but never opened, two amounts in one entry) becomes a problem of the statement.

A file without a statement is refused, also when it is a valid answer: a bank's error message, or a bare sign-on.
"""

from __future__ import annotations

from ingestion import FileRefused, UnknownFormat, UnreadableFile
from integrations.bank.formats.ofx_outline import ENTRY, STATEMENTS, Block, outline
from integrations.bank.formats.ofx_text import body
from integrations.bank.formats.ofx_values import amount, day
from integrations.bank.statements import Account, Balance, Correction, Entry, Statement

_KINDS = {"CCSTMTRS": "creditcard", "INVSTMTRS": "investment"}
"""What stands in for ACCTTYPE where the format has none."""


def read(data: bytes) -> tuple[Statement, ...]:
    """Every statement of the file. Raises UnknownFormat, UnreadableFile, HostileFile or FileTooLarge."""
    text = body(data)
    if not text:
        raise UnknownFormat("no <OFX> element in the file")
    root = outline(text)
    if any(STATEMENTS & each.strays for each in (root, *root.all())):
        raise UnreadableFile("a statement is closed that was never opened: the file is damaged and part of it lost")
    bank = _value(root.first("FI"), "ORG")
    statements = tuple(_statement(block, text, bank) for block in root.all(*STATEMENTS))
    if not statements:
        raise _no_statement(root)
    return statements


def _no_statement(root: Block) -> FileRefused:
    statuses = [block for block in root.all("STATUS") if _value(block, "SEVERITY").upper() == "ERROR"]
    if not statuses:
        return UnreadableFile("the OFX file holds no statement")
    said = "; ".join(f"{_value(block, 'MESSAGE') or 'no message'} (code {_value(block, 'CODE')})" for block in statuses)
    return UnreadableFile(f"the OFX file holds no statement but the bank's error: {said[:300]}")


def _statement(block: Block, text: str, bank: str) -> Statement:
    currency = _value(block, "CURDEF").upper()
    period = block.first("BANKTRANLIST", "INVTRANLIST")
    transactions = list(block.all(ENTRY))
    return Statement(
        account=_account(block, currency, bank),
        entries=tuple(_entry(number, each, text, currency) for number, each in enumerate(transactions)),
        format="ofx",
        closing=_balance(block.first("LEDGERBAL"), currency),
        available=_balance(block.first("AVAILBAL"), currency),
        period_start=day(_value(period, "DTSTART")),
        period_end=day(_value(period, "DTEND")),
        problems=tuple(_problems(block, transactions)),
        unproved="OFX states no opening balance",
    )


def _account(block: Block, currency: str, bank: str) -> Account:
    source = block.first("BANKACCTFROM", "CCACCTFROM", "INVACCTFROM")
    return Account(
        identifier="".join(_value(source, "ACCTID").split()),
        currency=currency,
        bank=_value(source, "BANKID", "BROKERID") or bank,
        kind=_value(source, "ACCTTYPE").lower() or _KINDS.get(block.name, ""),
    )


def _entry(position: int, block: Block, text: str, currency: str) -> Entry:
    amount_text, booked_text = _value(block, "TRNAMT"), _value(block, "DTPOSTED")
    return Entry(
        position=position,
        amount=amount(amount_text),
        amount_text=amount_text,
        # CURRENCY says the amount is in CURSYM; ORIGCURRENCY says it was already converted to the statement's.
        currency=_value(block.first("CURRENCY"), "CURSYM").upper() or currency,
        booked_on=day(booked_text),
        booked_text=booked_text,
        value_on=day(_value(block, "DTAVAIL")),
        bank_id=_value(block, "FITID"),
        reference=_value(block, "CHECKNUM", "REFNUM"),
        kind=_value(block, "TRNTYPE"),
        counterparty=_value(block, "NAME") or _value(block.first("PAYEE"), "NAME"),
        counterparty_account=_value(block.first("BANKACCTTO", "CCACCTTO"), "ACCTID"),
        description=_value(block, "MEMO"),
        corrects=_value(block, "CORRECTFITID"),
        correction=_correction(block),
        raw=text[block.start : block.end],
    )


def _correction(block: Block) -> Correction:
    """REPLACE or DELETE (OFX 2.1.1, section 11.4.4.1); a corrected id without an action that is known replaces."""
    if not _value(block, "CORRECTFITID"):
        return ""
    return "delete" if _value(block, "CORRECTACTION").upper() == "DELETE" else "replace"


def _balance(block: Block | None, currency: str) -> Balance | None:
    """None where the balance is missing or blank, which many banks send, and where it is no amount (a problem)."""
    value = amount(_value(block, "BALAMT"))
    return None if value is None else Balance(value, currency, day(_value(block, "DTASOF")))


def _problems(block: Block, transactions: list[Block]) -> list[str]:
    problems = []
    ledger = _value(block.first("LEDGERBAL"), "BALAMT")
    if ledger and amount(ledger) is None:
        problems.append(f"the ledger balance is not an amount: {ledger[:40]!r}")
    if not block.closed:
        problems.append(f"{block.name} is never closed: the file is cut short or damaged")
    if any(ENTRY in each.strays for each in (block, *block.all())):
        problems.append("an entry is closed that was never opened: part of it may be lost")
    if any("TRNAMT" in each.repeated for each in transactions):
        problems.append("an entry has two amounts: two entries may have run together")
    return problems


def _value(block: Block | None, *names: str) -> str:
    """The first of these leaves that is not empty, '' where the block or all of them are missing."""
    if block is None:
        return ""
    return next((text for name in names if (text := block.values.get(name))), "")
