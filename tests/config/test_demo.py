"""The demonstration: what it loads, that a second start changes nothing, and what the person at the terminal reads."""

import re
import sqlite3
from contextlib import closing
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import authenticate, get_user_model
from django.core.management import call_command
from django.core.management.base import CommandError
from django.http import HttpRequest

from config import demo_data
from config.demo_data import FILES, SAMPLES, DemoRow
from config.management.commands.demo import Command, delete_local_data, local_tenants
from ingestion import actions
from ingestion.models import Connection, DeadLetter, Run, Tenant
from integrations.bank.models import BankStatement, BankTransaction

pytestmark = [pytest.mark.slow, pytest.mark.django_db]


def row(rows: list[DemoRow], file: str) -> DemoRow:
    (found,) = [row for row in rows if row.file == file]
    return found


def transactions(tenant: str) -> list[BankTransaction]:
    return list(BankTransaction.objects.for_tenant(Tenant.objects.get(key=tenant)))


def state_of_everything() -> list[object]:
    models = (Tenant, Connection, Run, DeadLetter, BankStatement, BankTransaction)
    return [list(model._base_manager.order_by("pk").values()) for model in models]


def printed_by_demo() -> str:
    out = StringIO()
    call_command("demo", once=True, stdout=out)
    return out.getvalue()


def test_every_sample_is_taken_and_every_file_is_a_sample() -> None:
    on_disk = {f"{path.parent.name}/{path.name}" for path in SAMPLES.glob("*/*")}

    assert {f"{sample.tenant}/{sample.file}" for sample in FILES} == on_disk


def test_runs_end_as_they_were_meant() -> None:
    rows = demo_data.load()

    assert [row.file for row in rows if not row.as_meant] == []
    assert {row.outcome for row in rows} == {"succeeded", "partial", "failed"}


def test_three_tenants_of_different_tiers() -> None:
    demo_data.load()

    assert set(Tenant.objects.values_list("tier", flat=True)) == {"free", "pro", "enterprise"}


def test_overlapping_exports_merge_and_true_twins_survive() -> None:
    rows = demo_data.load()

    held = [row(rows, name).loaded for name in ("first-direct-june.csv", "first-direct-to-july.csv")]
    account = [one for one in transactions("harbour") if one.account.identifier == "40476122331188"]
    coffees = [one.booked_on.day for one in account if one.amount == Decimal("-3.80")]
    assert sum(held) == 23
    assert len(account) == 18
    assert sorted(coffees) == [2, 2, 17, 26, 26]


def test_statement_that_does_not_tie_loads_nothing_and_is_kept_whole() -> None:
    rows = demo_data.load()

    dead_letter = DeadLetter.objects.for_tenant(Tenant.objects.get(key="nordlicht")).get()
    assert dead_letter.error_class == "StatementImbalance"
    assert b"Wartung Roester" in bytes(dead_letter.payload)
    assert "a difference of 2700.00" in row(rows, "umsatz-juli.sta").why
    assert not [one for one in transactions("nordlicht") if one.booked_on.month == 7]


def test_entry_without_an_amount_is_a_dead_letter_and_its_neighbours_load() -> None:
    rows = demo_data.load()

    assert row(rows, "checking-june.ofx").why == "entry 4: '$120' is not an amount"
    assert row(rows, "checking-june.ofx").loaded == 8


@pytest.mark.parametrize(
    ("file", "error"), [("stocktake.csv", "UnknownFormat"), ("webshop-juli.camt053.xml", "HostileFile")]
)
def test_file_that_is_no_statement_fails_its_run(file: str, error: str) -> None:
    rows = demo_data.load()

    run = Run.unscoped.get(artifact_links__name=file)
    assert (run.state, run.error_class) == ("failed", error)
    assert row(rows, file).why == run.error_message


