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
"""How many statements of one day are followed."""


class DayStatement(NamedTuple):
    """A stored statement of one day that may lie on the way from one statement to another."""

    opening: Decimal | None
    closing: Decimal | None
    number: str
    reference: str = ""
    page: int | None = None


class Days:
    """The statements of single days. Each account and day is read once."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._steps: dict[tuple[int, date], list[tuple[int, DayStatement]]] = {}

    def steps(self, first: BankStatement, second: BankStatement, day: date) -> list[DayStatement]:
        """The statements of the day beside these two."""
        account_and_day = first.account_id, day
        if account_and_day not in self._steps:
            self._steps[account_and_day] = list(self._read(*account_and_day))
        return [step for pk, step in self._steps[account_and_day] if pk not in (first.pk, second.pk)]

    def _read(self, account: int, day: date) -> Iterator[tuple[int, DayStatement]]:
        dated = Q(first_on=day, last_on=day) | Q(first_on=None, period_start=day, period_end=day)
        listed = BankStatement.objects.for_tenant(self._ctx.tenant).filter(dated, account_id=account).order_by("-pk")
        ends = listed.values_list("pk", "opening", "closing", "number", "reference", "page")
        for pk, opening, closing, number, reference, page in ends[:_MOST]:
            if opening is not None and closing is not None:
                yield pk, DayStatement(opening, closing, number, reference, page)


class _Numbered:
    """Statements of a day by what their numbers say."""

    def __init__(self, steps: Sequence[DayStatement]) -> None:
        self.by_number: dict[int | None, list[DayStatement]] = defaultdict(list)
        self._by_page: dict[tuple[str, int] | None, list[DayStatement]] = defaultdict(list)
        for step in steps:
            self.by_number[sequence_number(step.number)].append(step)
            self._by_page[_page_of(step)].append(step)

    def in_turn(self, step: DayStatement, by: int) -> Iterator[DayStatement]:
        """Statements with the next number or page, or the one before, whose balance follows."""
        number, page = sequence_number(step.number), _page_of(step)
        neighbours = [] if number is None else self.by_number.get(number + by, [])
        neighbours = neighbours + ([] if page is None else self._by_page.get((page[0], page[1] + by), []))
        return (
            candidate
            for candidate in neighbours
            if (step.closing == candidate.opening if by > 0 else candidate.closing == step.opening)
        )


def leads_by_balances(first: BankStatement, second: BankStatement, steps: Sequence[DayStatement]) -> bool:
    """Whether statements lead by their balances from the first to the second. Statements that change no balance do not
    count, nor do those that by their number come before the first or after the second.
    """
    numbered = _Numbered(steps)
    elsewhere = _all_in_turn(first, numbered, -1) | _all_in_turn(second, numbered, 1)
    following: dict[Decimal | None, set[Decimal | None]] = defaultdict(set)
    for step in steps:
        if step.opening != step.closing and step not in elsewhere:
            following[step.opening].add(step.closing)
    reached: set[Decimal | None] = set()
    balances: list[Decimal | None] = [first.closing]
    while balances:
        new_balances = following[balances.pop()] - reached
        reached |= new_balances
        balances += new_balances
    return second.opening in reached


def leads_by_numbers(first: BankStatement, second: BankStatement, steps: Sequence[DayStatement]) -> bool:
    """Whether statements with consecutive numbers, such as 7, 8 and 9, lead from the first to the second. Only this
    counts if no balance changes.
    """
    numbers = sequence_number(first.number), sequence_number(second.number)
    if numbers[0] is None or numbers[1] is None:
        return False
    numbered, reached = _Numbered(steps).by_number, {first.closing}
    for number in range(numbers[0] + 1, numbers[1]):
        reached = {step.closing for step in numbered.get(number, ()) if step.opening in reached}
        if not reached:
            return False
    return numbers[1] - numbers[0] > 1 and second.opening in reached


def _all_in_turn(statement: BankStatement, numbered: _Numbered, by: int) -> set[DayStatement]:
    """The steps that continue the statement by number and balance, one after the other, or those that it continues."""
    reached: set[DayStatement] = set()
    steps = [DayStatement(statement.opening, statement.closing, statement.number, statement.reference, statement.page)]
    while steps:
        new_steps = set(numbered.in_turn(steps.pop(), by)) - reached
        reached |= new_steps
        steps += new_steps
    return reached


def _page_of(step: DayStatement) -> tuple[str, int] | None:
    return page_of(step.reference, step.number, step.page)
