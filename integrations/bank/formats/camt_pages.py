"""Pages of one CAMT statement (StmtPgntn) inside a file, where only all of them together can be checked.

ISO 20022 gives each page interim balances (ITBD) at its seams; such pages tie one by one and stay apart. Other banks
put the opening balance on the first page and the closing one on the last, or both on every page: those are joined.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby

from integrations.bank.statements import Statement, imbalance


def joined(statements: Sequence[Statement]) -> tuple[Statement, ...]:
    """In file order. Pages that are not numbered one after the other stay apart: one between them may be elsewhere."""
    return tuple(page for _, pages in groupby(statements, key=_whose) for page in _judged(list(pages)))


def _whose(statement: Statement) -> tuple[object, ...]:
    paged = statement.page is not None
    return (statement.account, statement.reference, statement.number) if paged else (id(statement),)


def _judged(pages: list[Statement]) -> Iterator[Statement]:
    numbers = [page.page for page in pages if page.page is not None]
    in_order = numbers == list(range(numbers[0], numbers[0] + len(numbers))) if numbers else False
    if len(pages) > 1 and in_order and any(imbalance(page) != 0 for page in pages):
        yield _one(pages)
        return
    yield from pages


def _one(pages: list[Statement]) -> Statement:
    first, last = pages[0], pages[-1]
    entries = [entry for page in pages for entry in page.entries]
    is_whole = first.opening is not None and last.closing is not None
    return replace(
        first,
        entries=tuple(replace(entry, position=at) for at, entry in enumerate(entries)),
        closing=last.closing,
        available=last.available,
        period_end=last.period_end,
        problems=tuple(dict.fromkeys(problem for page in pages for problem in page.problems)),
        totals=first.totals if all(page.totals for page in pages) else "",
        unproved="" if is_whole else first.unproved or last.unproved,
        notes=tuple(dict.fromkeys(note for page in pages for note in page.notes)),
        last_page=last.last_page,
    )
