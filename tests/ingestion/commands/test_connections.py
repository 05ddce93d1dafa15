"""`ingest connect`, `pause`, `resume`, `watermark`, and connections in `list` and `show`."""

from datetime import UTC, datetime

import pytest
from django.contrib.auth import get_user_model

from ingestion import actions
from ingestion.models import Connection, Tenant, Watermark
from ingestion.testing import make_tenant, run_pipeline
from tests.app.pipelines import payments
from tests.ingestion.commands.shell import asked, ingest

pytestmark = pytest.mark.django_db
ACME = ("--tenant", "acme", "--pipeline", "app.payments")


def connected() -> Connection:
    return actions.connect(actions.Actor(), make_tenant(), "app.payments")


@pytest.mark.slow
def test_connect_makes_a_connection_once() -> None:
    tenant = make_tenant()

    first, second = asked("connect", *ACME), asked("connect", *ACME)

    assert first == second
    assert Connection.objects.for_tenant(tenant).get().next_due is not None


def test_a_key_that_is_given_twice_is_a_usage_error() -> None:
    make_tenant()

    refused = ingest("connect", *ACME, "--config", "team=north", "--config", "team=south")
    asked("connect", *ACME, "--config", "team=north", "--config", "page=2")

    assert "'team' is given twice" in refused.error  # a shell sees exit code 2, as of every argument that is wrong
    assert Connection.unscoped.get().config == {"team": "north", "page": 2}


def test_connect_to_an_unknown_pipeline_is_a_usage_error() -> None:
    make_tenant()

    assert ingest("connect", "--tenant", "acme", "--pipeline", "app.nothing").code == 2


def test_pause_and_resume() -> None:
    connection = connected()

    paused = asked("pause", *ACME, "--reason", "bank holiday")["connections"]
    resumed = asked("resume", *ACME)["connections"]

    assert (paused[0]["paused_reason"], resumed[0]["paused_at"]) == ("bank holiday", None)
    connection.refresh_from_db()
    assert not connection.is_paused


def test_pausing_twice_is_refused() -> None:
    connected()
    ingest("pause", *ACME, "--reason", "x")

    answer = ingest("pause", *ACME, "--reason", "x")

    assert (answer.code, "is paused already" in answer.error) == (1, True)


def test_watermark_show_gives_the_history() -> None:
    run = run_pipeline(payments)

    (watermark,) = asked("watermark", "show", *ACME)["watermarks"]

    assert watermark["run"] == run.pk


def test_watermark_show_before_the_first_run_says_so() -> None:
    connected()

    assert "There is no watermark yet" in ingest("watermark", "show", *ACME).out


@pytest.mark.parametrize(
    ("to", "value"),
    [
        ("2026-01-31", datetime(2026, 1, 31, tzinfo=UTC)),
        ("2026-01-31T02:00:00+02:00", datetime(2026, 1, 31, tzinfo=UTC)),
        ("2026-01-31T00:00:00Z", datetime(2026, 1, 31, tzinfo=UTC)),
    ],
)
def test_watermark_rewind_moves_it_in_utc_unless_another_zone_is_named(to: str, value: datetime) -> None:
    connection = connected()

    ingest("watermark", "rewind", *ACME, "--to", to, "--reason", "bank sent it again")

    assert Watermark.objects.for_tenant(connection.tenant).get().value == value


def test_watermark_rewind_into_the_future_is_refused() -> None:
    connected()

    assert ingest("watermark", "rewind", *ACME, "--to", "2999-01-01", "--reason", "x").code == 1


def test_list_connections_shows_paused_ones_only_when_asked() -> None:
    connected()
    globex = actions.connect(actions.Actor(), make_tenant("globex"), "app.payments")
    actions.pause(actions.Actor(), globex, "x")

    everything, paused = asked("list", "connections"), asked("list", "connections", "--paused")

    assert [row["tenant"] for row in everything["connections"]] == ["acme", "globex"]
    assert [row["tenant"] for row in paused["connections"]] == ["globex"]


def test_show_connection_has_config_watermark_and_newest_runs() -> None:
    run = run_pipeline(payments)

    shown = asked("show", "connection", run.connection_id)

    assert shown["connection"]["config"] == {}
    assert shown["connection"]["watermark"] is not None
    assert [row["id"] for row in shown["runs"]] == [run.pk]


def test_a_connection_of_another_tenant_is_not_there() -> None:
    theirs = actions.connect(actions.Actor(), make_tenant("globex"), "app.payments")
    make_tenant("acme")

    assert ingest("show", "connection", theirs.pk, "--tenant", "acme").code == 2


def test_connect_sets_config_beside_what_is_there() -> None:
    make_tenant()
    asked("connect", *ACME, "--config", "account=NL1")

    asked("connect", *ACME, "--config", "layout=dkb")

    assert Connection.unscoped.get().config == {"account": "NL1", "layout": "dkb"}


def test_tenant_add_makes_a_tenant_once() -> None:
    made = asked("tenant", "add", "globex", "--tier", "pro")["tenant"]
    again = ingest("tenant", "add", "globex")

    assert made == {"key": "globex", "name": "globex", "tier": "pro", "time_zone": "UTC"}
    assert (again.code, "already exists" in again.error) == (1, True)


def test_tenant_grant_lets_staff_see_it() -> None:
    tenant = make_tenant()
    olga = get_user_model().objects.create_user("olga", is_staff=True)

    asked("tenant", "grant", "--tenant", "acme", "--user", "olga")

    assert list(Tenant.objects.granted_to(olga)) == [tenant]
    assert ingest("tenant", "grant", "--tenant", "acme", "--user", "nobody").code == 2


def test_a_tenant_may_have_several_connections_of_one_pipeline_under_names() -> None:
    tenant = make_tenant()

    north = asked("connect", *ACME, "--name", "north")["connections"][0]
    south = asked("connect", *ACME, "--name", "south")["connections"][0]
    nameless = ingest("pause", *ACME, "--reason", "audit")
    asked("pause", *ACME, "--name", "south", "--reason", "audit")

    assert north["id"] != south["id"]
    assert (nameless.code, nameless.error) == (2, "Say which connection: --name 'north' or 'south'.")
    told = "There is no connection 'sout' of app.payments for acme; there are: 'north', 'south'. Did you mean 'south'?"
    assert ingest("pause", *ACME, "--name", "sout", "--reason", "audit").error == told
    assert not Connection.objects.for_tenant(tenant).get(name="north").is_paused
    assert Connection.objects.for_tenant(tenant).get(name="south").is_paused


def test_a_connections_name_must_be_plain() -> None:
    make_tenant()

    assert "at most 50 letters" in ingest("connect", *ACME, "--name", "no/slash").error
