"""OFX and QFX, versions 1 (SGML) and 2 (XML): bank, credit card, and the cash side of investment statements.

The maintained parsers lose a whole file over one bad row, so this is a lenient reader of our own. OFX gives no opening
balance: `closing` is LEDGERBAL and `opening` is always None, so nothing ties, and an altered amount or a missing entry
cannot be noticed from the file alone. What the file itself betrays about damage (a statement that never ends, an entry
that was closed but never opened, two amounts in one entry) becomes a problem of the statement.

A file without a statement is refused, also when it is a valid answer: a bank's error message, or a bare sign-on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ingestion import FileRefused, UnknownFormat, UnreadableFile, counted
from integrations.bank.account_numbers import qualifier_of, spelled
from integrations.bank.formats.either_mark import find_mark, parse_either
from integrations.bank.formats.ofx_left_out import count_left_out
from integrations.bank.formats.ofx_outline import ENTRY, STATEMENTS, Block, outline
from integrations.bank.formats.ofx_stated_balances import LEFT_OUT, leave_out_balances
from integrations.bank.formats.ofx_text import body
from integrations.bank.formats.ofx_values import day
from integrations.bank.statements import Account, Balance, Correction, Entry, Statement

_KINDS = {"CCSTMTRS": "creditcard", "INVSTMTRS": "investment"}
"""The account kind for statements whose format has no ACCTTYPE."""


def read(data: bytes, currency: str = "", *, balance_rows: str = "", decimal: str = "") -> tuple[Statement, ...]:
    """Every statement of the file. `currency` is for those that name none; the other arguments are those of the
    options.

    Everything else in the file is counted with the first statement. Raises UnknownFormat, UnreadableFile, HostileFile
    or FileTooLarge.
    """
    text = body(data)
    if not text:
        raise UnknownFormat("no <OFX> element in the file")
    root, tag_counts = outline(text)
    _refuse_damage(root)
    institution = _value(root.first("FI"), "ORG")
    mark = decimal or find_mark(_value(entry, "TRNAMT") for entry in root.all(ENTRY))
    statements = tuple(
        _statement(block, text, institution, currency, balance_rows, mark) for block in root.all(*STATEMENTS)
    )
    other_contents = count_left_out(root, tag_counts)
    if not statements:
        raise _missing_statement(root, other_contents)
    first, *other_statements = statements
    return (replace(first, left_out={**other_contents, **first.left_out}), *other_statements)


def _refuse_damage(root: Block) -> None:
    """Raise UnreadableFile if entries belong to no statement: their account cannot be guessed."""
    if any(STATEMENTS & block.strays for block in (root, *root.all())):
        raise UnreadableFile("a statement is closed that was never opened: the file is damaged and part of it lost")
    inside = sum(1 for statement in root.all(*STATEMENTS) for _ in statement.all(ENTRY))
    outside = sum(1 for _ in root.all(ENTRY)) - inside
    if outside:
        raise UnreadableFile(
            f"{counted(outside, 'entry stands', 'entries stand')} outside of every bank, card and investment "
            "statement: the file is damaged, or holds statements of another kind"
        )


def _missing_statement(root: Block, other_contents: Mapping[str, int]) -> FileRefused:
    statuses = [block for block in root.all("STATUS") if _value(block, "SEVERITY").upper() == "ERROR"]
    if not statuses:
        contents = "; ".join(f"{count:,} {name}" for name, count in other_contents.items())
        return UnreadableFile(f"the OFX file holds no statement{contents and f', but {contents}'}"[:500])
    messages = "; ".join(
        f"{_value(block, 'MESSAGE') or 'no message'} (code {_value(block, 'CODE')})" for block in statuses
    )
    return UnreadableFile(f"the OFX file holds no statement but the bank's error: {messages[:300]}")


def _statement(block: Block, text: str, institution: str, currency: str, balance_rows: str, mark: str) -> Statement:
    currency = _value(block, "CURDEF").upper() or currency
    period = block.first("BANKTRANLIST", "INVTRANLIST")
    transactions = list(block.all(ENTRY))
    closing = _balance(block.first("LEDGERBAL"), currency, mark)
    rows = [_entry(number, transaction, text, currency, mark) for number, transaction in enumerate(transactions)]
    entries, balances = leave_out_balances(rows, closing, balance_rows)
    return Statement(
        account=_account(block, currency, institution),
        entries=entries,
        format="ofx",
        closing=closing,
        left_out={LEFT_OUT: balances} if balances else {},
        available=_balance(block.first("AVAILBAL"), currency, mark),
        period_start=day(_value(period, "DTSTART")),
        period_end=day(_value(period, "DTEND")),
        problems=tuple(_problems(block, transactions, currency, mark)),
        unproved="OFX states no opening balance",
    )


def _account(block: Block, currency: str, institution: str) -> Account:
    source = block.first("BANKACCTFROM", "CCACCTFROM", "INVACCTFROM")
    bank = _value(source, "BANKID", "BROKERID") or institution
    kind = _value(source, "ACCTTYPE").lower() or _KINDS.get(block.name, "")
    return Account(
        identifier=spelled(_value(source, "ACCTID")),
        currency=currency,
        bank=bank,
        kind=kind,
        institution=institution,
        qualifier=qualifier_of(bank, kind),
    )


def _entry(position: int, block: Block, text: str, currency: str, mark: str) -> Entry:
    amount_text, booked_text = _value(block, "TRNAMT"), _value(block, "DTPOSTED")
    # CURRENCY says the amount is in CURSYM; ORIGCURRENCY says it was already converted to the statement's.
    currency = _value(block.first("CURRENCY"), "CURSYM").upper() or currency
    return Entry(
        position=position,
        amount=parse_either(amount_text, currency, mark),
        amount_text=amount_text,
        currency=currency,
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


def _balance(block: Block | None, currency: str, mark: str) -> Balance | None:
    """None if the balance is missing or blank, which many banks send, and if it is no amount (a problem)."""
    value = parse_either(_value(block, "BALAMT"), currency, mark)
    return None if value is None else Balance(value, currency, day(_value(block, "DTASOF")))


def _problems(block: Block, transactions: list[Block], currency: str, mark: str) -> list[str]:
    problems = []
    ledger = _value(block.first("LEDGERBAL"), "BALAMT")
    if ledger and parse_either(ledger, currency, mark) is None:
        problems.append(f"the ledger balance is not an amount: {ledger[:40]!r}")
    if not block.closed:
        problems.append(f"{block.name} is never closed: the file is cut short or damaged")
    if any(ENTRY in part.strays for part in (block, *block.all())):
        problems.append("an entry is closed that was never opened: part of it may be lost")
    if any("TRNAMT" in part.repeated for part in transactions):
        problems.append("an entry has two amounts: two entries may have run together")
    if any("TRNAMT" in part.values for part in block.all() if part.name not in (ENTRY, "STMTTRNP")):
        problems.append("an amount stands outside of every entry: the tag that opens its entry is damaged")
    return problems


def _value(block: Block | None, *names: str) -> str:
    """The first of these leaves that is not empty; '' if the block or all of them are missing."""
    if block is None:
        return ""
    return next((text for name in names if (text := block.values.get(name))), "")
