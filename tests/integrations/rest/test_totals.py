"""What a source says of how many there are, and what it writes around its records: held against what came."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import httpx
import pytest

from ingestion import actions, running
from ingestion.models import Run, Tenant
from ingestion.running import Hooks
from ingestion.testing import registered
from integrations.rest.batches import BATCH
from tests.ingestion.runs import OPERATOR
from tests.integrations.rest.test_ends import ROWS, SIZE, cursor_of, declared
from tests.integrations.rest.test_records import DECLARED, acme, connected, over, rows, run
from tests.integrations.rest.worlds import World, read, reply, rest

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


def by_number(pages: list[list[int]], total: int) -> Any:
    """Pages of these ids."""

    def answer(request: httpx.Request) -> httpx.Response:
        number = int(request.url.params["page"])
        ids = pages[number - 1] if number <= len(pages) else []
        return reply({"data": [{"id": one} for one in ids], "count": total})

    return answer


TWICE: dict[str, tuple[list[list[int]], int, str, str]] = {
    "all different ones came": ([[0, 1, 2], [2, 3, 4]], 5, "succeeded", "totals proved"),
    "one is missing, and the rows add up": (
        [[0, 1, 2], [2, 3]], 5, "succeeded",
        "not checked: 1 record came on two pages, so 4 different ones came and the source counts 5: others may have been missed"),
    "one is missing": ([[0, 1, 2], [2]], 5, "failed", "totals differ: the source counts 5, 3 came"),
    "too many": ([[0, 1, 2], [2, 3, 4, 5]], 5, "failed", "totals differ: the source counts 5, 6 came"),
    "twice on one page, as the source counts": ([[0, 1, 1]], 3, "succeeded", "totals proved"),
}  # fmt: skip


@pytest.mark.parametrize("name", TWICE)
def test_a_record_that_comes_on_two_pages_is_counted_once(acme: Tenant, name: str) -> None:
    pages, total, state, verdict = TWICE[name]

    made = run(connected(acme, **declared(pagination={"style": "page"}, total="$.count")), by_number(pages, total))

    assert made.state == state, made.error_message
    assert made.proofs == {"/things": {verdict: 1}}
    assert state != "failed" or verdict in made.error_message


@pytest.mark.slow
def test_a_total_that_is_not_reached_is_told_with_the_numbers_of_the_source_and_of_what_came(acme: Tenant) -> None:
    """And not with what was read twice in the search for the missing ones."""
    made = run(connected(acme, **declared(pagination={"style": "page"}, total="$.count")),
               by_number([[0, 1, 2], [3, 4, 5], [6, 7, 8], [9, 10, 11]], 30))  # fmt: skip

    assert made.error_message == (
        "/things: totals differ: the source counts 30, 12 came. What was loaded stays. The watermark has not moved; run the window again."
    )


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


def by_three(total: Any, **failing: bool) -> Any:
    """Pages of three after a cursor, with what `total` says of each; the second one is out of order while `failing`."""

    def answer(request: httpx.Request) -> httpx.Response:
        at = cursor_of(request)
        if at == SIZE and failing.get("failing"):
            return reply({}, 503)
        after = at + SIZE if at + SIZE < len(ROWS) else None
        return reply({"data": ROWS[at : at + SIZE], "next_cursor": after, "count": total(at)})

    return answer


@pytest.mark.parametrize(("count", "state"), [(7, "succeeded"), (6, "failed")])
def test_a_total_that_only_later_pages_state_is_about_all_of_them(acme: Tenant, count: int, state: str) -> None:
    connection = connected(acme, **declared(pagination={"style": "cursor"}, total="$.count"))

    made = run(connection, by_three(lambda at: count if at else None))

    assert made.state == state
    assert made.tally["count"] == [str(count), "7"]


@pytest.mark.parametrize("stated", [True, False])
def test_a_declaration_changed_while_the_run_waits_lets_it_finish(acme: Tenant, *, stated: bool) -> None:
    said = declared(pagination={"style": "cursor"}, total="$.count")
    connection = connected(acme, **said)
    made = run(connection, by_three(lambda at: 7 if stated else None, failing=True))
    actions.configure(OPERATOR, connection, {"rest": {**DECLARED, **said, "params": {"of": "1"}}})
    Run.unscoped.filter(pk=made.pk).update(not_before=None)

    with registered(over(World(by_three(lambda at: 7)))):
        running.execute(made.pk, Hooks(sleep=lambda seconds: None))

    made.refresh_from_db()
    assert (made.state, made.error_message) == ("succeeded", "")
    assert list(made.proofs["/things"]) == ["not checked: the declaration was changed while the run went on"]


def test_batches_of_a_page_that_states_no_total_are_declared_with_the_first_one_also_when_they_came_twice() -> None:
    many = [{"id": number} for number in range(BATCH + 2)]
    source = rest(pagination={"style": "cursor"}, total="$.count")
    world = World(lambda request: reply(
        {"data": [{"id": "last"}], "count": len(many) + 1} if cursor_of(request) else {"data": many, "next_cursor": 1}
    ))  # fmt: skip
    early, *_ = read(source, world)

    again = read(source, world, early.checkpoint)

    assert len(early.records) == BATCH
    assert [dict(page.declares) for page in again] == [{}, {}, {"count": Decimal(2 * BATCH + 3)}]
