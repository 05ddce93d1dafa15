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
class StatementPages:
    """The statement of one file and its entries with their ids, cut into pages. `name` is the file's."""

    name: str
    statement: Statement
    entries: Sequence[Keyed]
    ids: Ids

    def pages(self, size: int) -> Iterator[Page]:
        """Pages of `size` entries. What concerns the whole statement comes with the first page."""
        statement, fault = self.statement, proofs.find_fault(self.statement)
        if fault is not None:
            name = statement.reference or statement.number
            description = f"{name} of {statement.account.identifier}" if name else f"of {statement.account.identifier}"
            notes, proofs_of_file = (
                [f"Statement {description} refused: {fault}", *notes_of(statement)],
                [proofs.refused_proof(self.name)],
            )
            yield Page(
                [], None, [Refusal(self._refused_record(), fault)], {}, notes, statement.left_out, proofs_of_file
            )
            return
        for start in range(0, max(len(self.entries), 1), size):
            end = min(start + size, len(self.entries))
            records = [self._record(at) for at in range(start, end)]
            former_names = partial(self._former_names, start, end)
            if start:
                yield Page(records, None, formerly=former_names)
            else:
                proofs_of_file = proofs.list_proofs(self.name, statement)
                yield Page(
                    records,
                    None,
                    notes=notes_of(statement),
                    left_out=statement.left_out,
                    proofs=proofs_of_file,
                    formerly=former_names,
                    titles=[self._title()],
                )

    def _title(self) -> str:
        statement = self.statement
        account = statement.account.identifier
        return (
            f"{self.name}: {statement.format} statement of {account}, {counted(len(self.entries), 'entry', 'entries')}"
        )

    @cached_property
    def _head(self) -> dict[str, Any]:
        return schema.head_json(self.statement)

    @cached_property
    def _names(self) -> list[unreadable.DeadLetterNames]:
        return unreadable.letter_names(self.statement, self.ids)

    @cached_property
    def _names_with_less(self) -> list[list[unreadable.DeadLetterNames]]:
        return [unreadable.letter_names(variant, self.ids) for variant in unreadable.variants_with_less(self.statement)]

    def _record(self, at: int) -> Record:
        body, key = self._body_and_key(at, self._head, self._listing() if at == self._first else "")
        return Record(key, body, f"{self.name}, entry {self.entries[at].entry.position + 1}")

    def _listing(self) -> str:
        return listings.listing(self.statement) or day_ends.listing(self.statement, self.ids)

    @cached_property
    def _first(self) -> int | None:
        return listings.find_first_listed(self.statement)

    def _body_and_key(self, at: int, head: dict[str, Any], listing: str = "") -> tuple[bytes, str]:
        keyed = self.entries[at]
        faults = unreadable.faults(self.statement, keyed.entry)
        if not any(faults):
            return schema.entry_json(self.statement, keyed, head, listing=listing), keyed.key
        names = self._names[at]
        keyed = keyed._replace(key=names.of(*faults) or keyed.key)
        equal_count = names.of_day if faults[0] else names.of_amount
        return schema.entry_json(self.statement, keyed, schema.without_listed(head), equal_count=equal_count), keyed.key

    def _former_names(self, start: int, end: int) -> Mapping[str, Sequence[str]]:
        """For each entry of a page, the other names under which it or the whole statement may lie among the dead
        letters.
        """
        name_lists = [self._names, *self._names_with_less]
        names = {
            self.entries[at].key: [name for names_list in name_lists for name in names_list[at].all()]
            for at in range(start, end)
        }
        if end == len(self.entries) and names:
            names[self.entries[-1].key].extend(unreadable.statement_names(self.statement))
        return names

    def _refused_record(self) -> Record:
        """A refused statement as one record: all that was read of it, with the exact text of every entry."""
        body = {
            "head": self._head,
            "problems": self.statement.problems,
            "entries": [json.loads(self._body_and_key(at, {})[0]) for at in range(len(self.entries))],
        }
        return Record(unreadable.statement_name(self.statement), json.dumps(body).encode(), self.name)


def reopen_statement(record: Record) -> Page:
    """The records of a refused statement if it can be trusted now, else its refusal."""
    try:
        body = json.loads(record.body)
        head, entries = body["head"], body["entries"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        fault = RecordError(f"This payload is not a refused statement: {error}. Upload the bank's file again.")
        return Page([], None, [Refusal(record, fault)])
    unbalanced = _find_stored_fault(body)
    if unbalanced is not None:
        return Page([], None, [Refusal(record, unbalanced)])
    return Page([_record({**entry, **head}) for entry in entries], None)


def _find_stored_fault(body: dict[str, Any]) -> RecordError | None:
    """What is wrong with a statement that is kept as JSON; the same rules as proofs.py."""
    if body.get("problems"):
        return StatementImbalance("The statement cannot be trusted: " + "; ".join(map(str, body["problems"])))
    try:
        opening, closing = body["head"]["statement"]["opening"], body["head"]["statement"]["closing"]
        booked_entries = [entry for entry in body["entries"] if entry["status"] == EntryStatus.BOOKED]
        booked_sum = sum((Decimal(entry["amount"]) for entry in booked_entries if entry["amount"]), Decimal())
        if opening is None or closing is None or Decimal(opening) + booked_sum == Decimal(closing):
            return None
        unreadable_amounts = [
            (entry.get("position"), str(entry.get("amount_text", "")))
            for entry in booked_entries
            if not entry["amount"]
        ]
        return proofs.imbalance_fault(Decimal(opening), booked_sum, Decimal(closing), unreadable_amounts)
    except (ArithmeticError, KeyError, TypeError, ValueError) as error:
        return RecordError(f"The kept statement cannot be judged: {error}. Upload the bank's file again.")


def _record(value: dict[str, Any]) -> Record:
    return Record(str(value.get("external_id", "")), json.dumps(value).encode())