def test_second_start_recognises_every_file_and_changes_nothing() -> None:
    demo_data.load()
    before = state_of_everything()

    again = demo_data.load()

    assert {row.outcome for row in again} == {"duplicate", "known, refused"}
    assert sum(row.read for row in again) == 0
    assert state_of_everything() == before


def test_interrupted_start_is_carried_on() -> None:
    tenant = Tenant.objects.create(key="harbour", name="Harbour Books")
    connection = actions.connect(actions.Actor(), tenant, demo_data.PIPELINE)
    data = (SAMPLES / "harbour" / "monzo-june.csv").read_bytes()
    actions.upload(actions.Actor(), connection, "monzo-june.csv", data, config={"account": "1"}, wake=False)

    rows = demo_data.load()

    assert row(rows, "monzo-june.csv").outcome == "succeeded"


def test_reason_goes_when_the_letter_was_dealt_with() -> None:
    demo_data.load()
    dead_letter = DeadLetter.objects.for_tenant(Tenant.objects.get(key="atlas")).get()
    actions.abandon(actions.Actor(), dead_letter, "keyed wrongly")

    rows = demo_data.load()

    assert row(rows, "checking-june.ofx").why == ""


def test_staff_see_their_own_tenant_only() -> None:
    demo_data.load()

    seen = {user.username: [tenant.key for tenant in Tenant.objects.granted_to(user)] for user in demo_data.staff()}
    assert not any(user.has_usable_password() for user in demo_data.staff())
    assert seen == {"harbour": ["harbour"], "nordlicht": ["nordlicht"], "atlas": ["atlas"]}


def test_staff_may_replay_but_change_no_row() -> None:
    demo_data.load()

    user = next(demo_data.staff())
    assert user.has_perms(["ingestion.replay_deadletter", "ingestion.view_run", "bank.view_banktransaction"])
    assert not user.has_perm("ingestion.change_run")
    assert not user.has_perm("ingestion.delete_tenant")


def test_user_of_the_same_name_who_is_no_demo_staff_keeps_the_password() -> None:
    own = get_user_model().objects.create_user("atlas", password="chosen long before")

    printed_by_demo()

    own.refresh_from_db()
    assert own.check_password("chosen long before")


def test_a_superuser_who_is_not_the_demo_s_keeps_the_password_and_the_demo_makes_another() -> None:
    own = get_user_model().objects.create_superuser("admin", password="chosen long before")

    printed = [printed_by_demo(), printed_by_demo()][-1]

    own.refresh_from_db()
    password = re.search(r"Password:  (\S{12}) ", printed)
    assert own.check_password("chosen long before")
    assert password is not None
    assert authenticate(HttpRequest(), username="demo-admin", password=password[1]) is not None
    assert "demo-admin" in printed


def test_users_who_have_all_names_of_the_demo_s_superuser_keep_their_passwords() -> None:
    for name in ("admin", "demo-admin"):
        get_user_model().objects.create_user(name, password="chosen long before")

    with pytest.raises(CommandError, match="Rename one of them"):
        printed_by_demo()

    assert all(user.check_password("chosen long before") for user in get_user_model().objects.filter(is_staff=False))


def test_terminal_shows_the_url_the_password_and_four_commands() -> None:
    printed = printed_by_demo()

    password = re.search(r"Password:  (\S{12}) ", printed)
    assert "http://127.0.0.1:8000/admin/" in printed
    assert password is not None
    assert printed.count("manage.py ") == 5  # four to go on with, and how to start the console
    assert authenticate(HttpRequest(), username="admin", password=password[1]) is not None
    assert authenticate(HttpRequest(), username="atlas", password=password[1]) is not None


def test_what_was_not_loaded_is_named_as_the_lists_name_it() -> None:
    printed = printed_by_demo()

    dead_letters = {f"dead letter {dead_letter.pk}" for dead_letter in DeadLetter.unscoped.all()}
    failed = {f"run {run.pk} failed" for run in Run.unscoped.filter(state="failed")}
    assert set(re.findall(r"^  (dead letter \d+|run \d+ failed), ", printed, re.MULTILINE)) == dead_letters | failed
    assert (len(dead_letters), len(failed)) == (2, 2)
    assert "manage.py ingest list runs --state failed" in printed
    assert "the next demo makes another; `up` keeps this one" in printed


