"""Why a statement must be refused although it could be read.

The balance check alone is not enough: two lost entries may cancel out, and an MT942 has no balances. So whatever
shows that a line was lost, run together or cut off is a problem too. What stays unseen: two entries that cancel out
and both vanish with their whole lines (1 of 140,000 random damages), and a changed account number.
"""

from __future__ import annotations

import re
from decimal import Decimal

from integrations.bank.formats.mt940_entries import Movement
from integrations.bank.formats.mt940_parts import ACCOUNT, CLOSING, NUMBER, OPENING, Parts
from integrations.bank.formats.mt940_values import total
from integrations.bank.statements import Balance

_ACCOUNT_TEXT = re.compile(r"[\x20-\x39\x3b-\x7e]{1,50}")
"""No colon (a field ran into it) and no control character; longer than SWIFT's 35 because banks are."""


def shape_problems(parts: Parts, currency: str, available: Balance | None) -> list[str]:
    problems = list(dict.fromkeys(parts.message.strays))
    problems += [
        f"field :{tags[0]}: stands more than once: two statements may have run together"
        for tags in (ACCOUNT, NUMBER, OPENING, CLOSING, ("90C",), ("90D",))
        if len(parts.texts(*tags)) > 1
    ]
    if not _ACCOUNT_TEXT.fullmatch(parts.first(*ACCOUNT)):
        problems.append("the account (:25:) is missing or is not an account number")
    if parts.orphans and parts.groups:
        problems.append("details (:86:) stand before the first entry: an entry may have been lost")
    if not currency:
        problems.append("no field names the currency")
    if parts.late:
        problems.append(f"{parts.late} entries stand after the closing balance")
    if parts.texts("64") and available is None:
        problems.append(f"the available balance (:64:) cannot be read: {parts.first('64')[:40]!r}")
    return problems


def balance_problems(
    parts: Parts, movements: list[Movement], opening: Balance | None, closing: Balance | None
) -> list[str]:
    # Two lines that cannot be read may cancel out, so that the balances tie without them.
    lost = [movement.entry.position + 1 for movement in movements if movement.entry.amount is None]
    problems = [f"entry {position} (:61:) cannot be read" for position in lost[:10]]
    for name, tags, found in (("opening", OPENING, opening), ("closing", CLOSING, closing)):
        text = parts.first(*tags)
        if found is None:
            reason = f"cannot be read: {text[:40]!r}" if text else "is missing: the file may be cut off"
            problems.append(f"the {name} balance (:{tags[0]}:) {reason}")
    if opening and closing and opening.currency != closing.currency:
        problems.append(f"opening in {opening.currency} but closing in {closing.currency}")
    return problems


def interim_problems(parts: Parts, movements: list[Movement]) -> list[str]:
    problems = []
    texts = {side: text for side in "DC" if (text := parts.first(f"90{side}"))}
    if not texts and not parts.message.ended:
        problems.append("neither totals (:90D:, :90C:) nor an end mark: the file may be cut off")
    for side, text in texts.items():
        declared = total(text)
        if declared is None:
            problems.append(f"the total :90{side}: cannot be read: {text[:40]!r}")
        elif (declared.count, declared.amount) not in _totals(side, movements):
            problems.append(f"the total :90{side}: declares {text} but the entries say otherwise")
    return problems


def _totals(side: str, movements: list[Movement]) -> list[tuple[int, Decimal]]:
    """Count and sum of one side, in both ways banks count a reversal: as its own mark, or as the other side."""
    by_mark = [m.entry.amount for m in movements if m.mark[-1:] == side and m.entry.amount is not None]
    reversed_side = {"RC": "D", "RD": "C"}
    by_sign = [
        m.entry.amount
        for m in movements
        if reversed_side.get(m.mark, m.mark[-1:]) == side and m.entry.amount is not None
    ]
    return [(len(amounts), abs(sum(amounts, Decimal()))) for amounts in (by_mark, by_sign)]
