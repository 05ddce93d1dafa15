"""A source that asked to be left alone: operators see it, and end it, for one tenant at a time."""

from __future__ import annotations

import shlex
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.test import Client
from django.urls import reverse
from redis import Redis

from ingestion import actions, events, limits, queueing
from ingestion.core.errors import ActionRefused
from ingestion.database.clock import db_now_plus
from ingestion.limits.buckets import LocalBucket
from ingestion.models import AuditEntry, Connection, Run, Tenant
from ingestion.testing import make_tenant
from tests.ingestion.admin.staff import staff
from tests.ingestion.commands.shell import asked, ingest
from tests.ingestion.limits.throttled import throttle
from tests.ingestion.runs import OPERATOR

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis")]
NAMED = ("--pipeline", "app.payments")


def connected(key: str) -> Connection:
    return actions.connect(OPERATOR, make_tenant(key), "app.payments")


def held(connection: Connection, seconds: float = 300) -> Connection:
    """As if its source had asked for it."""
    throttle(limits.limited_of(connection), connection.tenant.ref).hold_off(seconds)
    return connection


def waiting(connection: Connection, error: str = "HeldOff") -> Run:
    run = actions.run_now(OPERATOR, connection, wake=False)
    Run.unscoped.filter(pk=run.pk).update(not_before=db_now_plus(300), error_class=error)
    return run


def test_a_hold_off_is_seen_with_its_tenant_integration_and_end() -> None:
    connection, other = held(connected("acme")), connected("other")

    (row,) = asked("hold-off", "show")["hold_offs"]

    assert (row["tenant"], row["integration"]) == ("acme", "app.payments")
    assert row["until"]
    assert asked("hold-off", "show", "--tenant", "other")["hold_offs"] == []
    assert limits.hold_off_of(other) is None
    assert limits.hold_off_of(connection) is not None


def test_showing_it_says_who_why_until_when_and_what_ends_it() -> None:
    connection = held(connected("acme"))
    unexplained = ingest("hold-off", "show").out
    run = waiting(connection)
    Run.unscoped.filter(pk=run.pk).update(error_message="GET https://shop.example/orders answered 429: too many calls.")

    said = ingest("hold-off", "show").out
    (row,) = asked("hold-off", "show")["hold_offs"]

    assert "Because: the source asked to be left alone, or kept failing" in unexplained
    assert "acme does not call app.payments until 20" in said
    assert "Because: GET https://shop.example/orders answered 429" in said
    assert "manage.py ingest hold-off end --tenant acme --pipeline app.payments --reason" in said
    assert (row["runs_waiting"], row["runs"]) == (1, [run.pk])


def test_the_command_that_is_shown_ends_it() -> None:
    connection = held(connected("acme"))
    waiting(connection)
    (row,) = asked("hold-off", "show")["hold_offs"]

    answer = ingest(*shlex.split(row["ends_with"])[2:])

    assert answer.code == 0
    assert "acme may call app.payments again from now on" in answer.out
    assert "1 run that waited for it starts" in answer.out
    assert ingest("hold-off", "show").out.strip() == "Nothing is held off: every source may be called."


def test_ending_it_lets_that_tenant_call_and_its_waiting_runs_start() -> None:
    connection, other = held(connected("acme")), held(connected("other"))
    run, theirs = waiting(connection), waiting(other)

    said = ingest("hold-off", "end", "--tenant", "acme", *NAMED, "--reason", "their support says so")

    assert said.code == 0
    throttle(limits.limited_of(connection), connection.tenant.ref, patience=5.0)()
    assert limits.hold_off_of(connection) is None
    assert limits.hold_off_of(other) is not None
    for one in (run, theirs):
        one.refresh_from_db()
    assert run.not_before is None
    assert theirs.not_before is not None
    entry = AuditEntry.objects.for_tenant(connection.tenant).filter(action="end hold-off").get()
    assert (entry.reason, entry.data["integration"], entry.data["runs"]) == (
        "their support says so", "app.payments", [run.pk],
    )  # fmt: skip
    assert 0 < entry.data["seconds"] <= 300


def test_a_run_that_waits_because_its_host_is_ill_goes_on_waiting() -> None:
    connection = held(connected("acme"))
    other = actions.connect(OPERATOR, connection.tenant, "app.payments", "other")
    run, ill = waiting(connection), waiting(other, "Transient")

    actions.end_hold_off(OPERATOR, connection)

    run.refresh_from_db()
    ill.refresh_from_db()
    assert run.not_before is None
    assert ill.not_before is not None