def test_terminal_needs_100_columns() -> None:
    assert max(map(len, printed_by_demo().splitlines())) <= 100


def test_second_start_says_that_nothing_was_read() -> None:
    printed_by_demo()

    assert "0 records read now, 55 transactions in the ledger" in printed_by_demo()


def test_connection_that_somebody_paused_is_left_alone() -> None:
    connection = actions.connect(actions.Actor(), Tenant.objects.create(key="atlas"), demo_data.PIPELINE)
    actions.pause(actions.Actor(), connection, "until Monday")

    rows = demo_data.load()

    assert (row(rows, "card-june.ofx").outcome, row(rows, "card-june.ofx").why) == ("paused", "until Monday")
    assert transactions("atlas") == []


def test_run_that_ends_otherwise_ends_the_command_with_an_error() -> None:
    connection = actions.connect(actions.Actor(), Tenant.objects.create(key="harbour"), demo_data.PIPELINE)
    Connection.unscoped.filter(pk=connection.pk).update(config={"layout": "monzo"})

    with pytest.raises(CommandError, match="did not end as it was meant"):
        printed_by_demo()


@pytest.fixture
def var(settings: Any, tmp_path: Path) -> Path:
    """A local installation's folder with a database, without tenants, and a file."""
    settings.VAR, settings.MEDIA_ROOT = tmp_path, tmp_path / "media"
    (tmp_path / "media").mkdir()
    (tmp_path / "media" / "raw").write_bytes(b"a statement")
    with closing(sqlite3.connect(tmp_path / "db.sqlite3")) as database:
        database.execute('CREATE TABLE ingestion_tenant ("key" TEXT)')
    return tmp_path


def with_tenants(var: Path, *keys: str) -> None:
    with closing(sqlite3.connect(var / "db.sqlite3")) as database, database:
        database.executemany("INSERT INTO ingestion_tenant VALUES (?)", [(key,) for key in keys])


def test_reset_deletes_what_the_demo_left(var: Path) -> None:
    with_tenants(var, "harbour", "nordlicht", "atlas")

    delete_local_data()

    assert list(var.iterdir()) == []


def test_reset_refuses_while_other_tenants_have_data(var: Path) -> None:
    with_tenants(var, "harbour", "acme", "northwind")

    with pytest.raises(CommandError, match=r"2 tenants beside the demo's: acme, northwind\. .* --reset --yes"):
        call_command("demo", reset=True, once=True)

    assert (var / "media" / "raw").exists()
    assert local_tenants() == {"harbour", "acme", "northwind"}


def test_reset_deletes_other_tenants_when_told_to(var: Path) -> None:
    with_tenants(var, "acme")

    delete_local_data(with_others=True)

    assert list(var.iterdir()) == []


def test_reset_refuses_a_database_that_cannot_be_read(var: Path) -> None:
    (var / "db.sqlite3").write_bytes(b"no database at all" * 100)

    with pytest.raises(CommandError, match=r"cannot be read .* --reset --yes"):
        delete_local_data()

    assert (var / "media" / "raw").exists()


def test_reset_before_the_first_start_has_nothing_to_delete(settings: Any, tmp_path: Path) -> None:
    settings.VAR, settings.MEDIA_ROOT = tmp_path, tmp_path / "media"

    delete_local_data()

    assert list(tmp_path.iterdir()) == []


def test_help_says_what_reset_deletes_and_what_once_answers() -> None:
    told = " ".join(Command().create_parser("manage.py", "demo").format_help().split())

    assert "everything of all tenants, not the demo's alone" in told
    assert "exit code 1 if a file ended otherwise than planned" in told
