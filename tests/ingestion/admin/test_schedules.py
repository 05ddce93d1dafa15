"""Schedules, lateness and backfills in the console."""

import datetime
import re
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from ingestion import actions
from ingestion.actions import Actor
from ingestion.core.errors import ActionRefused
from ingestion.models import AuditEntry, Connection, Run, Tenant
from ingestion.testing import Records, registered
from tests.ingestion.admin.staff import staff
from tests.ingestion.runs import carry, over

LIST = reverse("admin:ingestion_connection_changelist")
RUNS = reverse("admin:ingestion_run_changelist")
START = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)


@pytest.fixture
def connection(acme: Tenant) -> Connection:
    return actions.connect(Actor(), acme, "app.payments")


def at(verb: str, connection: Connection) -> str:
    return reverse(f"admin:ingestion_connection_{verb}", args=[connection.pk])


def seen(page: str) -> str:
    found = re.search(r'name="seen" value="(\w+)"', page)
    assert found is not None, page
    return found[1]


def confirmed(console: Client, url: str, values: dict[str, Any]) -> Any:
    """Preview, then confirm what was shown."""
    return console.post(url, {**values, "seen": seen(console.post(url, values).content.decode())})


@pytest.mark.slow
def test_a_schedule_is_shown_before_it_is_set(console: Client, connection: Connection) -> None:
    values = {"due": "cron", "cron": "0 3 * * *", "zone": "Europe/Amsterdam", "reason": "at night"}

    page = console.post(at("schedule", connection), values).content.decode()
    before = Connection.unscoped.get().schedule
    confirmed(console, at("schedule", connection), values)

    assert len(re.findall(r"<li>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC \(\w{3} 03:0\d:\d\d CES?T\)</li>", page)) == 5
    assert "Due from now on: cron 0 3 * * * in Europe/Amsterdam. The next times:" in page
    assert "This will happen; nothing has happened yet" in page
    assert before is None
    assert Connection.unscoped.get().schedule == {"cron": "0 3 * * *", "zone": "Europe/Amsterdam", "spread": "5m"}
    assert AuditEntry.unscoped.get(action="schedule").reason == "at night"
    assert "cron 0 3 * * * in Europe/Amsterdam" in console.get(LIST).content.decode()


def test_the_form_holds_the_schedule_as_it_stands(console: Client, connection: Connection) -> None:
    declared = {"cron": "0 3 * * *", "zone": "Asia/Tokyo", "spread": "0s"}
    actions.set_schedule(Actor(), connection, declared)

    page = console.get(at("schedule", connection)).content.decode()

    assert '<option value="cron" selected>' in page
    assert all(f'value="{value}"' in page for value in declared.values())


def test_what_was_changed_after_the_preview_is_previewed_again(console: Client, connection: Connection) -> None:
    url = at("schedule", connection)
    token = seen(console.post(url, {"due": "every", "every": "1h"}).content.decode())

    page = console.post(url, {"due": "every", "every": "2h", "seen": token}).content.decode()

    assert "every 2h" in page
    assert Connection.unscoped.get().schedule is None


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"due": "cron", "cron": "0 3 * *"}, "five fields"),
        ({"due": "cron", "cron": "0 3 * * *", "zone": "Mars"}, "no time zone"),
        ({"due": "every", "every": "soon"}, "not a length of time"),
        ({"due": "every", "every": "1h", "spread": "2h"}, "spread"),
        ({"due": "sometimes"}, "not one of the available choices"),
    ],
)
def test_what_is_no_schedule_is_told_beside_its_field(
    console: Client, connection: Connection, values: dict[str, str], says: str
) -> None:
    page = console.post(at("schedule", connection), values).content.decode()

    assert says in page
    assert 'name="seen"' not in page
    assert Connection.unscoped.get().schedule is None


def test_a_connection_is_made_with_its_schedule(console: Client, acme: Tenant) -> None:
    values = {"tenant": acme.pk, "pipeline": "app.payments", "name": "nightly", "due": "every", "every": "6h"}

    console.post(reverse("admin:ingestion_connection_add"), values)

    assert Connection.unscoped.get().schedule == {"every": "6h"}


def test_a_connection_with_a_wrong_schedule_is_not_made(console: Client, acme: Tenant) -> None:
    values = {"tenant": acme.pk, "pipeline": "app.payments", "due": "cron", "cron": "99 * * * *"}

    page = console.post(reverse("admin:ingestion_connection_add"), values).content.decode()

    assert "bad minute" in page
    assert not Connection.unscoped.exists()


def test_list_and_page_say_why_a_connection_is_late(console: Client, connection: Connection) -> None:
    Connection.unscoped.filter(pk=connection.pk).update(next_due=timezone.now() - datetime.timedelta(hours=3))

    pages = [console.get(page).content.decode() for page in (LIST, at("change", connection))]

    assert all("no tick has ever run" in page for page in pages)


