"""`ingest credential`, and what `health`, the tick and the checks say about credentials."""

from __future__ import annotations

import dataclasses
import io
import logging
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.utils import timezone
from redis import Redis

from ingestion import Context, Json, Page, actions, scheduling
from ingestion.models import Credential, DataKey, Heartbeat, Tenant
from ingestion.testing import make_tenant, registered
from ingestion.vault import credentials, expiry
from tests.app.pipelines import payments
from tests.ingestion.commands.shell import asked, ingest
from tests.ingestion.commands.test_upkeep import ROOT, ticked
from tests.ingestion.runs import configured
from tests.ingestion.vault.keeping import master_key, under

pytestmark = [pytest.mark.slow, pytest.mark.django_db]
STRIPE = ("--tenant", "acme", "--integration", "stripe")


@pytest.fixture
def acme() -> Tenant:
    return make_tenant()


@pytest.fixture
def typed() -> Iterator[io.StringIO]:
    """What is typed into the command."""
    before, sys.stdin = sys.stdin, io.StringIO()
    yield sys.stdin
    sys.stdin = before


def values(tenant: Tenant, integration: str = "stripe") -> dict[str, str]:
    return dict(credentials.read(tenant.ref, integration).values)


def store(tenant: Tenant, integration: str = "stripe", **more: object) -> Credential:
    return actions.set_credential(actions.Actor(), tenant, integration, {"api_key": "sk_test_abcdefgh4242"}, **more)  # type: ignore[arg-type]


def test_values_come_from_lines_of_standard_input(acme: Tenant, typed: io.StringIO) -> None:
    typed.write("api_key=sk_test_abcdefgh4242\nwebhook=whsec=1\n")
    typed.seek(0)

    answer = ingest("credential", "set", *STRIPE, "--stdin", "--json")

    assert values(acme) == {"api_key": "sk_test_abcdefgh4242", "webhook": "whsec=1"}
    assert answer.document["credentials"][0]["last_four"] == {"api_key": "4242", "webhook": ""}
    assert "sk_test" not in answer.out


@pytest.mark.parametrize("before", [True, False])
def test_keep_adds_a_value_to_what_is_stored(acme: Tenant, typed: io.StringIO, before: bool) -> None:
    if before:
        store(acme)
    typed.write("webhook=whsec=1\n")
    typed.seek(0)

    answer = ingest("credential", "set", *STRIPE, "--stdin", "--keep", "--json")

    assert values(acme) == {**({"api_key": "sk_test_abcdefgh4242"} if before else {}), "webhook": "whsec=1"}
    assert "sk_test" not in answer.out


def test_values_come_from_json_variables_and_files(
    acme: Tenant, typed: io.StringIO, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLIENT_SECRET", "from-a-variable")
    (tmp_path / "key.pem").write_text("line one\nline two\n")
    typed.write('{"client_id": "from-json"}')
    typed.seek(0)

    asked(
        "credential",
        "set",
        *STRIPE,
        "--stdin",
        "--env",
        "client_secret=CLIENT_SECRET",
        "--file",
        f"key={tmp_path / 'key.pem'}",
    )

    assert values(acme) == {"client_id": "from-json", "client_secret": "from-a-variable", "key": "line one\nline two"}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "Say where the values come from"),
        (("--env", "a=NO_SUCH_VARIABLE"), "The variable NO_SUCH_VARIABLE is not set"),
        (("--file", "a=/nowhere/key"), "/nowhere/key cannot be read"),
    ],
)
def test_where_there_is_no_value_the_command_says_so(acme: Tenant, words: tuple[str, ...], said: str) -> None:
    answer = ingest("credential", "set", *STRIPE, *words)

    assert (answer.code, said in answer.error) == (2, True)


def test_a_value_cannot_be_given_as_an_argument() -> None:
    """It would be in the list of processes, and in the shell's history."""
    done = subprocess.run(
        [sys.executable, "manage.py", "ingest", "credential", "set", *STRIPE, "--value", "api_key=sesame"],
        cwd=ROOT, capture_output=True, text=True,
    )  # fmt: skip

    assert done.returncode == 2


def test_list_and_show_have_everything_but_the_values(acme: Tenant) -> None:
    store(acme)
    store(make_tenant("globex"))

    listed = asked("credential", "list", "--tenant", "acme")["credentials"]
    shown = asked("credential", "show", *STRIPE)

    assert [(row["tenant"], row["integration"], row["version"]) for row in listed] == [("acme", "stripe", 1)]
    assert set(listed[0]) == {
        "tenant", "integration", "version", "last_four", "expires_at", "rotated_at", "updated_at",
    }  # fmt: skip
    assert [(one["version"], one["cause"]) for one in shown["versions"]] == [(1, "set")]


def test_the_expiry_date_is_a_time_or_a_span_from_now_or_never(acme: Tenant) -> None:
    store(acme)

    at = asked("credential", "expire", *STRIPE, "--at", "2030-01-31")["credentials"][0]["expires_at"]
    asked("credential", "expire", *STRIPE, "--at", "90d")
    ahead = Credential.unscoped.get().expires_at
    asked("credential", "expire", *STRIPE, "--at", "never")

    assert at == "2030-01-31T00:00:00Z"
    assert ahead is not None
    assert abs(ahead - timezone.now() - timedelta(days=90)) < timedelta(minutes=1)
    assert Credential.unscoped.get().expires_at is None