@pytest.mark.parametrize(("host", "goes_on"), [("one.example.com", True), ("two.example.com", False), ("", True)])
def test_a_run_that_another_host_refused_goes_on_waiting(host: str, goes_on: bool) -> None:
    connection = held(connected("acme"))
    other = actions.connect(OPERATOR, connection.tenant, "app.payments", "other")
    run, its = waiting(connection), waiting(other)
    for refused, by in ((run, "two.example.com"), (run, "one.example.com"), (its, host)):
        events.record(refused, "retry", "HeldOff: too many calls", **({"host": by} if by else {}))

    actions.end_hold_off(OPERATOR, connection)

    run.refresh_from_db()
    its.refresh_from_db()
    assert (run.not_before, its.not_before is None) == (None, goes_on)


def test_where_none_of_its_own_runs_waits_the_integration_s_hold_off_ends_for_all() -> None:
    connection = held(connected("acme"))
    its = waiting(actions.connect(OPERATOR, connection.tenant, "app.payments", "other"))
    events.record(its, "retry", "HeldOff: too many calls", host="two.example.com")

    actions.end_hold_off(OPERATOR, connection)

    its.refresh_from_db()
    assert its.not_before is None


def test_what_follows_an_ended_hold_off_keeps_to_the_rate(rates: Any) -> None:
    patient = throttle("slow", patience=9.0)
    patient.hold_off(60)
    limits.release(connected("acme").tenant.ref, "free", "nothing")
    from tests.ingestion.limits.throttled import ACME

    limits.release(ACME, "free", "slow")

    waits = [throttle("slow")._take(1.0, 9.0)[0].wait for _ in range(3)]
    assert waits == pytest.approx([1 / 20, 2 / 20, 3 / 20], abs=0.04)


def test_a_bucket_of_this_process_ends_its_hold_too() -> None:
    bucket = LocalBucket(10, 5, clock=lambda: 100.0)
    bucket.hold(60)
    bucket.free()

    assert bucket.take(1.0, 9.0).wait < 1


def test_where_nothing_is_held_there_is_nothing_to_end() -> None:
    with pytest.raises(ActionRefused, match="Nothing is held off"):
        actions.end_hold_off(OPERATOR, connected("acme"))


@pytest.mark.slow
def test_the_page_says_it_and_has_the_button_only_then(client: Client) -> None:
    connection = connected("acme")
    client.force_login(staff("vera", connection.tenant, permissions=["view_connection", "run_connection"]))
    page = reverse("admin:ingestion_connection_change", args=[connection.pk])
    button = reverse("admin:ingestion_connection_end_hold_off", args=[connection.pk])
    before = client.get(page).content.decode()

    during = client.get(held(connection) and page).content.decode()
    answer = client.post(button, {"reason": "enough"})
    after = client.get(page).content.decode()

    assert (button in before, button in during, button in after) == (False, True, False)
    assert "Acme does not call app.payments until" in " ".join(during.split())
    assert "Held off:" not in before + after
    assert answer.status_code == 302


def test_nobody_ends_another_tenant_s_hold_off(client: Client) -> None:
    connection = held(connected("globex"))
    user = staff("vera", make_tenant("acme"), permissions=["view_connection", "run_connection"])
    client.force_login(user)
    button = reverse("admin:ingestion_connection_end_hold_off", args=[connection.pk])

    answer = client.post(button, {"reason": "enough"})
    with pytest.raises(PermissionDenied):
        actions.end_hold_off(actions.Actor(user), connection)

    assert answer.status_code == 302
    assert limits.hold_off_of(connection) is not None
    assert not AuditEntry.objects.for_tenant(Tenant.objects.get(key="globex")).filter(action="end hold-off").exists()


class Gone(Redis):
    def execute_command(self, *args: Any, **options: Any) -> Any:
        raise ConnectionError


def test_without_redis_pages_and_lists_say_nothing_of_it() -> None:
    assert limits.hold_off_of(connected("acme"), lambda: Gone()) is None
    queueing.absence.over()


def test_without_redis_ending_it_is_refused_and_said() -> None:
    connection = held(connected("acme"))

    try:
        with pytest.raises(ActionRefused, match="Redis cannot be asked"):
            limits.release(connection.tenant.ref, "free", "app.payments", lambda: Gone())
        with pytest.raises(ActionRefused, match="Redis cannot be asked"):
            actions.end_hold_off(OPERATOR, connection)
    finally:
        queueing.absence.over()

    assert limits.hold_off_of(connection) is not None
    assert not AuditEntry.objects.for_tenant(connection.tenant).filter(action="end hold-off").exists()


def test_without_redis_the_command_says_so_and_shows_the_runs_that_wait() -> None:
    connection = connected("acme")
    run, theirs = waiting(connection), waiting(connected("globex"))
    queueing.absence.note(ConnectionError())
    try:
        answer = ingest("hold-off", "show", "--tenant", "acme", "--json")
    finally:
        queueing.absence.over()

    assert (answer.code, "Redis cannot be asked" in answer.error, "1 run waits" in answer.error) == (1, True, True)
    assert [row["run"] for row in answer.document["runs_waiting"]] == [run.pk] != [theirs.pk]
