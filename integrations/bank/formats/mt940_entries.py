"""One :61: statement line with the :86: or :NS: fields that explain it.

Layout (SWIFT MT940, field 61): value date 6n, [entry date 4n], mark 2a, [funds code 1a], amount 15d, type 1a3c,
reference 16x, [//bank reference 16x], [line break, supplementary details 34x]. Dialects: four blanks as entry date,
no type (Penta), a type of three letters and a blank (Triodos), an IBAN as reference (ASN, SNS), a line break inside.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from integrations.bank.formats.mt940_details import Details, read_details, read_non_swift
from integrations.bank.formats.mt940_fields import Field
from integrations.bank.formats.mt940_more import supplementary
from integrations.bank.formats.mt940_values import (
    AMOUNT,
    AS_WRITTEN,
    NO_DAYS,
    Reading,
    amount,
    day_or_interest,
    doubts,
    entry_day,
    is_bare,
)
from integrations.bank.statements import Entry, EntryStatus

_LINE = re.compile(
    r"(?P<value>[0-9]{6})(?P<entry>[0-9]{4}|[ ]{4})?(?P<mark>[RE]?[CD])(?P<funds>[A-Z])?"
    + AMOUNT
    # Letters between amount and type are damage, which may have taken digits of the amount along: `7,0xNTRF`.
    + r"[ ]?(?![^A-Z/ \n]{1,3}[NSF][A-Z]{3})(?P<kind>(?!NONREF)[A-Z][A-Z0-9 ]{3})?(?P<references>.*)",
    re.DOTALL,
)
_SIGNS = {"C": 1, "D": -1, "RC": -1, "RD": 1, "EC": 1, "ED": -1}
"""A reversal takes back: RC withdraws a credit, RD gives back a debit. EC and ED are expected, not yet booked."""

_POINTERS = {"NONREF", "EREF", "KREF", "KREF+", "MARF", "NREF", "PREF", "CREF"}
"""Not references but 'none' or 'look in :86:'."""
_IBAN = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}")


@dataclass(frozen=True, slots=True)
class Group:
    """A :61: field and the fields that follow it."""

    line: Field
    details: tuple[Field, ...]


@dataclass(frozen=True, slots=True)
class Movement:
    """An entry with its mark, which the totals of an MT942 are counted by; '' where the line cannot be read."""

    mark: str
    entry: Entry
    doubts: frozenset[str] = frozenset()
    """Which members of the `Reading` its amount depends on."""


def read_movement(group: Group, position: int, currency: str, reading: Reading = AS_WRITTEN) -> Movement:
    """Never fails: a line that is not one keeps its text and has no amount, so that the schema rejects it."""
    match, rest = _match(group.line.lines)
    details = _details(group.details)
    raw = "\n".join(field.raw for field in (group.line, *group.details))
    if match is None:
        text = group.line.lines[0].strip()
        description = details.description or text
        return Movement("", Entry(position, None, text, currency, None, "", description=description, raw=raw))
    value_on = day_or_interest(match["value"])
    entry_text = (match["entry"] or "").strip()
    reference, bank_id = _references(match["references"])
    entry = Entry(
        position=position,
        amount=_signed(match["mark"], amount(match, currency, reading)),
        amount_text=f"{match['sign'] or ''}{match['amount']}{match['trail'] or ''}",
        currency=currency,
        booked_on=entry_day(entry_text, match["value"]) if entry_text else value_on,
        booked_text=entry_text or match["value"],
        value_on=value_on,
        status=EntryStatus.PENDING if match["mark"][0] == "E" else EntryStatus.BOOKED,
        bank_id=bank_id,
        reference=details.reference if reference.upper() in _POINTERS or not reference else reference,
        kind=(match["kind"] or "").strip(),
        counterparty=details.counterparty,
        counterparty_account=details.counterparty_account or _first_iban(reference, *rest),
        description=details.description or " ".join(rest),
        details={**details.more, **supplementary(rest)},
        raw=raw,
    )
    return Movement(match["mark"], entry, doubts(match))


def _match(lines: tuple[str, ...]) -> tuple[re.Match[str] | None, tuple[str, ...]]:
    """The read line and its supplementary lines. Some savings banks break the line around the amount."""
    first = lines[0].rstrip()
    match = _LINE.fullmatch(first)
    rest = tuple(text for line in lines[1:] if (text := line.strip()))
    if rest and (match is None or not (match["kind"] or match["references"])):
        joined = _LINE.fullmatch(first + rest[0])
        written = match["amount"] if match else ""
        if joined and joined["kind"] and (not written or is_bare(written) or joined["amount"] == written):
            return joined, rest[1:]
    return match, rest


def moved(entries: Iterable[Entry]) -> list[str]:
    """Notes on days that February does not have, as banks of 30-day months write them. The first ten say enough."""
    told = [
        f"Entry {entry.position + 1} is of {entry.booked_text[-4:-2]}-{entry.booked_text[-2:]}, a day that there is "
        f"not; read as {entry.booked_on}."
        for entry in entries
        if entry.booked_on and entry.booked_text[-4:] in NO_DAYS and entry.booked_text[-2:] != f"{entry.booked_on:%d}"
    ]
    return told[:10]


def _signed(mark: str, value: Decimal) -> Decimal:
    return value if _SIGNS[mark] > 0 else -value


def _references(text: str) -> tuple[str, str]:
    """Customer reference and bank id; the id is '' where the bank writes a placeholder."""
    customer, _, bank = text.partition("//")
    bank = bank.strip()
    is_id = bank.upper() not in _POINTERS and bool(bank.strip("0-/ ."))
    return customer.strip(), bank if is_id else ""


def _first_iban(*texts: str) -> str:
    return next((text for text in texts if _IBAN.fullmatch(text)), "")


def _details(fields: tuple[Field, ...]) -> Details:
    narrative = [line for field in fields if field.tag == "86" for line in field.lines]
    non_swift = [line for field in fields if field.tag == "NS" for line in field.lines]
    return read_details(narrative) if narrative else read_non_swift(non_swift)
