"""What balances leave open: whether equal entries of two statements were sent again or are two. The run says so.

Of statements without balances parts_of_days.py tells.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from integrations.bank.arrivals import Arrival, Row
from integrations.bank.contradictions import shown
from integrations.bank.courses import (
    fit_in_another_order,
    is_cut_within_a_day,
    leave_it_open,
    may_have_more_in_common,
    may_hide_an_overlap,
    may_lie_otherwise,
    overlap_in_another_direction,
)
from integrations.bank.judging import Judging
from integrations.bank.models import BankStatement
from integrations.bank.numbering import is_numbered
from integrations.bank.stakes import at_stake

Equal = tuple[Arrival, Row]
"""An entry, and a stored one of its look."""
_Pair = tuple[int, int]
"""A stored statement and an arriving one."""


def told(judging: Judging, elsewhere: Sequence[Equal]) -> list[str]:
    """A sentence for each pair of statements that leaves it open, before anything is decided about their entries.

    `elsewhere` are entries with a stored one of their look, of another statement.
    """
    of_pair: dict[_Pair, list[Equal]] = defaultdict(list)
    for arrival, row in elsewhere:
        of_pair[row.statement_id, arrival.owner.statement_id].append((arrival, row))
    pairs = sorted(pair for pair in of_pair if not judging.are_pages(*pair))
    proved = [pair for pair in pairs if all(map(judging.course, pair))]
    with_balances = (
        f"{_named(judging, *pair)} {doubt} {_at_stake(of_pair[pair])} Compare them with the bank's."
        for pair in proved
        if (doubt := _doubt(judging, *pair, of_pair[pair]))
    )
    turning = [pair for pair in pairs if any(map(judging.turns, pair))]
    read_alike = (
        f"{_named(judging, *pair)} share entries, and one of them goes there and back between two balances, so that it "
        "reads alike from both ends: an entry that goes the same way again cannot be told from one sent again, and "
        f"counts once. {_at_stake(of_pair[pair])} Compare them with the bank's."
        for pair in turning
        if not (judging.are_others(*pair) or _shows_all_of(judging, pair, of_pair[pair]))
    )
    return [*with_balances, *read_alike]


def _shows_all_of(judging: Judging, pair: _Pair, equals: Sequence[Equal]) -> bool:
    """Whether one of the two has balances, and days before and after the equal entries: it shows all of theirs."""
    courses = [course for course in map(judging.course, pair) if course is not None]
    days = [arrival.entry.day for arrival, _ in equals]
    return any(course.first < min(days) and max(days) < course.last for course in courses)


def _doubt(judging: Judging, stored: int, own: int, equals: Sequence[Equal]) -> str:
    """What the balances of the two leave open, and what becomes of their equal entries; '' for nothing."""
    are_others = judging.are_others(stored, own)
    still = [] if are_others else [each for each in map(judging.statement, (stored, own)) if _changes_nothing(each)]
    if not all(is_numbered(each.number) for each in still):
        return (
            "share entries, and one of them changes no balance and has no number: one that books the same again cannot "
            "be told from one sent again, and counts once."
        )
    if still and judging.say(is_cut_within_a_day, stored, own):
        return (
            "share entries of a day that one of them shows in part, and one of them changes no balance: one that books "
            "the same again cannot be told from one sent again, and counts once."
        )
    if judging.say(may_lie_otherwise, stored, own):
        return (
            "show a part of a day, and a balance comes back in it: entries of both may as well be the same, sent "
            "again, or be two. "
        ) + (
            "All of them count, since one of the two continues the other."
            if are_others
            else "Those of the longest run that both show count once."
        )
    if judging.are_led_apart(stored, own):
        return (
            "have a run of entries between the same balances, and other statements of the day lead from one to the "
            "other: the entries may as well be the same, sent again, or be two. All of them count."
        )
    if judging.say(overlap_in_another_direction, stored, own):
        return (
            "show equal entries between the same balances only if their bank lists a day in the less likely direction, "
            "as from new to old: those of the longest run that both show count once."
        )
    if judging.say(fit_in_another_order, stored, own):
        return (
            "show parts of a day that fit together in another order than the one in which they list their entries: "
            "equal entries of both count once."
        )
    if judging.say(may_hide_an_overlap, stored, own):
        return (
            "show equal entries of a day, between balances that run past each other as they are listed: all of them "
            "count. Where their bank lists entries by amount, some may have been sent again."
        )
    if _any_apart(judging, equals) and judging.say(may_have_more_in_common, stored, own):
        return (
            "show a run of entries between the same balances, and further equal ones: these count twice. Where their "
            "bank lists entries by amount, some may have been sent again."
        )
    if not are_others and judging.say(leave_it_open, stored, own):
        return (
            "show different parts of a day, and their balances do not tell how they lie to each other: equal entries "
            "of both count once."
        )
    return ""


def _any_apart(judging: Judging, equals: Sequence[Equal]) -> bool:
    return any(
        judging.are_apart(row.statement_id, row.position, arrival.owner.statement_id, arrival.entry.position)
        for arrival, row in equals
    )


def _at_stake(equals: Sequence[Equal]) -> str:
    return at_stake(list({arrival.key: arrival for arrival, _ in equals}.values()))


def _changes_nothing(statement: BankStatement) -> bool:
    return statement.opening == statement.closing and statement.first_on == statement.last_on


def _named(judging: Judging, stored: int, own: int) -> str:
    return f"The statements {shown(judging.statement(stored))} and {shown(judging.statement(own))}"
