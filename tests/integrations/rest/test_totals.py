"""What a source says of how many there are, and what it writes around its records: held against what came."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from ingestion.models import Tenant
from tests.integrations.rest.test_ends import ROWS, SIZE, cursor_of, declared
from tests.integrations.rest.test_records import acme, connected, rows, run
from tests.integrations.rest.worlds import reply

__all__ = ["acme"]
pytestmark = [pytest.mark.django_db]


@pytest.mark.parametrize("total", [6, 30])
@pytest.mark.parametrize("style", ["page", "offset", "cursor"])
def test_a_total_that_is_not_what_came_fails_the_run_and_ends_no_reading(acme: Tenant, total: int, style: str) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        asked = request.url.params
        at = SIZE * (int(asked["page"]) - 1) if "page" in asked else int(asked.get("offset", asked.get("cursor", 0)))
        after = at + SIZE if at + SIZE < len(ROWS) else None
        return reply({"data": ROWS[at : at + SIZE], "next_cursor": after, "count": total})

    made = run(connected(acme, **declared(pagination={"style": style}, total="$.count")), answer)

    assert (made.state, made.error_class) == ("failed", "ReconciliationError")
    assert made.proofs == {"/things": {f"totals differ: the source counts {total}, 7 came": 1}}
    assert len(rows(acme)) == 7


def test_a_total_that_cannot_be_read_is_said(acme: Tenant) -> None:
    made = run(connected(acme, **declared(pagination={"style": "none"}, total="$.count")),
               lambda request: reply({"data": ROWS, "count": "many"}))  # fmt: skip

    assert made.state == "succeeded"
    assert made.proofs == {"/things": {"not checked: what stands at $.count is no number of records": 1}}


def test_a_total_that_moved_is_said_to_prove_nothing(acme: Tenant) -> None:
    totals = iter([7, 8, 8, 8])

    def answer(request: httpx.Request) -> httpx.Response:
        at = cursor_of(request)
        after = at + SIZE if at + SIZE < len(ROWS) else None
        return reply({"data": ROWS[at : at + SIZE], "next_cursor": after, "count": next(totals)})

    made = run(connected(acme, **declared(pagination={"style": "cursor"}, total="$.count")), answer)

    assert made.state == "succeeded"
    assert list(made.proofs["/things"]) == ["not checked: the source's total moved while it was read, from 7 to 8"]


def test_a_renamed_member_around_the_records_is_drift(acme: Tenant) -> None:
    many = [{"id": number} for number in range(60)]

    def answer(name: str) -> Any:
        def said(request: httpx.Request) -> httpx.Response:
            at = cursor_of(request)
            return reply({"data": many[at : at + 30], name: at + 30 if at < 30 else None, "version": 2})

        return said

    connection = connected(acme, **declared(drift="stop", pagination={"style": "cursor"}))
    run(connection, answer("next_cursor"))
    many[:] = [{"id": number, "v": 2} for number in range(60)]

    made = run(connection, lambda request: answer("next_cursor")(request) if cursor_of(request) else reply(
        {"data": many[:30], "next_cursor": 30, "edition": 2}))  # fmt: skip

    assert (made.state, made.error_class) == ("failed", "SchemaDrift")
    assert "$.version is gone" in made.error_message
