"""One `:20:` block that holds several pages of a statement, each with its own `:28C:` and balances.

Such pages are separated only if they prove that they belong together: the same account and number, page numbers that
follow each other, and a `:60M:` that opens with what the `:62M:` before it closed with. Any other block may be two
statements that lost the lines between them: it stays one block, which is refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from integrations.bank.formats.mt940_fields import SwiftField, SwiftMessage
from integrations.bank.formats.mt940_parts import ACCOUNT, NUMBER
from integrations.bank.formats.mt940_values import parse_balance
from integrations.bank.statements import Balance

_HEAD = ("21", *ACCOUNT, *NUMBER)
_OF_BLOCK = ("20", "21", *ACCOUNT)
"""Written once for the block, these fields apply to each of its pages."""


def pages(message: SwiftMessage) -> tuple[SwiftMessage, ...]:
    """The pages of the block as messages of their own; the block itself if it holds one page, or if its pages are not
    certain.
    """
    cuts = _cut_pages(message.fields)
    if len(cuts) < 2 or not all(_continues(before, after) for before, after in pairwise(cuts)):
        return (message,)
    shared = [field for field in cuts[0] if field.tag in _OF_BLOCK]
    return tuple(replace(message, fields=(*_missing_fields(shared, cut), *cut)) for cut in cuts)


def _cut_pages(fields: Sequence[SwiftField]) -> list[list[SwiftField]]:
    """A page begins with the first head field after an interim closing balance."""
    cuts: list[list[SwiftField]] = [[]]
    has_closed = False
    for field in fields:
        if has_closed and field.tag in _HEAD:
            cuts.append([])
            has_closed = False
        has_closed = has_closed or field.tag == "62M"
        cuts[-1].append(field)
    return cuts


def _missing_fields(shared: Sequence[SwiftField], page: Sequence[SwiftField]) -> list[SwiftField]:
    has_account = bool(_text(page, *ACCOUNT))
    return [field for field in shared if not (_text(page, field.tag) or (has_account and field.tag in ACCOUNT))]


def _continues(before: Sequence[SwiftField], after: Sequence[SwiftField]) -> bool:
    closing, opening = _balance(before, "62M"), _balance(after, "60M")
    accounts = {_text(page, *ACCOUNT) for page in (before, after)} - {""}
    number, page = _number(before)
    return (
        closing is not None
        and opening is not None
        and (closing.amount, closing.currency) == (opening.amount, opening.currency)
        and len(accounts) < 2
        and bool(page)
        and _number(after) == (number, page + 1)
    )


def _balance(page: Sequence[SwiftField], tag: str) -> Balance | None:
    return parse_balance(_text(page, tag))


def _number(page: Sequence[SwiftField]) -> tuple[str, int]:
    """The statement's number and the page's, 0 if there is none."""
    number, _, written = _text(page, *NUMBER).rpartition("/")
    return number, int(written) if written.isascii() and written.isdigit() and len(written) <= 5 else 0


def _text(page: Sequence[SwiftField], *tags: str) -> str:
    return next((field.lines[0].strip() for field in page if field.tag in tags), "")
