"""The entries of a CAMT message, each read as soon as it ends: the tree that is kept has none of their elements.

A tree takes several times the memory of the entries that are made of it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from xml.etree.ElementTree import Element

from ingestion import FileTooLarge
from integrations.bank.formats.camt_entry import entry, is_reversal, status_code
from integrations.bank.formats.camt_totals import Row, row_of
from integrations.bank.statements import MAX_ENTRIES, Entry


@dataclass(frozen=True, slots=True)
class Taken:
    """An entry, and what is asked of its element once the statement is read."""

    entry: Entry
    row: Row
    status: str
    is_reversal: bool


@dataclass(slots=True)
class Entries:
    """What was read of each Ntry of a message, by its element, until its statement takes it."""

    keeps_sign: bool
    _taken: dict[Element, Taken] = field(default_factory=dict)
    _codes: dict[frozenset[str], frozenset[str]] = field(default_factory=dict)
    _parts: int = 0

    def take(self, ntry: Element, source: str) -> None:
        """Read an entry. Raises FileTooLarge at the first part too many: one weighs as much as an entry."""
        self._parts += sum(1 for _ in ntry.iter("TxDtls"))
        if self._parts > MAX_ENTRIES:
            raise FileTooLarge(
                f"The CAMT file has more than {MAX_ENTRIES:,} transactions in its entries (TxDtls): split it."
            )
        read = entry(0, ntry, source, keeps_sign=self.keeps_sign)
        row = row_of(ntry, read)
        row = replace(row, codes=self._codes.setdefault(row.codes, row.codes))
        self._taken[ntry] = Taken(read, row, status_code(ntry), is_reversal(ntry))

    def of(self, statement: Element) -> list[Taken]:
        """The entries of this statement, in their places."""
        taken = [self._taken.pop(ntry) for ntry in statement.iterfind("Ntry")]
        return [replace(each, entry=replace(each.entry, position=at)) for at, each in enumerate(taken)]

    @property
    def left(self) -> int:
        """Entries that no statement took."""
        return len(self._taken)
