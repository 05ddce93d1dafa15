"""Records of QIF: the texts of each letter, and lines of text that only look like a field."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from ingestion import FileTooLarge
from integrations.bank.account_numbers import spelled

Record = dict[str, list[str]]
"""The texts of each letter, in the order of the file; under LOOSE the whole lines that are no fields."""

LOOSE = ""
_WORD = re.compile(r"[a-z\u00df-\u00f6\u00f8-\u00ff]|[A-Z]{4}")
"""How a line goes on behind its letter if the letter begins a word: `Transaction`, `DEPOSIT`. USD 5.00 is no
such word.
"""
_VALUE = re.compile(r"[0-9][.,/'-] ?[0-9]")
"""Part of a day or an amount: a line that has it stays a field."""
_NAMES = {"D": "day", "T": "amount"}
_OPENING = frozenset(
    {
        *("opening balance", "solde initial", "solde d'ouverture", "anfangssaldo", "anfangsbestand", "eröffnungssaldo"),
        *("saldo iniziale", "saldo inicial", "beginsaldo", "openingssaldo", "ingående saldo", "saldo początkowe"),
    }
)
"""The payee of the record in which programs write the balance before the first entry."""
_ACCOUNT = re.compile(r"\[([^\]]*)\]")


_LINE = re.compile(r"([^\r\n]*)(?:\r\n|\r|\n|\Z)")
_LINES_PER_ENTRY = 16
"""A record of a bank has six; more of them only where it is split."""


def lines_of(text: str, max_entries: int) -> Iterator[str]:
    """One after the other, without what stands around them, and "!" as the last: it ends the record before it.

    Raises FileTooLarge: a list of very many short lines, or of splits, takes fifty times the memory of their text.
    """
    left, splits = _LINES_PER_ENTRY * max_entries, max_entries
    for match in _LINE.finditer(text):
        line = match[1].strip("\ufeff\0 \t")
        left -= bool(line)
        splits -= line.startswith("$")
        if left < 0 or splits < 0:
            what = f"{max_entries:,} splits" if splits < 0 else f"{_LINES_PER_ENTRY * max_entries:,} lines"
            raise FileTooLarge(f"The QIF file has more than {what}: split it.")
        yield line
    yield "!"


def record_of(lines: Sequence[str]) -> Record:
    record: Record = {}
    for line in lines:
        record.setdefault(line[0], []).append(line[1:].strip())
    for letter in _NAMES:
        _move_loose_lines(record, letter)
    return record


def _move_loose_lines(record: Record, letter: str) -> None:
    """Move a line of text that begins with the letter of the day, or of the amount, and stands beside it."""
    texts = record.get(letter, [])
    loose = [text for text in texts if _WORD.match(text) and not _VALUE.search(text)]
    if loose and len(texts) - len(loose) == 1:
        aside = set(loose)
        record[letter] = [text for text in texts if text not in aside]
        record.setdefault(LOOSE, []).extend(letter + text for text in loose)


def text_of(record: Record, letter: str) -> str:
    return next(filter(None, record.get(letter, ())), "")


def describe_joined_entries(record: Record) -> str:
    """What shows that two entries may have become one, '' for nothing."""
    for letter, name in _NAMES.items():
        if len(texts := record.get(letter, ())) > 1:
            examples = " and ".join(repr(text[:40]) for text in texts[:2])
            return (
                f"an entry has two {name}s, {examples}: the line ^ between two entries is missing, or a line of text "
                f"begins with {letter} and needs the letter of a memo (M) before it"
            )
    return ""


def states_opening_balance(record: Record, account: str) -> bool:
    """Whether the record is called an opening balance and names its own account, which a transfer does not."""
    account_match = _ACCOUNT.match(text_of(record, "L"))
    if account_match is None or text_of(record, "P").casefold() not in _OPENING:
        return False
    return not account or spelled(account_match[1]).casefold() == account.casefold()


def note_loose_lines(records: Sequence[Record]) -> str:
    """One note about all lines that were read as text, '' for none."""
    lines = [(at, line) for at, record in enumerate(records, start=1) for line in record.get(LOOSE, ())]
    if not lines:
        return ""
    at, line = lines[0]
    more = f"; and {len(lines) - 1:,} more" if len(lines) > 1 else ""
    predicate = f"begins like the {_NAMES[line[0]]} of an entry ({line[0]}) and is none"
    return f"the line {line[:40]!r} of record {at} {predicate}: it is read as text{more}"
