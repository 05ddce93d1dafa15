"""Why a statement must be refused although it could be read.

The balance check alone is not enough: two lost entries may cancel out, and an MT942 has no balances. So whatever
shows that a line was lost, run together or cut off is a problem too. What stays unseen: two entries that cancel out
and both vanish with their whole lines (1 of 140,000 random damages), and a changed account number.
"""

from __future__ import annotations

import re

from ingestion import counted
from integrations.bank.formats.mt940_parts import ACCOUNT, CLOSING, NUMBER, OPENING, Parts
from integrations.bank.formats.mt940_readings import Money
from integrations.bank.formats.mt940_totals import Mt940Verdict, sum_of_booked
from integrations.bank.statements import Balance

_ACCOUNT_TEXT = re.compile(r"[\x20-\x39\x3b-\x7e]{1,50}")
"""No colon (a field ran into it) and no control character; longer than SWIFT's 35 because banks are."""


def shape_problems(parts: Parts, currency: str, available: Balance | None, *, is_proved: bool) -> list[str]:
    problems = list(dict.fromkeys(parts.message.strays))
    problems += [
        f"field :{tags[0]}: stands more than once: two statements may have run together"
        for tags in (ACCOUNT, NUMBER, OPENING, CLOSING, ("90C",), ("90D",))
        if len(parts.texts(*tags)) > 1
    ]
    if not _ACCOUNT_TEXT.fullmatch(parts.first(*ACCOUNT)):
        problems.append("the account (:25:) is missing or is not an account number")
    if parts.orphans and parts.groups and not is_proved:
        problems.append("details (:86:) stand before the first entry: an entry may have been lost")
    if not currency:
        problems.append("no field names the currency")
    if parts.late:
        problems.append(
            counted(parts.late, "entry stands after the closing balance", "entries stand after the closing balance")
        )
    if parts.texts("64") and available is None:
        problems.append(f"the available balance (:64:) cannot be read: {parts.first('64')[:40]!r}")
    return problems


def is_tied(money: Money) -> bool:
    """Whether balances and entries, all of them readable, prove each other."""
    opening, closing = money.opening, money.closing
    if opening is None or closing is None or any(movement.entry.amount is None for movement in money.movements):
        return False
    return opening.currency == closing.currency and opening.amount + sum_of_booked(money.movements) == closing.amount


def balance_problems(parts: Parts, money: Money) -> list[str]:
    # Two lines that cannot be read may cancel out, so that the balances tie without them.
    unreadable = [movement.entry for movement in money.movements if movement.entry.amount is None]
    problems = [
        f"entry {entry.position + 1} (:61:) cannot be read: {entry.amount_text[:80]!r}" for entry in unreadable[:10]
    ]
    opening, closing = money.opening, money.closing
    for name, tags, end_balance in (("opening", OPENING, opening), ("closing", CLOSING, closing)):
        text = parts.first(*tags)
        if end_balance is None:
            reason = f"cannot be read: {text[:40]!r}" if text else "is missing: the file may be cut off"
            problems.append(f"the {name} balance (:{tags[0]}:) {reason}")
    if opening and closing and opening.currency != closing.currency:
        problems.append(f"opening in {opening.currency} but closing in {closing.currency}")
    return problems


def interim_problems(parts: Parts, verdict: Mt940Verdict) -> list[str]:
    has_totals = any(parts.texts("90D", "90C"))
    if has_totals or parts.message.ended:
        return list(verdict.problems)
    return ["neither totals (:90D:, :90C:) nor an end mark: the file may be cut off", *verdict.problems]
