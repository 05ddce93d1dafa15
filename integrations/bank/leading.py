"""Whether stored statements of a day lead from one statement to another."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

from integrations.bank.models import BankStatement
from integrations.bank.numbering import sequence_number


class Step(NamedTuple):
    """A statement on the way from one to another."""

    opening: Decimal
    closing: Decimal
    number: str


_Numbered = Mapping[int | None, Sequence[Step]]


def leads_by_balances(first: BankStatement, second: BankStatement, steps: Sequence[Step]) -> bool:
    """Each to another balance. What by its number came before the first or after the second leads nowhere."""
    numbered = _by_number(steps)
    elsewhere = {*_before(first, numbered), *_after(second, numbered)}
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
    numbered, reached = _by_number(steps), {first.closing}
    for number in range(numbers[0] + 1, numbers[1]):
        reached = {step.closing for step in numbered.get(number, ()) if step.opening in reached}
        if not reached:
            return False
    return numbers[1] - numbers[0] > 1 and second.opening in reached


def _by_number(steps: Sequence[Step]) -> _Numbered:
    numbered: dict[int | None, list[Step]] = defaultdict(list)
    for step in steps:
        numbered[sequence_number(step.number)].append(step)
    return numbered


def _after(statement: BankStatement, numbered: _Numbered) -> Iterator[Step]:
    """The steps that continue it by their numbers and balances."""
    number, reached = sequence_number(statement.number), {statement.closing}
    while number is not None and reached:
        number += 1
        steps = [step for step in numbered.get(number, ()) if step.opening in reached]
        reached = {step.closing for step in steps}
        yield from steps


def _before(statement: BankStatement, numbered: _Numbered) -> Iterator[Step]:
    """The steps that it continues."""
    number, reached = sequence_number(statement.number), {statement.opening}
    while number is not None and reached:
        number -= 1
        steps = [step for step in numbered.get(number, ()) if step.closing in reached]
        reached = {step.opening for step in steps}
        yield from steps
