"""Which entry is which, across files that overlap, repeat and are loaded in any order.

An entry's external id digests the account, the currency, the day, the signed amount, and then the bank's own id if
there is one, else the texts. The day is the stored one. Day and amount are part of it even with a bank id, because
banks reuse ids: OFX FITIDs restart every year at some, and one AcctSvcrRef may cover all parts of a batch. What a
bank's ids are really worth only its customer can say: `Ids`.

Two coffees at the same bar on the same day are two entries that look the same, so the id ends with an ordinal: how many
equal ones came before it, see twins.py. As long as a statement holds whole days, the nth twin gets the same id in every
statement that has it, and statements merge however they overlap.

What cannot be read must not identify: unreadable.py names entries without a readable amount or day by everything else.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from enum import StrEnum
from hashlib import sha256
from typing import Any, NamedTuple, Protocol

from ingestion import ConfigurationError, did_you_mean
from integrations.bank.bank_ids import bank_id_of
from integrations.bank.statements import Entry, EntryStatus, Statement
from integrations.bank.twins import ChainPlace, DatedEntry, TwinCounter, booked_day

KEY_CHARS = 40
"""160 bits of SHA-256: no collisions in practice, and the id fits every index."""


class Ids(StrEnum):
    """What a connection says the ids of its bank are worth. UNSET loads as ONCE does, and the run asks."""

    UNSET = ""
    ONCE = "once"
    """An id names one entry of its day and amount. The same id with another day or amount is another entry."""
    TRUST = "trust"
    """The id alone names the entry. Another day or amount under it corrects the entry."""
    IGNORE = "ignore"
    """The ids change from one download to the next; the texts name the entry."""


def read_ids_setting(config: Mapping[str, Any]) -> Ids:
    """What the config says the bank's ids are worth. Raises ConfigurationError for a word that is not one of `Ids`."""
    word = config.get("ids") or ""
    try:
        return Ids(word)
    except ValueError:
        allowed = [ids.value for ids in Ids if ids]
        near = did_you_mean(str(word), allowed) or "."
        raise ConfigurationError(
            f"ids says what the bank's ids are worth; it is one of {', '.join(allowed)}{near}"
        ) from None


class Described(DatedEntry, Protocol):
    """The fields of an entry, and of the record made of it, that identify it."""

    @property
    def amount(self) -> Decimal | None: ...
    @property
    def amount_text(self) -> str: ...
    @property
    def status(self) -> EntryStatus: ...
    @property
    def bank_id(self) -> str: ...
    @property
    def reference(self) -> str: ...
    @property
    def counterparty(self) -> str: ...
    @property
    def description(self) -> str: ...


class Keyed(NamedTuple):
    """An entry and its external id, with counts of entries like it, each from this one to the end of its statement and
    in the statements that it continues.
    """

    key: str
    entry: Entry
    twins: int = 1
    """Entries of the same day, amount and texts, whatever their ids."""
    namesakes: int = 1
    """Entries of the same bank id, whatever their days and amounts; 0 for an entry without one."""
    alike: int = 1
    """Entries of the same day and amount."""


def key_entries(
    statements: Sequence[Statement], ids: Ids = Ids.UNSET, twins: TwinCounter | None = None
) -> Iterator[tuple[Statement, list[Keyed]]]:
    """Each statement with its entries and their external ids.

    The accounts must be filled in before, because they are part of the id. `twins` remembers the statements that the
    run read before these.
    """
    twins = TwinCounter() if twins is None else twins
    for statement in statements:
        yield statement, _keyed_entries(statement, ids, twins.place(statement))


