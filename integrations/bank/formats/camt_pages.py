"""Pages of one CAMT statement (StmtPgntn) inside a file, where only all of them together can be checked.

ISO 20022 gives each page interim balances (ITBD) at its seams; such pages tie one by one and stay apart. Other banks
put the opening balance on the first page and the closing one on the last, or both on every page: those are joined.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from xml.etree.ElementTree import Element

from integrations.bank.formats.camt_totals import Row, Verdict, judge_pages
from integrations.bank.statements import Statement, imbalance


@dataclass(frozen=True, slots=True)
class Sheet:
    """A statement, or one page of it, with what the totals that it declares are held against, and their verdict."""

    statement: Statement
    element: Element
    rows: Sequence[Row]
    verdict: Verdict
    is_notice: bool
    """Totals of a notice that do not hold are a note, since nothing of it is posted."""


def joined(sheets: Sequence[Sheet]) -> tuple[Statement, ...]:
    """In file order. Pages that are not numbered one after the other stay apart: one between them may be elsewhere."""
    return tuple(page for _, pages in groupby(sheets, key=_whose) for page in _judged(list(pages)))


def _whose(sheet: Sheet) -> tuple[object, ...]:
    statement = sheet.statement
    paged = statement.page is not None
    return (statement.account, statement.reference, statement.number) if paged else (id(sheet),)


def _judged(sheets: list[Sheet]) -> Iterator[Statement]:
    pages = [sheet.statement for sheet in sheets]
    numbers = [page.page for page in pages if page.page is not None]
    in_order = numbers == list(range(numbers[0], numbers[0] + len(numbers))) if numbers else False
    if len(pages) < 2 or not in_order:
        yield from pages
        return
    is_whole = numbers[0] == 1 and pages[-1].last_page is not False
    verdict = judge_pages([(sheet.element, sheet.rows) for sheet in sheets], is_whole=is_whole)
    pages = [_with_verdict(sheet, verdict) for sheet in sheets]
    if any(imbalance(page) != 0 for page in pages):
        yield _one(pages, verdict)
        return
    yield from pages


def _with_verdict(sheet: Sheet, verdict: Verdict) -> Statement:
    """The page, judged by the totals of all pages in place of its own."""
    kept = sheet.statement
    problems = [problem for problem in kept.problems if problem not in sheet.verdict.disproved]
    notes = [note for note in kept.notes if note not in sheet.verdict.disproved]
    told = verdict.disproved
    return replace(
        kept,
        problems=tuple(problems if sheet.is_notice else [*problems, *told]),
        notes=tuple([*notes, *told] if sheet.is_notice else notes),
        totals=verdict.proved,
    )


def _one(pages: list[Statement], verdict: Verdict) -> Statement:
    first, last = pages[0], pages[-1]
    entries = [entry for page in pages for entry in page.entries]
    is_proved = bool(verdict.proved) or (first.opening is not None and last.closing is not None)
    return replace(
        first,
        entries=tuple(replace(entry, position=at) for at, entry in enumerate(entries)),
        closing=last.closing,
        available=last.available,
        period_end=last.period_end,
        problems=tuple(dict.fromkeys(problem for page in pages for problem in page.problems)),
        unproved="" if is_proved else first.unproved or last.unproved,
        notes=tuple(dict.fromkeys(note for page in pages for note in page.notes)),
        last_page=last.last_page,
    )
