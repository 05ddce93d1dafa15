"""Schedules as values: cron around both clock changes against a count by hand, spread, intervals, JSON, messages."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from ingestion import ConfigurationError, Cron, Every, Pipeline, Place
from ingestion.core.declared_schedules import OFF, schedule_from_json, schedule_to_json
from ingestion.core.durations import parse_span, span_text
from ingestion.core.schedules import Schedule, first_due, place_of, upcoming
from tests.app.pipelines import payments

NONE = timedelta()
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
CHANGES = [
    ("Europe/Amsterdam", "2026-03-29"), ("Europe/Amsterdam", "2026-10-25"),
    ("America/New_York", "2026-03-08"), ("America/New_York", "2026-11-01"),
    ("America/Santiago", "2026-09-06"), ("America/Santiago", "2026-04-05"),  # at midnight
    ("Australia/Lord_Howe", "2026-10-04"), ("Australia/Lord_Howe", "2026-04-05"),  # by half an hour
    ("Africa/Cairo", "2026-04-24"), ("Africa/Cairo", "2026-10-29"),
    ("Pacific/Apia", "2011-12-30"), ("Pacific/Kwajalein", "1993-08-21"),  # by a whole day
    ("Asia/Kolkata", "2026-03-29"),  # never changes, half an hour off
]  # fmt: skip
FIXED = ["30 2 * * *", "0 0 * * *", "15 0 * * *", "30 1 * * *", "0,30 2 * * *", "30 0-4 * * *", "45 23 * * *"]
FREE = ["* * * * *", "*/15 * * * *", "0 * * * *", "30 * * * *", "*/7 2 * * *", "15 */2 * * *"]


def days_around(day: str) -> tuple[datetime, datetime]:
    middle = datetime.fromisoformat(day).replace(tzinfo=UTC)
    return middle - 2 * DAY, middle + 2 * DAY


def minutes(start: datetime, end: datetime) -> Iterator[datetime]:
    while start < end:
        yield start
        start += MINUTE


def fields(expression: str) -> tuple[set[int], set[int]]:
    """Minutes and hours of the expressions above; all of them leave days alone."""

    def numbers(text: str, end: int) -> set[int]:
        found: set[int] = set()
        for part in text.split(","):
            base, _, step = part.partition("/")
            first, _, last = ("0", "", str(end - 1)) if base == "*" else base.partition("-")
            found |= set(range(int(first), int(last or first) + 1, int(step or 1)))
        return found

    minute, hour, *_ = expression.split()
    return numbers(minute, 60), numbers(hour, 24)


def by_hand(expression: str, zone: ZoneInfo, start: datetime, end: datetime) -> list[datetime]:
    """Every due instant in [start, end), from what the rule says, minute by minute."""
    at_minute, at_hour = fields(expression)
    if expression.startswith("*") or expression.split()[1].startswith("*"):
        local = ((one, one.astimezone(zone)) for one in minutes(start, end))
        return [one for one, here in local if here.minute in at_minute and here.hour in at_hour]
    found = set()
    for clock in minutes(start.replace(tzinfo=None) - 2 * DAY, end.replace(tzinfo=None) + 2 * DAY):
        if clock.minute in at_minute and clock.hour in at_hour:
            # The first of two equal times; of a time that is left out, the moment at which clocks were put forward.
            while (there := clock.replace(tzinfo=zone)).astimezone(UTC).astimezone(zone).replace(tzinfo=None) != clock:
                clock += MINUTE
            found.add(there.astimezone(UTC))
    return sorted(one for one in found if start <= one < end)


def walked(schedule: Schedule, start: datetime, end: datetime, place: Place = Place()) -> list[datetime]:  # noqa: B008
    """What ticks find that always ask for the instant after the last one."""
    found = []
    moment = start - timedelta(microseconds=1)
    while (moment := schedule.after(moment, place)) < end:
        found.append(moment)
    return found


@pytest.mark.slow
@pytest.mark.parametrize("expression", [*FIXED, *FREE])
@pytest.mark.parametrize(("zone", "day"), CHANGES)
def test_cron_around_a_clock_change_is_due_when_a_count_by_hand_says(zone: str, day: str, expression: str) -> None:
    start, end = days_around(day)

    found = walked(Cron(expression, zone=zone, spread=NONE), start, end)

    assert found == by_hand(expression, ZoneInfo(zone), start, end)
    assert found == sorted(set(found))


@pytest.mark.slow
@pytest.mark.parametrize("expression", ["30 2 * * *", "*/15 * * * *", "30 0-4 * * *", "15 */2 * * *"])
@pytest.mark.parametrize(("zone", "day"), CHANGES)
def test_whenever_one_asks_the_answer_is_the_next_instant_and_never_one_before(
    zone: str, day: str, expression: str
) -> None:
    start, end = days_around(day)
    schedule = Cron(expression, zone=zone, spread=NONE)
    instants = walked(schedule, start, end + 2 * DAY)

    asked = [start + number * timedelta(minutes=13, seconds=7, microseconds=5) for number in range(400)]

    for moment in (one for one in asked if one < end):
        assert schedule.after(moment, Place()) == next(one for one in instants if one > moment)


def test_a_nightly_job_in_the_missing_hour_runs_once_that_day_and_once_in_the_doubled_one() -> None:
    nightly = Cron("30 2 * * *", zone="Europe/Amsterdam", spread=NONE)

    spring = walked(nightly, *days_around("2026-03-29"))
    autumn = walked(nightly, *days_around("2026-10-25"))

    assert [f"{one:%d %H:%M}" for one in spring] == ["27 01:30", "28 01:30", "29 01:00", "30 00:30"]
    assert [f"{one:%d %H:%M}" for one in autumn] == ["23 00:30", "24 00:30", "25 00:30", "26 01:30"]


def test_cron_without_a_zone_is_read_in_the_tenants() -> None:
    nightly = Cron("0 3 * * *", spread=NONE)

    found = {zone: nightly.after(datetime(2026, 7, 1, 12, tzinfo=UTC), Place(zone)) for zone in ("UTC", "Asia/Tokyo")}

    assert {zone: f"{one:%d %H:%M}" for zone, one in found.items()} == {"UTC": "02 03:00", "Asia/Tokyo": "01 18:00"}


@pytest.mark.parametrize("schedule", [Cron("0 3 * * *", zone="Europe/Amsterdam"), Every(minutes=15)])
def test_a_thousand_tenants_on_one_schedule_do_not_start_together(schedule: Schedule) -> None:
    places = [place_of(f"tenant{number}", "shop.orders", "", "UTC") for number in range(1000)]
    now = datetime(2026, 5, 5, tzinfo=UTC)

    due = [schedule.after(now, place) for place in places]

    seconds = {one: due.count(one) for one in due}
    assert len(seconds) > 200
    assert max(seconds.values()) < 20
    spread = schedule.spread or schedule.interval  # type: ignore[attr-defined]
    assert max(due) - min(due) < spread


def test_a_spread_of_nothing_starts_everybody_at_once() -> None:
    places = [place_of(f"tenant{number}", "shop.orders", "", "UTC") for number in range(100)]
    now = datetime(2026, 5, 5, tzinfo=UTC)

    for schedule in (Cron("0 3 * * *", spread=NONE), Every(hours=1, spread=NONE)):
        assert len({schedule.after(now, place) for place in places}) == 1


def test_a_connections_place_is_its_own_and_stays() -> None:
    shares = [
        place_of("acme", "shop.orders", "", "UTC").share,
        place_of("acme", "shop.orders", "eu", "UTC").share,
        place_of("acme", "shop.refunds", "", "UTC").share,
        place_of("globex", "shop.orders", "", "UTC").share,
    ]

    assert len(set(shares)) == 4
    assert all(0 <= share < 1 for share in shares)
    assert place_of("acme", "shop.orders", "", "UTC").share == pytest.approx(0.8301, abs=1e-4)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.999999])
def test_intervals_and_crons_keep_their_step_wherever_they_stand(share: float) -> None:
    start, place = datetime(2026, 3, 28, 17, 3, 2, 5, tzinfo=UTC), Place("Europe/Amsterdam", share)

    for schedule, step in ((Every(minutes=7), timedelta(minutes=7)), (Cron("*/15 * * * *"), timedelta(minutes=15))):
        due = upcoming(schedule, start, place, 200)
        assert {later - earlier for earlier, later in pairwise(due)} == {step}


def test_an_interval_is_due_at_once_and_a_cron_at_its_first_time() -> None:
    now = datetime(2026, 5, 5, 12, tzinfo=UTC)

    assert first_due(Every(hours=1), now, Place()) == now
    assert first_due(Cron("0 3 * * *", spread=NONE), now, Place()) == datetime(2026, 5, 6, 3, tzinfo=UTC)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (lambda: Cron("0 3 * *"), "five fields"),
        (lambda: Cron("0 3 * * * *"), "five fields"),
        (lambda: Cron("@daily"), "five fields"),
        (lambda: Cron("61 3 * * *"), "bad minute"),
        (lambda: Cron("0 3 * * MONDAY"), "bad day-of-week"),
        (lambda: Cron("0 0 30 2 *"), "bad day-of-month"),
        (lambda: Cron("* * */20 * 1L"), "no day that ever comes"),
        (lambda: Cron("0 3 * * *", zone="Europe/Amsterdm"), "did you mean 'Europe/Amsterdam'"),
        (lambda: Cron("0 3 * * *", zone="../../etc/passwd"), "no time zone"),
        (lambda: Cron("0 3 * * *", zone="Europe"), "no time zone"),
        (lambda: Cron("0 3 * * *", spread=timedelta(days=2)), "spread"),
        (lambda: Cron("0 3 * * *", spread=timedelta(seconds=-1)), "spread"),
        (lambda: Every(), "Every"),
        (lambda: Every(minutes=-5), "Every"),
        (lambda: Every(minutes=1, spread=timedelta(minutes=2)), "spread"),
        (lambda: parse_span("soon"), "15m"),
        (lambda: parse_span(""), "15m"),
        (lambda: schedule_from_json({"every": "15m", "at": "noon"}), "not a schedule"),
        (lambda: schedule_from_json({"every": "15m", "cron": "0 3 * * *"}), "not a schedule"),
        (lambda: schedule_from_json({"off": False}), "not a schedule"),
        (lambda: schedule_from_json({"off": True, "spread": "5m"}), "not a schedule"),
        (lambda: schedule_from_json({"cron": 5}), "not a schedule"),
        (lambda: schedule_from_json({"evry": "15m"}), "not a schedule: `evry` is no key of one; did you mean `every`"),
        (lambda: schedule_from_json({"Every": "15m"}), "did you mean `every`"),
        (lambda: schedule_from_json({"cron": "0 3 * * *", "timezone": "UTC"}), "did you mean `zone`"),
        (lambda: schedule_from_json({"cron": "0 3 * * *", "zone": 5}), "zone of Cron.. must be the name"),
        (lambda: schedule_from_json({"cron": "0 3 * * *", "tier": "x"}), "it has every, cron, zone, spread, off"),
        (lambda: schedule_from_json({"every": "15m", "zone": "UTC"}), "a zone belongs to a cron"),
        (lambda: schedule_from_json({"every": "15m", "off": True}), "it says every and off, where one is meant"),
        (lambda: schedule_from_json([]), "not a schedule"),
        (lambda: schedule_from_json("15m"), "not a schedule"),
        (lambda: schedule_to_json(object()), "pipeline only"),  # type: ignore[arg-type]
    ],
)
def test_what_is_no_schedule_is_refused_with_what_would_be_right(wrong: object, says: str) -> None:
    with pytest.raises(ConfigurationError, match=says):
        wrong()  # type: ignore[operator]


@pytest.mark.parametrize(
    "schedule",
    [None, Every(minutes=15), Every(hours=1, minutes=30), Every(days=10, spread=NONE), Cron("0 3 * * *"),
     Cron("*/5 1-4 * * MON#1", zone="Asia/Tokyo", spread=timedelta(hours=2, seconds=5))],
)  # fmt: skip
def test_a_schedule_survives_its_json(schedule: Schedule | None) -> None:
    again = schedule_from_json(schedule_to_json(schedule))

    assert str(again) == str(schedule)
    assert schedule_to_json(again) == schedule_to_json(schedule)


def test_off_is_no_schedule() -> None:
    assert schedule_from_json(OFF) is None


def test_lengths_of_time_survive_their_text() -> None:
    for seconds in [0, 1, 59, 60, 90, 3600, 5400, 86400, 90061, 7 * 86400, 10 * 86400]:
        span = timedelta(seconds=seconds)
        assert parse_span(span_text(span)) == span
    assert [span_text(timedelta(seconds=one)) for one in (5400, 604800, 864000)] == ["1h30m", "1w", "10d"]


def test_a_pipeline_refuses_a_catch_up_policy_that_is_none() -> None:
    with pytest.raises(ConfigurationError, match="coalesce, each, skip"):
        Pipeline(
            "app.x", payments.source, payments.schema, payments.destination, payments.transform, catch_up="never"  # type: ignore[arg-type]
        )  # fmt: skip
