"""Whether a stored statement and an arriving one have nothing in common, so that no entry of both was sent again."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import date
from decimal import Decimal

from ingestion import Context
from integrations.bank.arrivals import Arrival, ledger
from integrations.bank.courses import Course, course, have_nothing_in_common
from integrations.bank.models import BankStatement
from integrations.bank.twins import page_number

_MOST = 400
"""Statements of one day that are followed from one to another."""


class Judging:
    """The statements of a batch, and those that are held against them."""

    def __init__(self, ctx: Context, arrivals: Iterable[Arrival]) -> None:
        self._ctx = ctx
        self._arriving: dict[int, dict[int, tuple[date, Decimal]]] = defaultdict(dict)
        for arrival in arrivals:
            if arrival.entry.position is not None:
                place = self._arriving[arrival.owner.statement_id]
                place[arrival.entry.position] = arrival.entry.day, arrival.entry.amount
        self._statements: dict[int, BankStatement] = {}
        self._courses: dict[int, Course | None] = {}
        self._judged: dict[tuple[int, int], bool] = {}

    def are_others(self, stored: int, own: int) -> bool:
        """Whether the statements of these ids have nothing in common."""
        if stored == own:
            return False
        if (stored, own) not in self._judged:
            self._judged[stored, own] = self._judge(self._statement(stored), self._statement(own))
        return self._judged[stored, own]

    def _judge(self, stored: BankStatement, own: BankStatement) -> bool:
        first, second = page_number(stored.number), page_number(own.number)
        if first is not None and second is not None and first[0] == second[0] and first[1] != second[1]:
            earlier, later = (stored, own) if first[1] < second[1] else (own, stored)
            if abs(first[1] - second[1]) > 1 or None in (earlier.closing, later.opening):
                return True
            return earlier.closing == later.opening
        courses = self._course(stored), self._course(own)
        if courses[0] is None or courses[1] is None:
            return False
        if have_nothing_in_common(courses[0], courses[1]):
            return True
        pairs = ((stored, courses[0], own, courses[1]), (own, courses[1], stored, courses[0]))
        return any(a.last == b.first and self._leads(first, second, b.first) for first, a, second, b in pairs)

    def _statement(self, pk: int) -> BankStatement:
        if pk not in self._statements:
            self._statements.update(BankStatement.objects.for_tenant(self._ctx.tenant).in_bulk([pk]))
        return self._statements[pk]

    def _course(self, statement: BankStatement) -> Course | None:
        """Of what is stored as the statement's, and what arrives of it."""
        if statement.pk not in self._courses:
            rows = ledger(self._ctx).filter(statement_id=statement.pk).values_list("position", "booked_on", "amount")
            places = {position: (day, amount) for position, day, amount in rows if position is not None}
            places |= self._arriving.get(statement.pk, {})
            booked = [places[position] for position in sorted(places)]
            self._courses[statement.pk] = course(statement.opening, statement.closing, booked, statement.number)
        return self._courses[statement.pk]

    def _leads(self, first: BankStatement, second: BankStatement, day: date) -> bool:
        """Whether stored statements of that day alone lead from the first to the second, each to another balance."""
        between = BankStatement.objects.for_tenant(self._ctx.tenant).filter(
            account_id=first.account_id, period_start=day, period_end=day
        )
        steps: dict[Decimal | None, set[Decimal | None]] = defaultdict(set)
        listed = between.exclude(pk__in=[first.pk, second.pk]).order_by("-pk").values_list("opening", "closing")
        for opening, closing in listed[:_MOST]:
            if None not in (opening, closing) and opening != closing:
                steps[opening].add(closing)
        reached: set[Decimal | None] = set()
        balances: list[Decimal | None] = [first.closing]
        while balances:
            following = steps[balances.pop()] - reached
            reached |= following
            balances += following
        return second.opening in reached
