"""Rows that become visible after a run has passed their time: the lag reads them again, or the source is refused."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from ingestion import ConfigurationError, Window
from tests.integrations.databases.conftest import Legacy
from tests.integrations.databases.reading import DAY, context, keys, orders, pages, source

pytestmark = [pytest.mark.every_database]
LAG = timedelta(minutes=10)


def window(start: datetime, end: datetime) -> Window:
    return Window(start, end)


def test_a_row_committed_after_the_run_that_passed_its_time_is_read_within_the_lag(legacy: Legacy) -> None:
    orders(legacy, 1, 3)
    first = keys(pages(source(), context(window(DAY, DAY + timedelta(minutes=4)))))
    orders(legacy, 2)  # dated before its commit, as a long transaction leaves it

    without = keys(pages(source(), context(window(DAY + timedelta(minutes=4), DAY + timedelta(minutes=9)))))
    with_lag = keys(pages(source(), context(window(DAY + timedelta(minutes=4) - LAG, DAY + timedelta(minutes=9)))))

    assert (first, without) == (["1", "3"], [])
    assert with_lag == ["1", "2", "3"]


def test_rows_at_the_very_edge_of_two_windows_are_read_once_in_the_later_one(legacy: Legacy) -> None:
    orders(legacy, 1, 2, 3)
    edge = DAY + timedelta(minutes=2)

    before = keys(pages(source(), context(window(DAY, edge))))
    behind = keys(pages(source(), context(window(edge, edge + timedelta(hours=1)))))

    assert (before, behind) == (["1"], ["2", "3"])


def test_a_row_of_the_future_waits_for_the_window_that_holds_it(legacy: Legacy) -> None:
    orders(legacy, 1, 500)
    now = DAY + timedelta(minutes=10)

    assert keys(pages(source(), context(window(DAY, now)))) == ["1"]
    assert keys(pages(source(), context(window(now - LAG, DAY + timedelta(minutes=501))))) == ["1", "500"]


def test_a_watermark_of_days_is_refused_until_its_bound_is_one(legacy: Legacy) -> None:
    legacy.make("daily", "id INTEGER PRIMARY KEY, company {text}, changed DATE")
    legacy.insert("daily", (1, "acme", "2026-03-01"), (2, "acme", "2026-03-02"))
    if legacy.vendor == "sqlite":
        pytest.skip("it has no dates: text is compared as text, and bound= says how it is written")
    by_day = {"table": "daily", "watermark": "changed"}

    with pytest.raises(ConfigurationError, match="holds days, no times"):
        pages(source(**by_day))
    over = context(window(DAY + timedelta(hours=10), DAY + timedelta(hours=25)))

    assert keys(pages(source(**by_day, bound=lambda moment: moment.date()), over)) == ["1"]
