"""An answer of status 200 that says "later" holds the integration off, as a 429 does: shown, shared and ended alike."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from django.test import Client
from django.urls import reverse

from ingestion import actions, limits
from ingestion.models import Connection, Event, Run, Tenant
from ingestion.testing import make_tenant
from tests.ingestion.admin.staff import staff
from tests.ingestion.commands.shell import asked, ingest
from tests.ingestion.runs import OPERATOR, configured
from tests.integrations.rest.test_answers import PLAIN, SLACK
from tests.integrations.rest.test_records import acme, connected, run
from tests.integrations.rest.worlds import reply

__all__ = ["acme"]
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis")]
LATER = {"ok": False, "error": "ratelimited", "data": []}
FINE = {"ok": True, "data": [{"id": 1}]}
ANSWERS: dict[str, tuple[dict[str, Any], int, dict[str, str], float]] = {
    "a 429 that says how long": ({}, 429, {"Retry-After": "77"}, 77),
    "a 429 that does not": ({}, 429, {}, 30),
    "declared, with how long": ({"signals": SLACK}, 200, {"Retry-After": "77"}, 77),
    "declared, and a used-up limit": (
        {"signals": SLACK}, 200, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "55"}, 55),
    "declared, without": ({"signals": SLACK}, 200, {}, 30),
    "by a usual code": ({}, 200, {}, 30),
}  # fmt: skip


def left(connection: Connection) -> float:
    held = limits.hold_off_of(connection)
    assert held is not None
    run = Run.unscoped.filter(connection=connection).latest("pk")
    assert run.not_before is not None
    assert abs((held.until - run.not_before).total_seconds()) < 10, "the run waits as long as everybody does"
    return (run.not_before - run.created_at).total_seconds()


@pytest.mark.slow
@pytest.mark.parametrize("name", ANSWERS)
def test_every_run_of_the_integration_is_held_off_and_the_end_is_everybody_s(acme: Tenant, name: str) -> None:
    changes, status, headers, seconds = ANSWERS[name]
    connection, other = (connected(acme, one, **{**PLAIN, **changes}) for one in ("shop", "other"))
    calls: list[httpx.Request] = []

    def later(request: httpx.Request) -> httpx.Response:
        calls.append(request)
        return reply(LATER, status, **headers)

    made = run(connection, later)
    asked_before = len(calls)
    with configured(THROTTLE_SECONDS=1):
        waits = run(other, later)
    shown = asked("hold-off", "show")["hold_offs"]

    assert [(one.state, one.error_class) for one in (made, waits)] == [("queued", "HeldOff")] * 2
    assert len(calls) == asked_before, "the other run calls nobody"
    assert seconds - 5 <= left(connection) <= seconds + 20
    assert [(row["tenant"], row["integration"]) for row in shown] == [("acme", "rest")]
    assert Event.unscoped.filter(run=made, name="retry").get().data["host"] == "api.example.com"

    ended = ingest("hold-off", "end", "--tenant", "acme", "--pipeline", "rest.records", "--name", "shop")

    assert ended.code == 0
    assert asked("hold-off", "show")["hold_offs"] == []
    assert not Run.unscoped.filter(not_before__isnull=False).exists()
    assert run(other, lambda request: reply(FINE)).state == "succeeded"


@pytest.mark.slow
def test_the_console_shows_it_and_ends_it(acme: Tenant, client: Client) -> None:
    connection = connected(acme, **{**PLAIN, "signals": SLACK})
    client.force_login(staff("vera", acme, permissions=["view_connection", "run_connection"]))
    page = reverse("admin:ingestion_connection_change", args=[connection.pk])
    button = reverse("admin:ingestion_connection_end_hold_off", args=[connection.pk])

    run(connection, lambda request: reply(LATER, Retry_After="300"))
    during = client.get(page).content.decode()
    client.post(button, {"reason": "their support says so"})
    after = client.get(page).content.decode()

    assert (button in during, button in after) == (True, False)
    assert limits.hold_off_of(connection) is None


def test_another_host_of_the_integration_goes_on_being_left_alone(acme: Tenant) -> None:
    one, two = (connected(acme, host, base_url=f"https://{host}.example.com", **PLAIN) for host in ("one", "two"))
    refused = run(one, lambda request: reply(LATER, Retry_After="600"))
    limits.release(acme.ref, acme.tier, "rest")  # two runs at once: each was refused by its own host
    other = run(two, lambda request: reply(LATER, Retry_After="600"))

    actions.end_hold_off(OPERATOR, one)

    refused.refresh_from_db()
    other.refresh_from_db()
    assert refused.not_before is None
    assert other.not_before is not None


def test_nobody_else_s_integration_is_held_off(acme: Tenant) -> None:
    theirs = connected(make_tenant("globex"), **PLAIN)

    run(connected(acme, **PLAIN), lambda request: reply(LATER, Retry_After="300"))

    assert run(theirs, lambda request: reply(FINE)).state == "succeeded"