def test_delete_needs_a_credential(acme: Tenant) -> None:
    store(acme)

    asked("credential", "delete", *STRIPE, "--reason", "contract ended")
    again = ingest("credential", "delete", *STRIPE, "--reason", "again")

    assert (again.code, again.error) == (2, "Tenant acme has no credential for stripe. It has: none.")


@dataclasses.dataclass(frozen=True)
class Answering:
    """A source that answers."""

    def extract(self, ctx: Context, checkpoint: Json) -> list[Page]:
        return []

    def test(self, ctx: Context) -> str:
        return "account 42 answered"


def test_test_asks_the_source(acme: Tenant) -> None:
    with registered(dataclasses.replace(payments, source=Answering())):
        actions.connect(actions.Actor(), acme, "app.payments")
        answer = asked("credential", "test", "--tenant", "acme", "--pipeline", "app.payments")

    assert answer["test"]["answer"] == "account 42 answered"


def test_test_of_a_source_that_cannot_be_tested_fails(acme: Tenant) -> None:
    actions.connect(actions.Actor(), acme, "app.payments")

    answer = ingest("credential", "test", "--tenant", "acme", "--pipeline", "app.payments")

    assert (answer.code, "cannot be tested" in answer.error) == (1, True)


def test_rotate_keys_says_what_it_did_and_which_master_key_may_go(acme: Tenant, redis: Redis) -> None:
    old, new = master_key(), master_key()
    with under(old=old):
        store(acme)

    with under(new=new, old=old):
        answer = asked("credential", "rotate-keys")
        again = asked("credential", "rotate-keys")

    assert answer["rotated"] == [{"tenant": "acme", "credentials": 1, "dropped": 1}]
    assert answer["master_keys"] == [{"master_key": "new", "data_keys": 1}, {"master_key": "old", "data_keys": 0}]
    assert again["rotated"] == []


def test_rotate_keys_without_the_old_master_key_fails_and_names_it(acme: Tenant) -> None:
    with under(old=master_key()):
        store(acme)

    with under(new=master_key()):
        answer = ingest("credential", "rotate-keys", "--anyway")

    assert (answer.code, "acme: The master key 'old'" in answer.error) == (1, True)


def test_rotate_keys_with_an_age_replaces_old_data_keys(acme: Tenant) -> None:
    store(acme)
    DataKey.unscoped.update(created_at=datetime(2020, 1, 1, tzinfo=UTC))

    assert len(asked("credential", "rotate-keys", "--anyway", "--older-than", "365d")["rotated"]) == 1


def test_health_lists_credentials_that_end_soon_and_stays_well(acme: Tenant) -> None:
    ticked()
    store(acme, expires_at=timezone.now() + timedelta(days=3))
    store(acme, "rest", expires_at=timezone.now() + timedelta(days=300))

    answer = ingest("health", "--json")

    assert answer.code == 0
    assert [row["integration"] for row in answer.document["expiring_credentials"]] == ["stripe"]


def test_health_fails_when_stored_credentials_cannot_be_read(acme: Tenant) -> None:
    ticked()
    with under(old=master_key()):
        store(acme)

    with under(new=master_key()):
        answer = ingest("health")

    assert (answer.code, "the settings lack the master keys old" in answer.error) == (1, True)


def test_the_tick_warns_once_a_day(acme: Tenant, caplog: pytest.LogCaptureFixture) -> None:
    row = store(acme, expires_at=timezone.now() + timedelta(days=3))
    caplog.set_level(logging.WARNING, "ingestion")

    scheduling.tick()
    scheduling.tick()
    Credential.unscoped.filter(pk=row.pk).update(warned_at=timezone.now() - timedelta(days=2))
    expiry.warn()

    said = [record for record in caplog.records if getattr(record, "event", "") == "credential_expiry"]
    assert len(said) == 2
    assert "ingest credential set --tenant acme --integration stripe" in said[0].getMessage()
    assert said[0].tenant_id == acme.pk  # type: ignore[attr-defined]
    assert Heartbeat.objects.exists()


def test_a_new_version_is_warned_about_anew(acme: Tenant) -> None:
    ending = timezone.now() + timedelta(days=3)
    store(acme, expires_at=ending)
    assert expiry.warn() == 1

    store(acme, expires_at=ending)
    with configured(EXPIRY_WARNING_DAYS=1):
        assert expiry.warn() == 0
    assert expiry.warn() == 1


@pytest.mark.filterwarnings("ignore::getpass.GetPassWarning")
def test_a_prompt_without_a_terminal_says_what_else_there_is(acme: Tenant, typed: io.StringIO) -> None:
    answer = ingest("credential", "set", *STRIPE, "--prompt", "api_key")

    assert answer.code == 2
    assert "Nobody is there to type api_key" in answer.error
    assert "--stdin" in answer.error
