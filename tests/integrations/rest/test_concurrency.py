"""Pages asked for at once: sooner, and otherwise as if they had been asked for one after another."""

from __future__ import annotations

import contextlib
import threading
from typing import Any

import httpx
import pytest

from ingestion.models import Tenant
from integrations.rest import Offset, PageNumber
from tests.integrations.rest.test_records import acme, connected, rows, run
from tests.integrations.rest.worlds import World, ids, read, reply, rest

__all__ = ["acme"]
ROWS = [{"id": number} for number in range(1, 96)]


class Meeting:
    """Answers by page or offset; from the second page on each answer waits until `most` are asked for at once."""

    def __init__(self, most: int, total: int | None = 95, size: int = 10) -> None:
        self.total, self.size = total, size
        self.gate = threading.Barrier(most)
        self.lock, self.now, self.peak = threading.Lock(), 0, 0
        self.statuses: dict[int, list[int]] = {}

    def __call__(self, request: httpx.Request) -> httpx.Response:
        asked = request.url.params
        at = int(asked["offset"]) if "offset" in asked else self.size * (int(asked["page"]) - 1)
        with self.lock:
            self.now += 1
            self.peak = max(self.peak, self.now)
            status = self.statuses.get(at, [200]).pop(0) if self.statuses.get(at) else 200
        if 0 < at < 40:
            with contextlib.suppress(threading.BrokenBarrierError):
                self.gate.wait(timeout=20)
        with self.lock:
            self.now -= 1
        counted = {} if self.total is None else {"count": self.total}
        return reply({"data": ROWS[at : at + self.size], **counted}, status)


@pytest.mark.parametrize("style", [PageNumber(), Offset(limit=10, overlap=0)])
def test_pages_are_fetched_side_by_side_and_come_in_order(style: Any) -> None:
    source = Meeting(3)

    pages = read(rest(pagination=style, total="$.count", concurrency=3), World(source))

    assert source.peak == 3
    assert ids(pages) == [str(row["id"]) for row in ROWS]


def test_one_at_a_time_is_what_is_not_declared() -> None:
    source = Meeting(1)

    read(rest(pagination=PageNumber()), World(source))

    assert source.peak == 1


@pytest.mark.parametrize("status", [500, 401, 429])
def test_a_page_that_failed_ahead_of_its_time_is_asked_for_again(status: int) -> None:
    source = Meeting(1)
    source.statuses[20] = [status]

    assert len(ids(read(rest(pagination=PageNumber(), concurrency=4), World(source)))) == 95


@pytest.mark.django_db
@pytest.mark.slow
def test_a_run_with_pages_at_once_is_as_one_without(acme: Tenant) -> None:
    paging = {"style": "page"}
    one = run(connected(acme, updated="", pagination=paging), Meeting(1))
    many = run(connected(acme, "many", updated="", pagination=paging, concurrency=4), Meeting(1))

    assert (one.state, one.read, one.tally) == (many.state, many.read, many.tally)
    assert len(rows(acme)) == 190


def test_no_more_is_asked_for_than_the_total_promises() -> None:
    world = World(Meeting(1))

    read(rest(pagination=PageNumber(), total="$.count", concurrency=8), world)

    assert max(int(one["page"]) for one in world.queries) == 11
