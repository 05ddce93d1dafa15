"""The totals that a statement declares: :90D: and :90C:, in MT942 and in the MT940 of some banks.

They come from the bank, so a damaged file does not change them along: all of them must hold.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from ingestion import counted
from integrations.bank.formats.mt940_entries import Movement
from integrations.bank.formats.mt940_parts import Parts
from integrations.bank.formats.mt940_values import parse_total
from integrations.bank.statements import EntryStatus

_NAMES = {"D": "debits", "C": "credits"}
_Figures = tuple[int, Decimal]


@dataclass(frozen=True, slots=True)
class Mt940Verdict:
    problems: tuple[str, ...]
    proved: str = ""
    """Which totals hold, '' if none is declared or one does not hold."""
    unproved: str = ""
    """Why the totals prove nothing about some of the entries, '' if they prove all."""


def judge_totals(parts: Parts, movements: Sequence[Movement]) -> Mt940Verdict:
    declared = list(_declared(parts))
    problems = [
        f"the total {name} cannot be read: {text[:40]!r}"
        if figures is None
        else f"the total {name} declares {text[:60]} but the entries say otherwise"
        for name, side, text, figures in declared
        if figures is None or figures not in _totals(side, movements)
    ]
    if problems:
        return Mt940Verdict(tuple(problems))
    names = " and ".join(dict.fromkeys(name for name, *_ in declared))
    return Mt940Verdict((), names, _describe_gap({side for _, side, _, _ in declared}, movements))


def may_count_more(parts: Parts, movements: Sequence[Movement]) -> bool:
    """Whether every declared total is at least what these entries make, so that entries elsewhere may be the rest."""
    return all(
        figures is not None
        and any(figures[0] >= count and figures[1] >= amount for count, amount in _totals(side, movements))
        for _, side, _, figures in _declared(parts)
    )


def _describe_gap(sides: set[str], movements: Sequence[Movement]) -> str:
    """Why the totals prove nothing about some of the entries, '' if they prove all."""
    if not sides:
        return "it has no balances and declares no totals"
    unreadable_count = sum(movement.entry.amount is None for movement in movements)
    if unreadable_count:
        return f"{counted(unreadable_count, 'entry', 'entries')} cannot be read"
    # A reversal may be counted on either side, so one declared side proves a file only where all are on it.
    opposite = {"D": "C", "C": "D"}
    undeclared = [
        side for side in "DC" if side not in sides and any(movement.mark[-1:] == side for movement in movements)
    ]
    return "".join(f"no total is declared for its {_NAMES[side]}" for side in undeclared if opposite[side] in sides)


def _declared(parts: Parts) -> Iterator[tuple[str, str, str, _Figures | None]]:
    """Field, side, text and figures of each total; no figures for a text that is no total."""
    for side in "DC":
        if text := parts.first(f"90{side}"):
            parsed_total = parse_total(text)
            yield f":90{side}:", side, text, None if parsed_total is None else (parsed_total.count, parsed_total.amount)


def _totals(side: str, movements: Sequence[Movement]) -> list[_Figures]:
    """Count and sum of one side, in both ways banks count a reversal: as its own mark, or as the other side.

    Entries that are only expected (EC, ED) are counted by some and left out by others.
    """
    firm = [movement for movement in movements if movement.mark[:1] != "E"]
    groups = [movements, firm] if len(firm) < len(movements) else [movements]
    return [figures for group in groups for figures in (_by_mark(side, group), _by_sign(side, group))]


def _by_mark(side: str, movements: Sequence[Movement]) -> _Figures:
    return _figures([movement for movement in movements if movement.mark[-1:] == side])


def _by_sign(side: str, movements: Sequence[Movement]) -> _Figures:
    reversed_side = {"RC": "D", "RD": "C"}
    return _figures(
        [movement for movement in movements if reversed_side.get(movement.mark, movement.mark[-1:]) == side]
    )


def _figures(movements: Sequence[Movement]) -> _Figures:
    amounts = [movement.entry.amount for movement in movements if movement.entry.amount is not None]
    return len(amounts), abs(sum(amounts, Decimal()))


def sum_of_booked(movements: Sequence[Movement]) -> Decimal:
    """The sum that the balances must show."""
    amounts = (movement.entry.amount for movement in movements if movement.entry.status is EntryStatus.BOOKED)
    return sum((amount for amount in amounts if amount is not None), Decimal())
