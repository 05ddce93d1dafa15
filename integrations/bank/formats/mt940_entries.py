"""One :61: statement line with the :86: or :NS: fields that explain it.

Layout (SWIFT MT940, field 61): value date 6n, [entry date 4n], mark 2a, [funds code 1a], amount 15d, type 1a3c,
reference 16x, [//bank reference 16x], [line break, supplementary details 34x]. Dialects: four blanks as entry date,
no type (Penta), a type of three letters and a blank (Triodos), an IBAN as reference (ASN, SNS), a line break inside.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from integrations.bank.formats.mt940_details import NarrativeDetails, read_details, read_non_swift
from integrations.bank.formats.mt940_fields import SwiftField
from integrations.bank.formats.mt940_more import supplementary_details
from integrations.bank.formats.mt940_values import (
    AMOUNT,
    AS_WRITTEN,
    NO_DAYS,
    AmountReading,
    day_or_interest,
    doubts,
    is_bare,
    nearest_entry_day,
    signed_amount,
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
class EntryLines:
    """A :61: field and the fields that follow it."""

    line: SwiftField
    details: tuple[SwiftField, ...]


@dataclass(frozen=True, slots=True)
class Movement:
    """An entry with its mark, by which the totals of an MT942 are counted; '' for a line that cannot be read."""

    mark: str
    entry: Entry
    doubts: frozenset[str] = frozenset()
    """Which members of the `AmountReading` its amount depends on."""


def read_movement(group: EntryLines, position: int, currency: str, reading: AmountReading = AS_WRITTEN) -> Movement:
    """Read a line. A line of another shape keeps its text and has no amount, so that the schema rejects it."""
    match, supplementary_lines = _match(group.line.lines)
    details = _details(group.details)
    raw = "\n".join(field.raw for field in (group.line, *group.details))
    if match is None:
        text = group.line.lines[0].strip()
        description = details.description or text
        return Movement("", Entry(position, None, text, currency, None, "", description=description, raw=raw))
    value_on = day_or_interest(match["value"])
    entry_text = (match["entry"] or "").strip()
    reference, bank_id = _references(match["references"])
    amount = signed_amount(match, currency, reading)
    entry = Entry(
        position=position,
        amount=amount if _SIGNS[match["mark"]] > 0 else -amount,
        amount_text=f"{match['sign'] or ''}{match['amount']}{match['trail'] or ''}",
        currency=currency,
        booked_on=nearest_entry_day(entry_text, match["value"]) if entry_text else value_on,
        booked_text=entry_text or match["value"],
        value_on=value_on,
        status=EntryStatus.PENDING if match["mark"][0] == "E" else EntryStatus.BOOKED,
        bank_id=bank_id,
        reference=details.reference if reference.upper() in _POINTERS or not reference else reference,
        kind=(match["kind"] or "").strip(),
        counterparty=details.counterparty,
        counterparty_account=details.counterparty_account or _first_iban(reference, *supplementary_lines),
        description=details.description or " ".join(supplementary_lines),
        details={**details.more, **supplementary_details(supplementary_lines)},
        raw=raw,
    )
    return Movement(match["mark"], entry, doubts(match))


def _match(lines: tuple[str, ...]) -> tuple[re.Match[str] | None, tuple[str, ...]]:
    """The match of the line, and its supplementary lines. Some savings banks break the line around the amount."""
    first = lines[0].rstrip()
    match = _LINE.fullmatch(first)
    supplementary_lines = tuple(text for line in lines[1:] if (text := line.strip()))
    if supplementary_lines and (match is None or not (match["kind"] or match["references"])):
        joined_match = _LINE.fullmatch(first + supplementary_lines[0])
        amount_text = match["amount"] if match else ""
        if (
            joined_match
            and joined_match["kind"]
            and (not amount_text or is_bare(amount_text) or joined_match["amount"] == amount_text)
        ):
            return joined_match, supplementary_lines[1:]
    return match, supplementary_lines


def note_moved_days(entries: Iterable[Entry]) -> list[str]:
    """Notes on days that February does not have, as banks of 30-day months write them. The first ten are enough."""
    notes = [
        f"Entry {entry.position + 1} is of {entry.booked_text[-4:-2]}-{entry.booked_text[-2:]}, a day that there is "
        f"not; read as {entry.booked_on}."
        for entry in entries
        if entry.booked_on and entry.booked_text[-4:] in NO_DAYS and entry.booked_text[-2:] != f"{entry.booked_on:%d}"
    ]
    return notes[:10]


def _references(text: str) -> tuple[str, str]:
    """Customer reference and bank id; the id is '' if the bank writes a placeholder."""
    customer, _, bank = text.partition("//")
    bank = bank.strip()
    is_id = bank.upper() not in _POINTERS and bool(bank.strip("0-/ ."))
    return customer.strip(), bank if is_id else ""


def _first_iban(*texts: str) -> str:
    return next((text for text in texts if _IBAN.fullmatch(text)), "")


def _details(fields: tuple[SwiftField, ...]) -> NarrativeDetails:
    narrative = [line for field in fields if field.tag == "86" for line in field.lines]
    non_swift = [line for field in fields if field.tag == "NS" for line in field.lines]
    return read_details(narrative) if narrative else read_non_swift(non_swift)
