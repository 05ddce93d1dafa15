"""The trail: a log line and a row for each sign-in, for superusers, and never a password."""

import logging
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings

from config.models import SignIn
from config.sign_ins.trail import written
from ingestion.testing import make_tenant
from tests.config.test_locking import LIMIT, LOGIN, guess
from tests.ingestion.admin.staff import PASSWORD, staff, superuser

pytestmark = pytest.mark.django_db
LIST = "/admin/standalone/signin/"


def rows() -> list[tuple[str, str, str]]:
    return list(SignIn.objects.order_by("pk").values_list("kind", "account", "address"))


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Any:
    """What was logged so far, as event, level and message."""
    caplog.set_level(logging.INFO, logger="ingestion")
    return lambda: [
        (record.event, record.levelname, record.getMessage())
        for record in caplog.records
        if "sign" in getattr(record, "event", "")
    ]


def test_signing_in_failing_and_signing_out_are_written_down(lines: Any) -> None:
    superuser("olga")
    browser = Client(REMOTE_ADDR="192.0.2.1")

    browser.post(LOGIN, {"username": "olga", "password": "s3same"})
    browser.post(LOGIN, {"username": "olga", "password": PASSWORD})
    browser.post("/admin/logout/")

    here = ("olga", "192.0.2.1")
    assert rows() == [("sign_in_failed", *here), ("signed_in", *here), ("signed_out", *here)]
    assert lines() == [
        ("sign_in_failed", "WARNING", "sign-in failed: olga from 192.0.2.1"),
        ("signed_in", "INFO", "signed in: olga from 192.0.2.1"),
        ("signed_out", "INFO", "signed out: olga from 192.0.2.1"),
    ]


def test_a_lock_is_written_down_once_and_each_try_in_it_logged(lines: Any, settings: Settings) -> None:
    superuser("olga")

    settings.AXES_FAILURE_LIMIT = LIMIT

    guess(LIMIT + 2, "olga")

    assert [kind for kind, *_ in rows()] == ["sign_in_failed"] * LIMIT + ["sign_in_locked"]
    assert lines()[-3:] == [
        ("sign_in_locked", "WARNING", "account and address locked: olga from 192.0.2.1"),
        *[("sign_in_refused", "INFO", "sign-in refused, locked: olga from 192.0.2.1")] * 2,
    ]


def test_a_password_in_the_place_of_the_name_is_written_nowhere(
    caplog: pytest.LogCaptureFixture, settings: Settings
) -> None:
    settings.AXES_FAILURE_LIMIT = LIMIT
    caplog.set_level(logging.DEBUG)

    guess(LIMIT + 1, "hunter2\r\nevent=signed_in")

    assert {(kind, account) for kind, account, _ in rows()} == {("sign_in_failed", ""), ("sign_in_locked", "")}
    said = [record.getMessage() for record in caplog.records if record.name != "django.db.backends"]
    assert [line for line in said if "hunter2" in line] == []


@pytest.mark.parametrize(
    ("name", "shown"), [("olga\nevent=x\u202e", "olga�event=x�"), ("x" * 61, "x" * 59 + "…"), ("Ol Ga", "Ol Ga")]
)
def test_a_name_is_written_on_one_line_and_not_too_long(name: str, shown: str) -> None:
    assert written(name) == shown


def test_a_sign_in_forgets_what_is_older_than_half_a_year() -> None:
    old = SignIn.objects.create(kind="signed_in", account="old")
    SignIn.objects.filter(pk=old.pk).update(at=timezone.now() - timedelta(days=181))

    Client().force_login(superuser("olga"))

    assert [account for _, account, _ in rows()] == ["olga"]


def test_superusers_read_the_trail_and_staff_of_a_tenant_do_not(client: Client) -> None:
    SignIn.objects.create(kind="sign_in_failed", address="203.0.113.5")
    row = SignIn.objects.create(kind="signed_in", account="canary")
    pages = [LIST, f"{LIST}{row.pk}/change/", f"{LIST}{row.pk}/history/", f"{LIST}?q=can"]

    client.force_login(superuser())
    seen = [client.get(page).content.decode() for page in pages]
    client.force_login(staff("olga", make_tenant("acme")))
    refused = [client.get(page) for page in pages]

    assert ["canary" in page for page in seen] == [True] * 4
    assert "(no account of that name)" in seen[0]
    assert {page.status_code for page in refused} == {403}
    assert [page for page in refused if "canary" in page.content.decode()] == []
    assert LIST not in client.get("/admin/").content.decode()
    assert client.post(LIST, {"action": "delete_selected", "_selected_action": row.pk}).status_code == 403


def test_the_trail_is_counted_no_further_than_needed(client: Client) -> None:
    SignIn.objects.create(kind="signed_in", account="olga")
    client.force_login(superuser())

    with CaptureQueriesContext(connection) as asked:
        client.get(LIST)

    counts = [query["sql"] for query in asked.captured_queries if "COUNT(" in query["sql"]]
    assert len(counts) == 1
    assert "LIMIT 10001" in counts[0]
    assert len(asked) <= 6


def test_not_even_superusers_change_the_trail(client: Client) -> None:
    row = SignIn.objects.create(kind="signed_in", account="olga")
    client.force_login(superuser())

    assert client.get(f"{LIST}add/").status_code == 403
    assert client.post(f"{LIST}{row.pk}/change/", {"account": "vera"}).status_code == 403
    assert client.post(f"{LIST}{row.pk}/delete/", {"post": "yes"}).status_code == 403


def test_no_row_has_a_page_outside_the_console_and_asking_for_one_is_no_error_of_ours(client: Client) -> None:
    client.force_login(staff("vera", make_tenant("acme")))
    dashboard, _ = ContentType.objects.get_or_create(app_label="django_rq", model="dashboard")  # it has no table

    answers = [client.get(f"/admin/r/{kind}/{row}/") for kind in (dashboard.pk, 0) for row in ("1", "%00", "a%2Fb")]

    assert [answer.status_code for answer in answers] == [404] * 6