def _keyed_entries(statement: Statement, ids: Ids, place: ChainPlace) -> list[Keyed]:
    trusted_ids = _trusted(statement) if ids is Ids.TRUST else frozenset()
    keys: list[str] = []
    entry_looks = []
    for entry in statement.entries:
        account = statement.account.known_by
        currency = entry.currency or statement.account.currency
        money = digest(account, currency, day_text(entry), amount_text(entry), *status_words(entry))
        twin_look, name = digest(money, *texts(entry)), bank_id(entry)
        if name in trusted_ids and entry.status is EntryStatus.BOOKED:
            keys.append(trusted_key(account, name))
        else:
            look = look_of(account, currency, entry, ids)
            keys.append(key_of(look, place.ordinal(look)))
        looks = (twin_look, digest(account, "id", name) if name else "", money)
        entry_looks.append([(look, place.nth(look)) for look in looks if look])
    return [
        _with_counts(Keyed(key, entry), [place.total(look) - nth for look, nth in look_ordinals], bool(bank_id(entry)))
        for key, entry, look_ordinals in zip(keys, statement.entries, entry_looks, strict=True)
    ]


def _with_counts(keyed: Keyed, remaining: Sequence[int], is_named: bool) -> Keyed:
    return keyed._replace(twins=remaining[0], namesakes=remaining[1] if is_named else 0, alike=remaining[-1])


def look_of(account: str, currency: str, entry: Described, ids: Ids) -> str:
    """The digest of everything that twins share."""
    # A pending entry must not count among the booked twins: it is gone once it is booked.
    return digest(
        account, currency, day_text(entry), amount_text(entry), *identifying_words(entry, ids), *status_words(entry)
    )


def _trusted(statement: Statement) -> frozenset[str]:
    """The bank ids that name exactly one entry of the statement. An id on several, as in a batch, cannot tell them
    apart.
    """
    names = Counter(bank_id(entry) for entry in statement.entries if entry.status is EntryStatus.BOOKED)
    return frozenset(name for name, count in names.items() if name and count == 1)


def trusted_key(account: str, name: str) -> str:
    return digest(account, "trusted id", name)[:KEY_CHARS]


def key_of(look: str, ordinal: int) -> str:
    """The external id of the entry of this look that has so many before it."""
    return digest(look, str(ordinal))[:KEY_CHARS]


def bank_id(entry: Described) -> str:
    """The entry's bank id, '' if it has none."""
    return bank_id_of(entry.bank_id)


def identifying_words(entry: Described, ids: Ids) -> tuple[str, ...]:
    """The words that tell the entry from others of its day and amount: the bank id or the texts."""
    name = bank_id(entry)
    return ("id", name) if name and ids is not Ids.IGNORE else texts(entry)


def digest(*parts: str) -> str:
    """A digest of the parts. The length before each part keeps text from moving to the next part under the same
    digest.
    """
    hasher = sha256()
    for part in parts:
        encoded = part.encode("utf-8", "surrogatepass")
        hasher.update(f"{len(encoded)}:".encode())
        hasher.update(encoded)
    return hasher.hexdigest()


def texts(entry: Described) -> tuple[str, ...]:
    return "text", normalize(entry.reference), normalize(entry.counterparty), normalize(entry.description)


def status_words(entry: Described) -> tuple[str, ...]:
    return () if entry.status is EntryStatus.BOOKED else (f"status {entry.status}",)


def day_text(entry: Described) -> str:
    day = booked_day(entry)
    return day.isoformat() if day else f"text {normalize(entry.booked_text)}"


def amount_text(entry: Described) -> str:
    return f"text {normalize(entry.amount_text)}" if entry.amount is None else exact_text(entry.amount)


def exact_text(amount: Decimal) -> str:
    """One text for equal numbers: 1.0, 1.00 and 1, or -0 and 0. Decimal.normalize would round to the context's
    precision.
    """
    sign, digits, power = amount.as_tuple()
    text = "".join(map(str, digits)).lstrip("0")
    significant = text.rstrip("0")
    if not significant or not isinstance(power, int):
        return "0" if isinstance(power, int) else str(amount)
    return f"{'-' if sign else ''}{significant}e{power + len(text) - len(significant)}"


def normalize(text: str) -> str:
    """The text with single spaces and composed accents. Exports of one bank differ in these, but not in case."""
    return " ".join(unicodedata.normalize("NFC", text).split())
