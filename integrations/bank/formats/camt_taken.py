"""The entries of a CAMT message, each read as soon as its element ends: the tree keeps none of their elements.

A tree takes several times the memory of the entries that are made of it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from xml.etree.ElementTree import Element

from ingestion import FileTooLarge
from integrations.bank.formats.camt_entry import is_reversal, read_entry, status_code
from integrations.bank.formats.camt_totals import CountedEntry, counted_entry
from integrations.bank.statements import MAX_ENTRIES, Entry


@dataclass(frozen=True, slots=True)
class ReadEntry:
    """An entry, with what the reader needs of its element when it reads the statement."""

    entry: Entry
    row: CountedEntry
    status: str
    is_reversal: bool


@dataclass(slots=True)
class ReadEntries:
    """The entries of a message by their Ntry elements, until their statement asks for them."""

    keeps_sign: bool
    _by_element: dict[Element, ReadEntry] = field(default_factory=dict)
    _codes: dict[frozenset[str], frozenset[str]] = field(default_factory=dict)
    _parts: int = 0

    def read_entry(self, ntry: Element, source: str) -> None:
        """Read an entry. Raises FileTooLarge at the first part too many: a part weighs as much as an entry."""
        self._parts += sum(1 for _ in ntry.iter("TxDtls"))
        if self._parts > MAX_ENTRIES:
            raise FileTooLarge(
                f"The CAMT file has more than {MAX_ENTRIES:,} transactions in its entries (TxDtls): split it."
            )
        entry = read_entry(0, ntry, source, keeps_sign=self.keeps_sign)
        row = counted_entry(ntry, entry)
        row = replace(row, codes=self._codes.setdefault(row.codes, row.codes))
        self._by_element[ntry] = ReadEntry(entry, row, status_code(ntry), is_reversal(ntry))

    def of_statement(self, statement: Element) -> list[ReadEntry]:
        """The entries of this statement, in their places."""
        claimed_entries = [self._by_element.pop(ntry) for ntry in statement.iterfind("Ntry")]
        return [
            replace(claimed, entry=replace(claimed.entry, position=index))
            for index, claimed in enumerate(claimed_entries)
        ]

    @property
    def unclaimed_count(self) -> int:
        """How many entries no statement asked for."""
        return len(self._by_element)
