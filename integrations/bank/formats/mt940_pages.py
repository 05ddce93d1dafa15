"""Pages of one MT940 or MT942 (`:28C:7/1`, `7/2`) inside a file, where a total may be declared once for all of them.

Each page stays a statement of its own, with its own balances. Only a total that is not the page's own is held against
the entries of all pages.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from integrations.bank.formats.mt940_entries import Movement
from integrations.bank.formats.mt940_parts import Parts
from integrations.bank.formats.mt940_totals import Verdict, judge, may_count_more
from integrations.bank.statements import Statement


@dataclass(frozen=True, slots=True)
class Sheet:
    """A statement, or one page of it, with the verdict on the totals that it declares."""

    statement: Statement
    parts: Parts
    movements: tuple[Movement, ...]
    verdict: Verdict


def judged(sheets: Sequence[Sheet]) -> Iterator[Statement]:
    """In file order. Pages that are not numbered one after the other are judged alone: one may be elsewhere."""
    for _, pages in groupby(sheets, key=_whose):
        yield from _judged(list(pages))


def _whose(sheet: Sheet) -> tuple[object, ...]:
    statement = sheet.statement
    number = statement.number.rpartition("/")[0]
    return (statement.account, statement.format, number) if statement.page is not None else (id(sheet),)


def _judged(sheets: list[Sheet]) -> list[Statement]:
    if all(not sheet.verdict.problems for sheet in sheets):
        return [sheet.statement for sheet in sheets]
    numbers = [sheet.statement.page for sheet in sheets]
    first, last = sheets[0].statement, sheets[-1].statement
    if numbers[0] is None or numbers != list(range(numbers[0], numbers[0] + len(numbers))):
        return [_one_of_more(sheet, sheet.movements) for sheet in sheets]
    movements = [movement for sheet in sheets for movement in sheet.movements]
    shared = [judge(sheet.parts, movements) for sheet in sheets if sheet.verdict.problems]
    if not any(verdict.problems for verdict in shared):
        return [_with_verdict(sheet, shared[0]) for sheet in sheets]
    if first.page == 1 and last.last_page is not False and len(sheets) > 1:
        return [sheet.statement for sheet in sheets]
    return [_one_of_more(sheet, movements) for sheet in sheets]


def _with_verdict(sheet: Sheet, verdict: Verdict) -> Statement:
    """The page, judged by the totals of all pages where it has none of its own."""
    statement = sheet.statement
    if sheet.verdict.proved:
        return statement
    return replace(
        statement,
        problems=_without_totals(sheet),
        totals=verdict.proved,
        unproved=verdict.unproved if sheet.parts.is_interim else statement.unproved,
    )


def _one_of_more(sheet: Sheet, movements: Sequence[Movement]) -> Statement:
    """The page of a statement of which others are not in this file: a larger total may count those too.

    Its balances prove the page's entries. An MT942 has none, so nothing but its total could show that one is lost.
    """
    statement = sheet.statement
    is_whole = (statement.page or 1) == 1 and statement.last_page is not False
    if is_whole or sheet.parts.is_interim or not sheet.verdict.problems or not may_count_more(sheet.parts, movements):
        return statement
    note = "Its totals (:90D:, :90C:) are not those of this page; they may count pages that are not in this file."
    return replace(statement, problems=_without_totals(sheet), notes=(*statement.notes, note))


def _without_totals(sheet: Sheet) -> tuple[str, ...]:
    return tuple(problem for problem in sheet.statement.problems if problem not in sheet.verdict.problems)
