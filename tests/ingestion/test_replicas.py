"""Beside a router that sends reads to a replica the engine reads where it writes: a replica may be seconds behind.

No test may connect to the replica: whatever asked it would fail.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connections, models
from django.test import Client
from django.test.testcases import DatabaseOperationForbidden
from django.urls import reverse
from pytest_django import Settings

from ingestion import actions, scheduling
from ingestion.models import DeadLetter, Run, Tenant
from ingestion.testing import make_tenant, registered
from tests.app.models import Payment
from tests.ingestion.admin.staff import staff
from tests.ingestion.runs import OPERATOR, carry, items, over, queued

pytestmark = pytest.mark.django_db(transaction=True)
OURS = ("ingestion", "app", "bank", "rest", "stripe")


class PrimaryReplica:
    """As Django's documentation shows one."""

    def db_for_read(self, model: type[models.Model], **hints: Any) -> str | None:
        return "replica" if model._meta.app_label in OURS else None

    def db_for_write(self, model: type[models.Model], **hints: Any) -> str:
        return "default"

    def allow_relation(self, *objects: models.Model, **hints: Any) -> bool:
        return True


@pytest.fixture(autouse=True)
def replica(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    declared = {
        **connections.settings["default"],
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": str(tmp_path / "empty"),
    }
    monkeypatch.setitem(connections.settings, "replica", {**declared, "OPTIONS": {}})
    settings.DATABASE_ROUTERS = [PrimaryReplica()]
    yield
    connections["replica"].close()
    del connections["replica"]


def test_the_replica_would_be_noticed() -> None:
    with pytest.raises(DatabaseOperationForbidden):
        Tenant.objects.using("replica").exists()


def test_runs_letters_replays_and_ticks_read_what_was_written() -> None:
    transform_fails = [{**items(1)[0], "amount": "none"}]
    with registered(over([*items(3), *transform_fails])) as pipeline:
        run = carry(queued(pipeline))
        dead_letter = DeadLetter.objects.for_tenant(run.tenant).first()
        actions.abandon(OPERATOR, dead_letter, "test")
        scheduling.tick()

    assert run.connection.tenant == run.tenant
    assert [event.name for event in run.events.all()][-1] in ("succeeded", "partial")
    assert Run.objects.for_tenant(run.tenant).count() >= 1


def test_the_console_shows_what_was_written(client: Client) -> None:
    tenant = make_tenant("acme")
    client.force_login(staff("olga", tenant))
    with registered(over(items(2))) as pipeline:
        run = carry(queued(pipeline, tenant))

    pages = [
        reverse("admin:ingestion_run_changelist"),
        reverse("admin:ingestion_run_change", args=[run.pk]),
        reverse("admin:ingestion_connection_change", args=[run.connection_id]),
        reverse("admin:ingestion_deadletter_changelist"),
    ]
    assert [client.get(page).status_code for page in pages] == [200] * len(pages)


def test_canonical_rows_are_read_there_too_unless_a_database_is_named() -> None:
    tenant = make_tenant("acme")

    assert not Payment.objects.for_tenant(tenant).exists()
    with pytest.raises(DatabaseOperationForbidden):
        Payment.objects.for_tenant(tenant).using("replica").exists()
