"""The files of a run's inbox, statement by statement. A statement whose balances do not tie is refused whole."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from ingestion import Context, Json, Page, Record, RecordError, Refusal, StatementImbalance, UnreadableFile
from integrations.bank import schema
from integrations.bank.account_numbers import notes_of
from integrations.bank.file_config import told
from integrations.bank.formats import read_parts
from integrations.bank.identity import KeyedEntries, keyed
from integrations.bank.layouts import LAYOUTS, CsvLayout
from integrations.bank.statements import EntryStatus, Statement, imbalance


@dataclass(frozen=True, slots=True)
class BankFiles:
    """Reads every supported format. The config says what files do not: `account`, and the keys of `file_config.told`.

    The checkpoint counts the pages done: a page is one statement, or `page_size` entries of a long one.
    """

    layouts: Sequence[CsvLayout] = LAYOUTS
    page_size: int = 2000

    def extract(self, ctx: Context, checkpoint: Json) -> Iterator[Page]:
        done = int(checkpoint or 0)
        for number, page in enumerate(self._pages(ctx), start=1):
            if number > done:
                yield dataclasses.replace(page, checkpoint=number)

    def takes_files(self) -> bool:
        return True

    def is_fed(self) -> bool:
        return True

    def check_config(self, config: Mapping[str, Any]) -> None:
        told(config, self.layouts)

    def reopen(self, ctx: Context, record: Record) -> Page:
        """A refused statement again, from its dead letter: it is judged anew, and loads when it ties now."""
        try:
            body = json.loads(record.body)
            head, entries = body["head"], body["entries"]
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            fault = RecordError(f"This payload is not a refused statement: {error}. Upload the bank's file again.")
            return Page([], None, [Refusal(record, fault)])
        unbalanced = _stored_fault(body)
        if unbalanced is not None:
            return Page([], None, [Refusal(record, unbalanced)])
        return Page([_record({**entry, **head}) for entry in entries], None)

    def _pages(self, ctx: Context) -> Iterator[Page]:
        for file in ctx.inbox:
            for part in read_parts(ctx.read(file), **told(ctx.config, self.layouts)):
                ctx.beat()  # reading a large file takes longer than a page
                for statement, entries in keyed([_addressed(ctx, statement) for statement in part]):
                    yield from self._statement(file.name, statement, entries)

    def _statement(self, name: str, statement: Statement, entries: KeyedEntries) -> Iterator[Page]:
        fault = _fault(statement)
        if fault is not None:
            refusal = Refusal(_whole(statement, entries, name), fault)
            yield Page([], None, [refusal], {"count": Decimal(1)}, notes=[_refused(statement, fault)])
            return
        head = schema.head_json(statement)
        for start in range(0, max(len(entries), 1), self.page_size):
            part = entries[start : start + self.page_size]
            records = [
                Record(key, schema.entry_json(statement, key, entry, head), f"{name}, entry {entry.position + 1}")
                for key, entry in part
            ]
            title = f"{name}: {statement.format} statement of {statement.account.identifier}, {len(entries)} entries"
            notes = [title, *notes_of(statement)]
            # The whole statement's count is declared with its first page, so that a lost page breaks the total.
            declared = {} if start else {"count": Decimal(len(entries))}
            yield Page(records, None, (), declared, () if start else notes)


def _addressed(ctx: Context, statement: Statement) -> Statement:
    """The statement with what the config adds. Raises UnreadableFile when nobody says whose it is."""
    account = statement.account
    identifier = account.identifier or str(ctx.config.get("account", "")).replace(" ", "")
    currency = account.currency or _balance_currency(statement) or str(ctx.config.get("currency", "")).upper()
    if not identifier:
        raise UnreadableFile(
            "The file does not say which account it belongs to. Give it: --config account=NUMBER, or the account field "
            "of the upload page, or the connection's config."
        )
    if not currency and any(not entry.currency for entry in statement.entries):
        raise UnreadableFile(
            "The file does not say which currency its amounts are in. Give it: --config currency=EUR (an ISO 4217 "
            "code), or among the settings of the upload page, or in the connection's config."
        )
    return dataclasses.replace(
        statement, account=dataclasses.replace(account, identifier=identifier, currency=currency)
    )


def _balance_currency(statement: Statement) -> str:
    for balance in (statement.opening, statement.closing, statement.available):
        if balance is not None and balance.currency:
            return balance.currency
    currencies = {entry.currency for entry in statement.entries if entry.currency}
    return currencies.pop() if len(currencies) == 1 else ""


def _fault(statement: Statement) -> StatementImbalance | None:
    if statement.problems:
        return StatementImbalance("The statement cannot be trusted: " + "; ".join(statement.problems))
    difference = imbalance(statement)
    if not difference:
        return None
    assert statement.opening is not None
    assert statement.closing is not None
    booked = statement.closing.amount - statement.opening.amount + difference
    return _imbalance(statement.opening.amount, booked, statement.closing.amount)


def _imbalance(opening: Decimal, booked: Decimal, closing: Decimal) -> StatementImbalance:
    return StatementImbalance(
        f"Opening balance {opening:f} and entries of {booked:f} make {opening + booked:f}, but the closing balance is "
        f"{closing:f}: a difference of {opening + booked - closing:f}. Nothing of this statement was loaded."
    )


def _stored_fault(body: dict[str, Any]) -> RecordError | None:
    """The same judgement on a statement kept as JSON."""
    if body.get("problems"):
        return StatementImbalance("The statement cannot be trusted: " + "; ".join(map(str, body["problems"])))
    try:
        opening, closing = body["head"]["statement"]["opening"], body["head"]["statement"]["closing"]
        booked = sum(
            (Decimal(e["amount"]) for e in body["entries"] if e["amount"] and e["status"] == EntryStatus.BOOKED),
            Decimal(),
        )
        if opening is None or closing is None or Decimal(opening) + booked == Decimal(closing):
            return None
        return _imbalance(Decimal(opening), booked, Decimal(closing))
    except (ArithmeticError, KeyError, TypeError, ValueError) as error:
        return RecordError(f"The kept statement cannot be judged: {error}. Upload the bank's file again.")


def _whole(statement: Statement, entries: KeyedEntries, name: str) -> Record:
    """A refused statement as one record: all that was read of it, with the exact text of every entry."""
    head = schema.head_json(statement)
    body = {
        "head": head,
        "problems": statement.problems,
        "entries": [json.loads(schema.entry_json(statement, key, entry, {})) for key, entry in entries],
    }
    encoded = json.dumps(body).encode()
    where = f"{statement.account.identifier} {statement.reference or statement.number}".strip()
    digest = hashlib.sha256(encoded).hexdigest()[:16]
    return Record(f"statement {where[:120]} {digest}", encoded, name)


def _refused(statement: Statement, fault: RecordError) -> str:
    return f"Statement {statement.reference or statement.number} of {statement.account.identifier} refused: {fault}"


def _record(value: dict[str, Any]) -> Record:
    return Record(str(value.get("external_id", "")), json.dumps(value).encode())
