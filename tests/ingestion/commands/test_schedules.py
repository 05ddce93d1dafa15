"""`ingest connect --cron`, `schedule`, `tenant time-zone`, `backfill`, and the reasons in `health` and `list`."""

from datetime import UTC, datetime, timedelta

import pytest

from ingestion import actions
from ingestion.database.clock import db_now_plus, read_db_now
from ingestion.models import Connection, Heartbeat, Run, Tenant, Watermark
from ingestion.testing import Records, make_tenant, registered
from tests.ingestion.commands.shell import asked, ingest
from tests.ingestion.runs import over

pytestmark = pytest.mark.django_db
ACME = ("--tenant", "acme", "--pipeline", "app.payments")
START = datetime(2026, 1, 1, tzinfo=UTC)


def test_connect_with_a_cron_expression() -> None:
    make_tenant()

    made = asked("connect", *ACME, "--cron", "0 3 * * *", "--zone", "Europe/Amsterdam")["connections"][0]

    assert made["schedule"] == "cron 0 3 * * * in Europe/Amsterdam"
    connection = Connection.unscoped.get()
    assert connection.schedule == {"cron": "0 3 * * *", "zone": "Europe/Amsterdam", "spread": "5m"}
    assert connection.next_due is not None
    assert connection.next_due > read_db_now()


def test_connect_again_changes_the_schedule_and_default_takes_it_back() -> None:
    make_tenant()

    shown = [
        asked("connect", *ACME, *schedule)["connections"][0]["schedule"]
        for schedule in ([], ["--every", "1h30m"], [], ["--on-request"], ["--default"])
    ]

    assert shown == ["every 15m", "every 1h30m", "every 1h30m", "on request: its schedule is switched off", "every 15m"]


def test_schedule_shows_the_next_five_due_times() -> None:
    make_tenant(time_zone="Asia/Tokyo")
    asked("connect", *ACME)

    document = asked("schedule", *ACME, "--cron", "30 4 * * *", "--spread", "0s", "--reason", "at night")

    assert document["schedule"]["schedule"] == "cron 30 4 * * *"
    assert document["schedule"]["declared_by"] == "the connection's own"
    assert [row["due"][11:16] for row in document["due"]] == ["19:30"] * 5
    assert all(row["local"].endswith("04:30:00 JST") for row in document["due"])
    assert "04:30:00 JST" in ingest("schedule", *ACME).out


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--cron", "0 3 * *"], "five fields"),
        (["--cron", "0 3 * * *", "--zone", "Europe/Amsterdm"], "did you mean 'Europe/Amsterdam'"),
        (["--every", "30s"], "60 seconds or more"),
        (["--every", "soon"], "write for example 90s, 15m"),
        (["--zone", "Asia/Tokyo"], "--zone belongs to --cron"),
        (["--every", "1h", "--zone", "Asia/Tokyo"], "--zone belongs to --cron"),
        (["--spread", "5m"], "--spread belongs to"),
        (["--every", "1h", "--spread", "2h"], "spread"),
    ],
)
@pytest.mark.parametrize("verb", ["connect", "schedule"])
def test_a_schedule_that_is_none_is_refused_with_exit_code_2_and_changes_nothing(
    verb: str, options: list[str], says: str
) -> None:
    make_tenant()
    asked("connect", *ACME)

    answer = ingest(verb, *ACME, *options)

    assert (answer.code, says in answer.error) == (2, True), answer.error
    assert Connection.unscoped.get().schedule is None


def test_tenant_time_zone_moves_its_crons() -> None:
    make_tenant()
    asked("connect", *ACME, "--cron", "0 3 * * *")

    document = asked("tenant", "time-zone", "--tenant", "acme", "--zone", "Asia/Tokyo")

    assert (document["tenant"]["time_zone"], len(document["moved"])) == ("Asia/Tokyo", 1)
    assert Tenant.objects.get().time_zone == "Asia/Tokyo"


def test_health_and_lists_say_why_a_connection_is_late() -> None:
    late = actions.connect(actions.Actor(), make_tenant(), "app.payments")
    actions.connect(actions.Actor(), late.tenant, "app.payments", "punctual")
    Connection.unscoped.filter(pk=late.pk).update(next_due=db_now_plus(-3600))
    Heartbeat.objects.update_or_create(name=Heartbeat.TICK, defaults={"at": db_now_plus(-600)})

    health, listed = ingest("health", "--json"), asked("list", "connections", "--overdue")["connections"]

    assert health.code == 1
    assert "1 connection is overdue, the first because: no tick has run since" in health.error
    (row,) = health.document["overdue"]
    assert row["reason"].startswith("no tick has run since")
    assert [(one["id"], one["late"][:11]) for one in listed] == [(late.pk, "no tick has")]
    assert "no tick has run since" in ingest("list", "connections").out


def windowed() -> Records:
    days = [{"id": f"pay_{day}", "amount": "1.00", "at": (START + timedelta(days=day)).isoformat()} for day in range(5)]
    return Records(days, time="at")


@pytest.mark.slow
def test_backfill_shows_its_shards_first_and_then_carries_them() -> None:
    make_tenant()
    window = ("--from", "2026-01-01", "--to", "2026-01-06")
    with registered(over([], name="app.payments", source=windowed())):
        asked("connect", *ACME)
        preview = asked("backfill", *ACME, *window, "--shard", "2d", "--preview")["shards"]
        none = Run.unscoped.count()
        document = asked("backfill", *ACME, *window, "--shard", "2d", "--reason", "they sent it late")

    assert (len(preview), none) == (3, 0)
    (run,) = document["runs"]
    assert (run["kind"], run["state"], run["read"], run["ok"]) == ("backfill", "succeeded", 5, 5)
    assert document["shards"] == {"succeeded": 3}
    assert not Watermark.unscoped.exists()
    assert len(asked("list", "runs", "--parent", run["id"])["runs"]) == 3
    assert [one["id"] for one in asked("list", "runs")["runs"]] == [run["id"]]


@pytest.mark.django_db(transaction=True)
@pytest.mark.slow
def test_backfill_tells_which_shards_became_partial_and_can_be_queued_and_cancelled() -> None:
    make_tenant()
    window = ("--from", "2026-01-01", "--to", "2026-01-06", "--reason", "again")
    both = [{"id": "pay_1", "amount": "much"}, {"id": "pay_2", "amount": "1.00"}]
    bad = Records([{**one, "at": START.isoformat()} for one in both], time="at")
    with registered(over([], name="app.payments", source=bad)):
        asked("connect", *ACME)
        partial = ingest("backfill", *ACME, *window, "--json")
        queued = asked("backfill", *ACME, *window, "--queue")["runs"][0]
        cancelled = asked("cancel", queued["id"])["runs"][0]
        again = asked("retry", queued["id"], "--queue")["runs"][0]

    assert partial.code == 3
    assert [row["state"] for row in partial.document["not_succeeded"]] == ["partial"]
    assert (queued["state"], cancelled["state"]) == ("running", "cancelled")
    assert Run.unscoped.filter(parent=queued["id"], state=Run.State.CANCELLED).count() == 5
    assert again["kind"] == "backfill"


def test_backfill_of_a_source_that_reads_no_windows_is_refused() -> None:
    make_tenant()
    asked("connect", *ACME)

    answer = ingest("backfill", *ACME, "--from", "2026-01-01", "--to", "2026-01-06", "--reason", "again")

    assert (answer.code, "does not read a window of time" in answer.error) == (1, True)
