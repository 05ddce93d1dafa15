"""What users of other connectors reported, each as a small source of its own, through a whole run.

Named are the projects whose trackers have the report; the sources are made up.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from ingestion.models import Tenant
from tests.integrations.rest.test_records import acme, connected, rows, run
from tests.integrations.rest.worlds import reply

__all__ = ["acme"]
pytestmark = [pytest.mark.django_db]
ROWS = [{"id": number} for number in range(1, 24)]
Answering = Callable[[httpx.Request], httpx.Response]


def at(request: httpx.Request, name: str, first: int = 0) -> int:
    return int(request.url.params.get(name, first))


def part(start: int, size: int = 10) -> list[dict[str, Any]]:
    return ROWS[start : start + size]


def offset_ignored_after_the_end(request: httpx.Request) -> httpx.Response:
    """HubSpot engagements: past the end the first page comes again; only has_more says so (dlt 2816)."""
    start = at(request, "offset")
    return reply({"data": part(start if start < 23 else 0), "has_more": start + 10 < 23})


def more_for_ever(request: httpx.Request) -> httpx.Response:
    """has_more is true on every page, also past the total (dlt 4225)."""
    return reply({"data": part(10 * (at(request, "page") - 1)), "has_more": True, "count": 23})


def cursor_promised_but_missing(request: httpx.Request) -> httpx.Response:
    """has_more is true, and there is no cursor (dlt 4227)."""
    return reply({"data": part(0), "has_more": True, "next_cursor": None})


def empty_page_in_the_middle(request: httpx.Request) -> httpx.Response:
    """A page that is empty after the source's own filter, with more behind it (Meltano SDK 2980)."""
    start = at(request, "cursor")
    pages: dict[int, Any] = {0: part(0), 1: [], 2: [], 3: part(10, 13)}
    return reply({"data": pages[start], "next_cursor": start + 1 if start < 3 else None})


def last_page_names_the_one_before(request: httpx.Request) -> httpx.Response:
    """The last page's token is that of the page before: A, B, A, B (cliquet 366, iceberg-go 1484)."""
    start = at(request, "cursor")
    return reply({"data": part(start), "next_cursor": {0: 10, 10: 20, 20: 10}[start]})


def capped_without_a_word(request: httpx.Request) -> httpx.Response:
    """After so many rows the next address is missing, although the source has more (Airbyte 66592, Pardot)."""
    start = at(request, "at")
    return reply({"data": part(start), "next": f"/things?at={start + 10}"} if start == 0 else {"data": part(start)})


def empty_past_the_total(request: httpx.Request) -> httpx.Response:
    """200 and an empty list for every offset past the total (Redmine, duckle 41)."""
    return reply({"data": part(at(request, "offset")), "count": 23})


def total_in_every_page_but_no_pages(request: httpx.Request) -> httpx.Response:
    """Without any total or flag only an empty page ends (dlt 1530, 1637; tap-rest-api-msdk 41)."""
    return reply({"data": part(10 * (at(request, "page") - 1))})


def one_page_fails_once() -> Answering:
    """One page of many answers 500 now and then (Airflow 39247)."""
    failures = iter([False, True, False, True])

    def answer(request: httpx.Request) -> httpx.Response:
        start = at(request, "cursor")
        if next(failures, False):
            return reply({}, 500)
        return reply({"data": part(start), "next_cursor": start + 10 if start < 20 else None})

    return answer


def multiple_of_the_size(request: httpx.Request) -> httpx.Response:
    """As many rows as fit whole pages: the page after them is empty (cliquet 366, Airbyte 43018)."""
    return reply({"data": ROWS[:20][10 * (at(request, "page") - 1) :][:10]})


def parameter_not_known(request: httpx.Request) -> httpx.Response:
    """The source does not know the parameter of the page and gives the first one for ever (Airbyte 19274)."""
    return reply({"data": part(0)})


def pages_from_zero(request: httpx.Request) -> httpx.Response:
    """Pages begin with 0, and the source answers 404 past the end."""
    start = 10 * at(request, "page")
    return reply({"data": part(start)}, 200 if start < 23 else 404)


