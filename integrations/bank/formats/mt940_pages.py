"""Pages of one MT940 or MT942 (`:28C:7/1`, `7/2`) inside a file, of which one may declare a total for all of them.

Each page stays a statement of its own, with its own balances. Only a total that is not the page's own is compared with
the entries of all pages.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from integrations.bank.formats.mt940_entries import Movement
from integrations.bank.formats.mt940_parts import Parts
from integrations.bank.formats.mt940_totals import Mt940Verdict, judge_totals, may_count_more
from integrations.bank.statements import Statement


@dataclass(frozen=True, slots=True)
class Mt940Page:
    """A statement, or one page of it, with the verdict on the totals that it declares."""

    statement: Statement
    parts: Parts
    movements: tuple[Movement, ...]
    verdict: Mt940Verdict


def judge_pages(pages: Sequence[Mt940Page]) -> Iterator[Statement]:
    """The statements in file order. Pages that are not numbered one after the other are judged alone: a page may be in
    another file.
    """
    for _, group in groupby(pages, key=_page_key):
        yield from _judge_group(list(group))


def _page_key(page: Mt940Page) -> tuple[object, ...]:
    statement = page.statement
    number = statement.number.rpartition("/")[0]
    return (statement.account, statement.format, number) if statement.page is not None else (id(page),)


def _judge_group(pages: list[Mt940Page]) -> list[Statement]:
    if all(not page.verdict.problems for page in pages):
        return [page.statement for page in pages]
    numbers = [page.statement.page for page in pages]
    first, last = pages[0].statement, pages[-1].statement
    if numbers[0] is None or numbers != list(range(numbers[0], numbers[0] + len(numbers))):
        return [_judge_alone(page, page.movements) for page in pages]
    movements = [movement for page in pages for movement in page.movements]
    group_verdicts = [judge_totals(page.parts, movements) for page in pages if page.verdict.problems]
    if not any(verdict.problems for verdict in group_verdicts):
        return [_with_verdict(page, group_verdicts[0]) for page in pages]
    if first.page == 1 and last.last_page is not False and len(pages) > 1:
        return [page.statement for page in pages]
    return [_judge_alone(page, movements) for page in pages]


def _with_verdict(page: Mt940Page, verdict: Mt940Verdict) -> Statement:
    """The page with the verdict on the totals of all pages, if it has no total of its own."""
    statement = page.statement
    if page.verdict.proved:
        return statement
    return replace(
        statement,
        problems=_without_totals(page),
        totals=verdict.proved,
        unproved=verdict.unproved if page.parts.is_interim else statement.unproved,
    )


def _judge_alone(page: Mt940Page, movements: Sequence[Movement]) -> Statement:
    """A page whose other pages are not in this file: a larger total may count those too.

    Its balances prove the page's entries. An MT942 has no balances, so only its total could show that an entry is lost.
    """
    statement = page.statement
    is_whole = (statement.page or 1) == 1 and statement.last_page is not False
    if is_whole or page.parts.is_interim or not page.verdict.problems or not may_count_more(page.parts, movements):
        return statement
    note = "Its totals (:90D:, :90C:) are not those of this page; they may count pages that are not in this file."
    return replace(statement, problems=_without_totals(page), notes=(*statement.notes, note))


def _without_totals(page: Mt940Page) -> tuple[str, ...]:
    return tuple(problem for problem in page.statement.problems if problem not in page.verdict.problems)