def test_a_superuser_sets_a_tenants_time_zone(acme: Tenant) -> None:
    admin = staff("root", acme)
    admin.is_superuser = True
    admin.save()
    browser = Client()
    browser.force_login(admin)
    page = reverse("admin:ingestion_tenant_change", args=[acme.pk])
    grants = {"grants-TOTAL_FORMS": 0, "grants-INITIAL_FORMS": 0}
    values = {"name": acme.name, "tier": acme.tier, **grants}

    refused = browser.post(page, {**values, "time_zone": "Mars"}).content.decode()
    browser.post(page, {**values, "time_zone": "Asia/Tokyo"})

    assert "no time zone" in refused
    assert Tenant.objects.get(pk=acme.pk).time_zone == "Asia/Tokyo"
    assert AuditEntry.unscoped.get(action="time zone").data["before"] == "UTC"


@pytest.mark.slow
def test_a_backfill_is_previewed_confirmed_and_shown_with_its_shards(console: Client, connection: Connection) -> None:
    records = [{"id": f"pay_{day}", "amount": "1.00", "at": (START + datetime.timedelta(days=day)).isoformat()}
               for day in range(4)]  # fmt: skip
    values = {"start": "2026-01-01T00:00", "end": "2026-01-05T00:00", "shard": "1d", "parallel": "2", "reason": "late"}
    with registered(over([], name="app.payments", source=Records(records, time="at"))):
        url = at("backfill", connection)
        page = console.post(url, values).content.decode()
        alone = console.post(url, {**values, "shard": "1w"}).content.decode()
        none = Run.unscoped.count()
        answer = confirmed(console, url, values)
        parent = Run.unscoped.get(parent__isnull=True)
        first = parent.shards.order_by("pk")[0]
        carry(first)
        shown = console.get(reverse("admin:ingestion_run_change", args=[parent.pk])).content.decode()

    assert "4 shards are read, each by a run of its own:" in page
    assert "1 shard is read:" in alone
    assert "2026-01-01 00:00 – 2026-01-02 00:00 UTC" in page
    assert none == 0
    assert answer.headers["Location"] == reverse("admin:ingestion_run_change", args=[parent.pk])
    assert "1 of 4 have ended: 3 queued, 1 succeeded." in shown
    assert reverse("admin:ingestion_run_change", args=[first.pk]) in shown
    assert f"{RUNS}?shards={parent.pk}" in shown


@pytest.mark.slow
def test_shards_are_left_out_of_the_list_unless_asked_for(console: Client, connection: Connection) -> None:
    with registered(over([], name="app.payments", source=Records([], time="at"))):
        parent = actions.backfill(
            Actor(), connection, START, START + datetime.timedelta(days=3), reason="late", wake=False
        )
    numbers = {str(run.pk) for run in parent.shards.all()}

    def listed(**query: Any) -> set[str]:
        page = console.get(RUNS, query).content.decode()
        return set(re.findall(r"ingestion/run/(\d+)/change", page))

    assert listed() == {str(parent.pk)}
    assert listed(shards="all") == {str(parent.pk), *numbers}
    assert listed(shards=parent.pk) == numbers
    assert listed(shards="nonsense") == {str(parent.pk)}
    assert listed(q=min(numbers)) == {min(numbers)}


def test_a_source_without_windows_cannot_be_backfilled(console: Client, connection: Connection) -> None:
    values = {"start": "2026-01-01T00:00", "end": "2026-01-05T00:00", "shard": "1d", "reason": "late"}

    page = console.post(at("backfill", connection), values).content.decode()

    assert "does not read a window of time" in page
    assert 'name="seen"' not in page


def test_staff_ask_for_no_more_than_a_run_a_minute(acme: Tenant) -> None:
    olga = Actor(staff("olga_minute", acme))
    with registered(over([])) as pipeline:
        connection = actions.connect(olga, acme, pipeline.name, "often")
        for ask in (
            lambda: actions.set_schedule(olga, connection, {"every": "59s"}),
            lambda: actions.connect(olga, acme, pipeline.name, "more", {"every": "1s"}),
        ):
            with pytest.raises(ActionRefused, match="60 seconds or more"):
                ask()
        assert actions.set_schedule(olga, connection, {"every": "1m"}).schedule == {"every": "1m"}


def test_staff_open_one_backfill_of_a_connection_at_a_time(acme: Tenant) -> None:
    olga = Actor(staff("olga_backfill", acme))
    end = timezone.now() - datetime.timedelta(days=1)
    with registered(over([], source=Records([], time="at"))) as pipeline:
        connection = actions.connect(olga, acme, pipeline.name)

        def again() -> Run:
            start = end - datetime.timedelta(days=2)
            return actions.backfill(olga, connection, start, end, reason="mended", wake=False)

        first = again()
        with pytest.raises(ActionRefused, match=f"Backfill {first.pk} .* is under way"):
            again()
