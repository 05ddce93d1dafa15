"""A message sorted by what its fields are for."""

from __future__ import annotations

from dataclasses import dataclass

from integrations.bank.formats.mt940_entries import EntryLines
from integrations.bank.formats.mt940_fields import SwiftField, SwiftMessage

OPENING, CLOSING = ("60F", "60M", "60"), ("62F", "62M", "62")
ACCOUNT, NUMBER = ("25", "25P"), ("28C", "28")
_AFTER_ENTRIES = (*CLOSING, "64", "65", "90D", "90C")


@dataclass(frozen=True, slots=True)
class Parts:
    message: SwiftMessage
    groups: tuple[EntryLines, ...]
    late: int
    """How many entries stand after the closing balance."""
    orphans: int
    """How many :86: stand before the first entry."""
    closing: int
    """How many :86: stand after the last one: about the statement, not about an entry."""

    def texts(self, *tags: str) -> list[str]:
        return [field.lines[0].strip() for field in self.message.fields if field.tag in tags]

    @property
    def is_interim(self) -> bool:
        """Whether this is an MT942: it has no balances, and a header or a field that only an MT942 has."""
        if self.texts(*OPENING, *CLOSING):
            return False
        return self.message.kind == "942" or bool(self.texts("34F", "13", "13D", "90C", "90D"))

    def first(self, *tags: str) -> str:
        return next(iter(self.texts(*tags)), "")


def sort_fields(message: SwiftMessage) -> Parts:
    groups: list[tuple[SwiftField, list[SwiftField]]] = []
    late, orphans, closing, has_ended = 0, 0, 0, False
    for field in message.fields:
        has_ended = has_ended or field.tag in _AFTER_ENTRIES
        if field.tag == "61":
            late += has_ended
            groups.append((field, []))
        elif field.tag in {"86", "NS"} and groups and not has_ended:
            groups[-1][1].append(field)
        elif field.tag == "86":
            closing += has_ended
            orphans += not has_ended
    return Parts(message, tuple(EntryLines(line, tuple(details)) for line, details in groups), late, orphans, closing)
