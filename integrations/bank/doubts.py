"""What balances leave undecided: whether equal entries of two statements were sent again or are two. The run says so.

Statements without balances are the subject of parts_of_days.py.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from integrations.bank.arrivals import Arrival, StoredRow
from integrations.bank.contradictions import describe_statement
from integrations.bank.courses import (
    fit_in_another_order,
    is_cut_within_a_day,
    leave_overlap_open,
    may_have_more_in_common,
    may_hide_an_overlap,
    may_lie_otherwise,
    overlap_in_another_direction,
)
from integrations.bank.judging import Judging
from integrations.bank.models import BankStatement
from integrations.bank.numbering import is_numbered
from integrations.bank.stakes import describe_stakes

Equal = tuple[Arrival, StoredRow]
"""An entry, and a stored row of its look."""
_Pair = tuple[int, int]
"""A stored statement and an arriving one."""


def note_doubts(judging: Judging, equals: Sequence[Equal]) -> list[str]:
    """A note for each pair of statements that leaves the question undecided. Call it before their entries are judged.

    `equals` are entries with a stored row of their look that belongs to another statement.
    """
    of_pair: dict[_Pair, list[Equal]] = defaultdict(list)
    for arrival, row in equals:
        of_pair[row.statement_id, arrival.owner.statement_id].append((arrival, row))
    pairs = sorted(pair for pair in of_pair if not judging.are_pages(*pair))
    with_courses = [pair for pair in pairs if all(map(judging.course, pair))]
    balance_notes = (
        f"{_name_pair(judging, *pair)} {doubt} {_describe_stakes(of_pair[pair])} Compare them with the bank's."
        for pair in with_courses
        if (doubt := _describe_doubt(judging, *pair, of_pair[pair]))
    )
    turning_pairs = [pair for pair in pairs if any(map(judging.turning_balances, pair))]
    turning_notes = (
        f"{_name_pair(judging, *pair)} share entries, and one of them goes there and back between two balances, so "
        "that it "
        "reads alike from both ends: an entry that goes the same way again cannot be told from one sent again, and "
        f"counts once. {_describe_stakes(of_pair[pair])} Compare them with the bank's."
        for pair in turning_pairs
        if not (judging.are_disjoint(*pair) or _shows_whole_days(judging, pair, of_pair[pair]))
    )
    return [*balance_notes, *turning_notes]


def _shows_whole_days(judging: Judging, pair: _Pair, equals: Sequence[Equal]) -> bool:
    """Whether one of the two has balances, and days before and after the equal entries, so that it shows their days
    whole.
    """
    courses = [course for course in map(judging.course, pair) if course is not None]
    days = [arrival.entry.day for arrival, _ in equals]
    return any(course.first < min(days) and max(days) < course.last for course in courses)


def _describe_doubt(judging: Judging, stored: int, arriving: int, equals: Sequence[Equal]) -> str:
    """What the balances of the two leave undecided and how their equal entries count; '' for nothing."""
    are_disjoint = judging.are_disjoint(stored, arriving)
    unchanged = (
        []
        if are_disjoint
        else [statement for statement in map(judging.statement, (stored, arriving)) if _leaves_balance(statement)]
    )
    if not all(is_numbered(statement.number) for statement in unchanged):
        return (
            "share entries, and one of them changes no balance and has no number: one that books the same again cannot "
            "be told from one sent again, and counts once."
        )
    if unchanged and judging.ask(is_cut_within_a_day, stored, arriving):
        return (
            "share entries of a day that one of them shows in part, and one of them changes no balance: one that books "
            "the same again cannot be told from one sent again, and counts once."
        )
    if judging.ask(may_lie_otherwise, stored, arriving):
        return (
            "show a part of a day, and a balance comes back in it: entries of both may as well be the same, sent "
            "again, or be two. "
        ) + (
            "All of them count, since one of the two continues the other."
            if are_disjoint
            else "Those of the longest run that both show count once."
        )
    if judging.are_led_apart(stored, arriving):
        return (
            "have a run of entries between the same balances, and other statements of the day lead from one to the "
            "other: the entries may as well be the same, sent again, or be two. All of them count."
        )
    if judging.ask(overlap_in_another_direction, stored, arriving):
        return (
            "show equal entries between the same balances only if their bank lists a day in the less likely direction, "
            "as from new to old: those of the longest run that both show count once."
        )
    if judging.ask(fit_in_another_order, stored, arriving):
        return (
            "show parts of a day that fit together in another order than the one in which they list their entries: "
            "equal entries of both count once."
        )
    if judging.ask(may_hide_an_overlap, stored, arriving):
        return (
            "show equal entries of a day, between balances that run past each other as they are listed: all of them "
            "count. Where their bank lists entries by amount, some may have been sent again."
        )
    if _are_any_apart(judging, equals) and judging.ask(may_have_more_in_common, stored, arriving):
        return (
            "show a run of entries between the same balances, and further equal ones: these count twice. Where their "
            "bank lists entries by amount, some may have been sent again."
        )
    if not are_disjoint and judging.ask(leave_overlap_open, stored, arriving):
        return (
            "show different parts of a day, and their balances do not tell how they lie to each other: equal entries "
            "of both count once."
        )
    return ""


def _are_any_apart(judging: Judging, equals: Sequence[Equal]) -> bool:
    return any(
        judging.are_apart(row.statement_id, row.position, arrival.owner.statement_id, arrival.entry.position)
        for arrival, row in equals
    )


def _describe_stakes(equals: Sequence[Equal]) -> str:
    return describe_stakes(list({arrival.key: arrival for arrival, _ in equals}.values()))


def _leaves_balance(statement: BankStatement) -> bool:
    return statement.opening == statement.closing and statement.first_on == statement.last_on


def _name_pair(judging: Judging, stored: int, arriving: int) -> str:
    names = [describe_statement(judging.statement(pk)) for pk in (stored, arriving)]
    return f"The statements {names[0]} and {names[1]}"
