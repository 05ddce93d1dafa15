"""One statement as pages of records. A statement whose balances do not tie is refused whole."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property, partial
from typing import Any

from ingestion import Page, Record, RecordError, Refusal, StatementImbalance, counted
from integrations.bank import day_ends, listings, proofs, schema, unreadable
from integrations.bank.account_numbers import notes_of
from integrations.bank.identity import Ids, Keyed
from integrations.bank.statements import EntryStatus, Statement


@dataclass(frozen=True)
class Reading:
    """A statement of the file `name`, with the ids of its entries."""

    name: str
    statement: Statement
    entries: Sequence[Keyed]
    ids: Ids

    def pages(self, size: int) -> Iterator[Page]:
        """`size` entries a page; what is said of the whole statement comes with the first."""
        statement, fault = self.statement, proofs.fault(self.statement)
        if fault is not None:
            name = statement.reference or statement.number
            which = f"{name} of {statement.account.identifier}" if name else f"of {statement.account.identifier}"
            told, proved = [f"Statement {which} refused: {fault}", *notes_of(statement)], [proofs.refused(self.name)]
            yield Page([], None, [Refusal(self._whole(), fault)], {}, told, statement.left_out, proved)
            return
        for start in range(0, max(len(self.entries), 1), size):
            end = min(start + size, len(self.entries))
            records = [self._record(at) for at in range(start, end)]
            formerly = partial(self._formerly, start, end)
            if start:
                yield Page(records, None, formerly=formerly)
            else:
                proved = proofs.proofs(self.name, statement)
                yield Page(
                    records, None, (), {}, notes_of(statement), statement.left_out, proved,
                    formerly=formerly, titles=[self._title()],
                )  # fmt: skip

    def _title(self) -> str:
        statement = self.statement
        whose = statement.account.identifier
        return f"{self.name}: {statement.format} statement of {whose}, {counted(len(self.entries), 'entry', 'entries')}"

    @cached_property
    def _head(self) -> dict[str, Any]:
        return schema.head_json(self.statement)

    @cached_property
    def _names(self) -> list[unreadable.Names]:
        return unreadable.names(self.statement, self.ids)

    @cached_property
    def _names_of_less(self) -> list[list[unreadable.Names]]:
        return [unreadable.names(less, self.ids) for less in unreadable.less_said(self.statement)]

    def _record(self, at: int) -> Record:
        body, key = self._body(at, self._head, self._listing() if at == self._first else "")
        return Record(key, body, f"{self.name}, entry {self.entries[at].entry.position + 1}")

    def _listing(self) -> str:
        return listings.listing(self.statement) or day_ends.listing(self.statement, self.ids)

    @cached_property
    def _first(self) -> int | None:
        return listings.first_listed(self.statement)

    def _body(self, at: int, head: dict[str, Any], listing: str = "") -> tuple[bytes, str]:
        one = self.entries[at]
        faults = unreadable.faults(self.statement, one.entry)
        if not any(faults):
            return schema.entry_json(self.statement, one, head, listing=listing), one.key
        names = self._names[at]
        one = one._replace(key=names.of(*faults) or one.key)
        among = names.of_day if faults[0] else names.of_amount
        return schema.entry_json(self.statement, one, schema.unlisted(head), among=among), one.key

    def _formerly(self, start: int, end: int) -> Mapping[str, Sequence[str]]:
        """Under which other names each entry of a page, and the whole statement, may lie among the dead letters."""
        named = [self._names, *self._names_of_less]
        names = {self.entries[at].key: [name for each in named for name in each[at].all()] for at in range(start, end)}
        if end == len(self.entries) and names:
            names[self.entries[-1].key].extend(unreadable.statement_names(self.statement))
        return names

    def _whole(self) -> Record:
        """A refused statement as one record: all that was read of it, with the exact text of every entry."""
        body = {
            "head": self._head,
            "problems": self.statement.problems,
            "entries": [json.loads(self._body(at, {})[0]) for at in range(len(self.entries))],
        }
        return Record(unreadable.statement_name(self.statement), json.dumps(body).encode(), self.name)


def reopened(record: Record) -> Page:
    """The records of a refused statement, or its refusal again."""
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


def _stored_fault(body: dict[str, Any]) -> RecordError | None:
    """The same judgement on a statement kept as JSON."""
    if body.get("problems"):
        return StatementImbalance("The statement cannot be trusted: " + "; ".join(map(str, body["problems"])))
    try:
        opening, closing = body["head"]["statement"]["opening"], body["head"]["statement"]["closing"]
        counted = [entry for entry in body["entries"] if entry["status"] == EntryStatus.BOOKED]
        booked = sum((Decimal(entry["amount"]) for entry in counted if entry["amount"]), Decimal())
        if opening is None or closing is None or Decimal(opening) + booked == Decimal(closing):
            return None
        unread = [(e.get("position"), str(e.get("amount_text", ""))) for e in counted if not e["amount"]]
        return proofs.unbalanced(Decimal(opening), booked, Decimal(closing), unread)
    except (ArithmeticError, KeyError, TypeError, ValueError) as error:
        return RecordError(f"The kept statement cannot be judged: {error}. Upload the bank's file again.")


def _record(value: dict[str, Any]) -> Record:
    return Record(str(value.get("external_id", "")), json.dumps(value).encode())
