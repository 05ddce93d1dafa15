"""Whether stored statements of a day lead from one statement to another."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from django.db.models import Q

from ingestion import Context
from integrations.bank.models import BankStatement
from integrations.bank.numbering import page_of, sequence_number

_MOST = 400
"""Statements of one day that are followed from one to another."""


class Step(NamedTuple):
    """A statement on the way from one to another."""

    opening: Decimal | None
    closing: Decimal | None
    number: str
    reference: str = ""
    page: int | None = None


class Days:
    """The statements of a day alone, each account and day read once."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._steps: dict[tuple[int, date], list[tuple[int, Step]]] = {}

    def steps(self, first: BankStatement, second: BankStatement, day: date) -> list[Step]:
        """Those beside the two."""
        on = first.account_id, day
        if on not in self._steps:
            self._steps[on] = list(self._read(*on))
        return [step for pk, step in self._steps[on] if pk not in (first.pk, second.pk)]

    def _read(self, account: int, day: date) -> Iterator[tuple[int, Step]]:
        dated = Q(first_on=day, last_on=day) | Q(first_on=None, period_start=day, period_end=day)
        listed = BankStatement.objects.for_tenant(self._ctx.tenant).filter(dated, account_id=account).order_by("-pk")
        ends = listed.values_list("pk", "opening", "closing", "number", "reference", "page")
        for pk, opening, closing, number, reference, page in ends[:_MOST]:
            if opening is not None and closing is not None:
                yield pk, Step(opening, closing, number, reference, page)


class _Numbered:
    """Steps by what their numbers say."""

    def __init__(self, steps: Sequence[Step]) -> None:
        self.by_number: dict[int | None, list[Step]] = defaultdict(list)
        self._by_page: dict[tuple[str, int] | None, list[Step]] = defaultdict(list)
        for step in steps:
            self.by_number[sequence_number(step.number)].append(step)
            self._by_page[_page_of(step)].append(step)

    def in_turn(self, step: Step, by: int) -> Iterator[Step]:
        """Those of the next number or page, or of the one before, whose balance follows."""
        number, page = sequence_number(step.number), _page_of(step)
        beside = [] if number is None else self.by_number.get(number + by, [])
        beside = beside + ([] if page is None else self._by_page.get((page[0], page[1] + by), []))
        return (each for each in beside if (step.closing == each.opening if by > 0 else each.closing == step.opening))


def leads_by_balances(first: BankStatement, second: BankStatement, steps: Sequence[Step]) -> bool:
    """Each to another balance. What by its number came before the first or after the second leads nowhere."""
    numbered = _Numbered(steps)
    elsewhere = _all_in_turn(first, numbered, -1) | _all_in_turn(second, numbered, 1)
    following: dict[Decimal | None, set[Decimal | None]] = defaultdict(set)
    for step in steps:
        if step.opening != step.closing and step not in elsewhere:
            following[step.opening].add(step.closing)
    reached: set[Decimal | None] = set()
    balances: list[Decimal | None] = [first.closing]
    while balances:
        fresh = following[balances.pop()] - reached
        reached |= fresh
        balances += fresh
    return second.opening in reached


def leads_by_numbers(first: BankStatement, second: BankStatement, steps: Sequence[Step]) -> bool:
    """All of them numbered as they follow each other: 7, 8 and 9. Where no balance changes, only that tells."""
    numbers = sequence_number(first.number), sequence_number(second.number)
    if numbers[0] is None or numbers[1] is None:
        return False
    numbered, reached = _Numbered(steps).by_number, {first.closing}
    for number in range(numbers[0] + 1, numbers[1]):
        reached = {step.closing for step in numbered.get(number, ()) if step.opening in reached}
        if not reached:
            return False
    return numbers[1] - numbers[0] > 1 and second.opening in reached


def _all_in_turn(statement: BankStatement, numbered: _Numbered, by: int) -> set[Step]:
    """The steps that continue it by number and balance, one after the other, or those that it continues."""
    reached: set[Step] = set()
    steps = [Step(statement.opening, statement.closing, statement.number, statement.reference, statement.page)]
    while steps:
        fresh = set(numbered.in_turn(steps.pop(), by)) - reached
        reached |= fresh
        steps += fresh
    return reached


def _page_of(step: Step) -> tuple[str, int] | None:
    return page_of(step.reference, step.number, step.page)
