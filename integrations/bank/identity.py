"""Which entry is which, across files that overlap, repeat and are loaded in any order.

An entry's external id digests the account, the currency, the day, the signed amount, and then the bank's own id where
there is one, else the texts. Day and amount are part of it even with a bank id, because banks reuse ids: OFX FITIDs
restart every year at some, and one AcctSvcrRef may cover all parts of a batch.

Two coffees at the same bar on the same day are two entries that look the same, so the id ends with an ordinal: how
many equal ones came before it in the file. Every file counts from 0. As long as a file holds whole days, the nth twin
gets the same id in every file that has it, and files merge however they overlap.

The limit that remains: two files that each hold one half of a day with twins in both halves merge them, since nothing
in either says that they differ. And an entry whose day, amount or text the bank changes, as most do when a pending
entry is booked, is a new one.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Hashable, Iterator, Sequence
from decimal import Decimal
from hashlib import sha256

from integrations.bank.statements import Entry, EntryStatus, Statement

KEY_CHARS = 40
"""160 bits of SHA-256: collisions stay out of reach, and the id fits every index."""

_PLACEHOLDER = re.compile(r"(?i)not ?provided|nonref|none|n/?a|unknown|[0\-. ]+")
"""What banks write where they have no id. As an id it would make strangers' entries one."""

KeyedEntries = list[tuple[str, Entry]]


def keyed(statements_of_one_file: Sequence[Statement]) -> Iterator[tuple[Statement, KeyedEntries]]:
    """Each statement with its entries and their external ids.

    The accounts must be filled in by then, because they are part of the id. A statement that repeats an earlier one
    of the file gets the same ids, so that it merges instead of doubling. For a ZIP call this once per file in
    it (`formats.read_parts`): those files overlap like files that come one by one.
    """
    counts: Counter[str] = Counter()
    known: dict[Hashable, KeyedEntries] = {}
    for statement in statements_of_one_file:
        # Sent again, a statement may have another reference or number; account, balances and entries tell that it
        # is the same. Without balances equal entries may as well be another page of the day.
        tied = statement.opening and statement.closing
        same = (statement.account, tied, statement.opening, statement.entries) if tied else statement
        if same not in known:
            known[same] = [(_next_key(statement, entry, counts), entry) for entry in statement.entries]
        yield statement, list(known[same])


def _next_key(statement: Statement, entry: Entry, counts: Counter[str]) -> str:
    look = _digest(
        statement.account.identifier,
        entry.currency or statement.account.currency,
        entry.booked_on.isoformat() if entry.booked_on else f"text {_plain(entry.booked_text)}",
        _amount(entry.amount) if entry.amount is not None else f"text {_plain(entry.amount_text)}",
        *_words(entry),
        # A pending entry must not count among the booked twins: it is gone once it is booked.
        *(() if entry.status is EntryStatus.BOOKED else (f"status {entry.status}",)),
    )
    ordinal = counts[look]
    counts[look] += 1
    return _digest(look, str(ordinal))[:KEY_CHARS]


def _words(entry: Entry) -> tuple[str, ...]:
    if entry.bank_id and not _PLACEHOLDER.fullmatch(entry.bank_id):
        return "id", entry.bank_id
    return "text", _plain(entry.reference), _plain(entry.counterparty), _plain(entry.description)


def _digest(*parts: str) -> str:
    """Length before each part, so that moving text from one to the next never gives the same id."""
    digest = sha256()
    for part in parts:
        encoded = part.encode("utf-8", "surrogatepass")
        digest.update(f"{len(encoded)}:".encode())
        digest.update(encoded)
    return digest.hexdigest()


def _amount(amount: Decimal) -> str:
    """1.0, 1.00 and 1 are equal, -0 and 0 too. Not Decimal.normalize, which rounds to the context's precision."""
    sign, digits, power = amount.as_tuple()
    text = "".join(map(str, digits)).lstrip("0")
    kept = text.rstrip("0")
    if not kept or not isinstance(power, int):
        return "0" if isinstance(power, int) else str(amount)
    return f"{'-' if sign else ''}{kept}e{power + len(text) - len(kept)}"


def _plain(text: str) -> str:
    """Exports of one bank differ in spacing and in how they write accents, but not in case."""
    return " ".join(unicodedata.normalize("NFC", text).split())