def offset_with_another_size(request: httpx.Request) -> httpx.Response:
    """The source gives fewer rows than were asked for: the next offset follows what came (Airbyte 19232)."""
    return reply({"data": part(at(request, "offset"), 7)})


def graphql_throttled() -> Answering:
    """GraphQL says in a 200 that there were too many calls (Shopify connectors)."""
    said = iter([True])

    def answer(request: httpx.Request) -> httpx.Response:
        if next(said, False):
            return reply({"errors": [{"message": "Throttled", "extensions": {"code": "THROTTLED"}}]})
        return reply({"data": ROWS})

    return answer


def relative_address(request: httpx.Request) -> httpx.Response:
    """The next address is relative, or has only a query (tap-rest-api-msdk 25)."""
    start = at(request, "at")
    return reply({"data": part(start), "next": f"?at={start + 10}" if start < 20 else ""})


CURSOR, OFFSET, PAGE = {"style": "cursor"}, {"style": "offset", "limit": 10}, {"style": "page"}
REPORTS: dict[str, tuple[Answering, dict[str, Any], str, int]] = {
    "dlt 2816": (offset_ignored_after_the_end, {"pagination": {**OFFSET, "more": "$.has_more"}}, "", 23),
    "dlt 2816, no overlap": (offset_ignored_after_the_end, {"pagination": {**OFFSET, "overlap": 0, "more": "$.has_more"}}, "", 23),
    "dlt 4225": (more_for_ever, {"pagination": {**PAGE, "more": "$.has_more"}, "total": "$.count"}, "", 23),
    "dlt 4227": (cursor_promised_but_missing, {"pagination": {**CURSOR, "more": "$.has_more"}}, "promises another page", 0),
    "meltano 2980": (empty_page_in_the_middle, {"pagination": CURSOR}, "", 23),
    "cliquet 366": (last_page_names_the_one_before, {"pagination": CURSOR}, "read already", 20),
    "airbyte 66592": (capped_without_a_word, {"pagination": {"style": "next_url"}}, "cannot be seen", 10),
    "duckle 41": (empty_past_the_total, {"pagination": OFFSET, "total": "$.count"}, "", 23),
    "dlt 1637": (total_in_every_page_but_no_pages, {"pagination": PAGE}, "", 23),
    "airflow 39247": (one_page_fails_once(), {"pagination": CURSOR}, "", 23),
    "airbyte 43018": (multiple_of_the_size, {"pagination": PAGE}, "", 20),
    "airbyte 19274": (parameter_not_known, {"pagination": PAGE}, "Does the source know the parameter", 10),
    "pages from zero": (pages_from_zero, {"pagination": {**PAGE, "start": 0}}, "", 23),
    "airbyte 19232": (offset_with_another_size, {"pagination": {**OFFSET, "limit": 500}}, "", 23),
    "tap-rest-api-msdk 25": (relative_address, {"pagination": {"style": "next_url"}}, "", 23),
}  # fmt: skip


@pytest.mark.parametrize("report", REPORTS)
def test_what_was_reported_elsewhere_is_read_whole_or_refused(acme: Tenant, report: str) -> None:
    answer, declared, refusal, loaded = REPORTS[report]
    calls: list[httpx.Request] = []

    def counted(request: httpx.Request) -> httpx.Response:
        calls.append(request)
        return answer(request)

    made = run(connected(acme, **{"updated": "", "total": "", **declared}), counted)

    assert (made.state, made.error_class) == (("failed", "SourceChanged") if refusal else ("succeeded", ""))
    assert refusal in made.error_message
    assert len(rows(acme)) == loaded
    assert len(calls) <= 12


def test_a_throttled_answer_is_tried_later(acme: Tenant) -> None:
    made = run(connected(acme, updated="", total="", pagination={"style": "none"}), graphql_throttled())

    assert (made.state, made.error_class) == ("queued", "HeldOff")
