"""Pages of one CAMT statement (StmtPgntn) inside a file that can only be checked together.

ISO 20022 gives each page interim balances (ITBD) at its seams; such pages tie one by one and stay apart. Other banks
write the opening balance on the first page and the closing one on the last, or both on every page: those are joined.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from xml.etree.ElementTree import Element

from integrations.bank.formats.camt_totals import CamtVerdict, CountedEntry, judge_pages
from integrations.bank.statements import Statement, imbalance


@dataclass(frozen=True, slots=True)
class CamtPage:
    """A statement, or one page of it, with the elements and entries that its declared totals are checked against, and
    the verdict.
    """

    statement: Statement
    element: Element
    rows: Sequence[CountedEntry]
    verdict: CamtVerdict
    is_notice: bool
    """Totals of a notice that do not hold become a note, because nothing of it is posted."""


def join_pages(pages: Sequence[CamtPage]) -> tuple[Statement, ...]:
    """The statements in file order. Pages that are not numbered one after the other stay apart: a page between them may
    be in another file.
    """
    return tuple(page for _, group in groupby(pages, key=_page_key) for page in _join_if_needed(list(group)))


def _page_key(page: CamtPage) -> tuple[object, ...]:
    statement = page.statement
    paged = statement.page is not None
    return (statement.account, statement.reference, statement.number) if paged else (id(page),)


def _join_if_needed(camt_pages: list[CamtPage]) -> Iterator[Statement]:
    pages = [camt_page.statement for camt_page in camt_pages]
    numbers = [page.page for page in pages if page.page is not None]
    in_order = numbers == list(range(numbers[0], numbers[0] + len(numbers))) if numbers else False
    if len(pages) < 2 or not in_order:
        yield from pages
        return
    is_whole = numbers[0] == 1 and pages[-1].last_page is not False
    verdict = judge_pages([(camt_page.element, camt_page.rows) for camt_page in camt_pages], is_whole=is_whole)
    pages = [_with_verdict(camt_page, verdict) for camt_page in camt_pages]
    if any(imbalance(page) != 0 for page in pages):
        yield _join(pages, verdict)
        return
    yield from pages


def _with_verdict(page: CamtPage, verdict: CamtVerdict) -> Statement:
    """The page, judged by the totals of all pages in place of its own."""
    statement = page.statement
    problems = [problem for problem in statement.problems if problem not in page.verdict.disproved]
    notes = [note for note in statement.notes if note not in page.verdict.disproved]
    disproved = verdict.disproved
    return replace(
        statement,
        problems=tuple(problems if page.is_notice else [*problems, *disproved]),
        notes=tuple([*notes, *disproved] if page.is_notice else notes),
        totals=verdict.proved,
    )


def _join(pages: list[Statement], verdict: CamtVerdict) -> Statement:
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
