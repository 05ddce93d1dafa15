"""Whatever is wrong with our own keys, a sender is told to come again, and nobody which endpoints exist."""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import RequestFactory

from ingestion.models import Connection, Delivery
from ingestion.testing import make_tenant, registered
from ingestion.webhooks import new_secret, receiver, sign, standard_webhooks
from integrations.push import Pushed
from tests.ingestion.received import connected
from tests.ingestion.runs import over
from tests.ingestion.vault.keeping import master_key, stored, under

pytestmark = [pytest.mark.every_database, pytest.mark.django_db(transaction=True)]
SECRETS = {"acme": new_secret(), "globex": new_secret()}
KEYS = {"old": master_key(), "new": master_key()}


@pytest.fixture
def connections() -> Iterator[dict[str, Connection]]:
    """One a tenant: the data key of acme is under the master key `old`, that of globex under `new`."""
    with registered(over([], source=Pushed(), integration="push")) as pipeline:
        tenants = {key: make_tenant(key) for key in SECRETS}
        for key, master in (("acme", "old"), ("globex", "new")):
            with under(**{master: KEYS[master]}):
                stored(tenants[key], "push", signing_secret=SECRETS[key])
        yield {key: connected(pipeline, tenant) for key, tenant in tenants.items()}


def answer(tenant: str, public_id: uuid.UUID, secret: str) -> tuple[int, bytes, str | None]:
    body, now = b'{"id": "rec_0001"}', int(time.time())
    headers: Any = {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(now),
        "webhook-signature": sign(secret, "msg_1", now, body),
    }
    request = RequestFactory().post("/", body, content_type="application/json", headers=headers)
    response = receiver(standard_webhooks)(request, tenant, public_id)
    return response.status_code, response.content, response.headers.get("Retry-After")


def refused(connections: dict[str, Connection]) -> list[tuple[int, bytes, str | None]]:
    """What is answered to wrong signatures of every tenant, and where there is no endpoint."""
    nowhere = [answer("acme", uuid.uuid4(), SECRETS["acme"]), answer("nobody", uuid.uuid4(), SECRETS["acme"])]
    return [*nowhere, *(answer(key, of.public_id, new_secret()) for key, of in connections.items())]


@pytest.mark.parametrize(
    ("old", "why"),
    [
        (None, "'old' is not in INGESTION"),
        ("env:NO_SUCH_VARIABLE", "the variable NO_SUCH_VARIABLE, which is not set"),
        ("file:/nowhere/master.key", "is read from /nowhere/master.key"),
        ("c2hvcnQ", "is not 32 bytes"),
        (master_key(), "another key of the id 'old'"),
    ],
)
def test_a_sender_comes_again_and_nothing_is_lost(
    connections: dict[str, Connection], caplog: pytest.LogCaptureFixture, old: str | None, why: str
) -> None:
    there = ("acme", connections["acme"].public_id, SECRETS["acme"])
    with under(new=KEYS["new"], **({"old": old} if old else {})), caplog.at_level(logging.ERROR, "ingestion"):
        answers = [answer(*there), *refused(connections)]
        of_globex = answer("globex", connections["globex"].public_id, SECRETS["globex"])

    assert answers == [(503, answers[0][1], "30")] * len(answers)
    assert of_globex[0] == 202  # whose own key is there
    assert why in caplog.text

    with under(**KEYS):
        assert answer(*there)[0] == 202
    assert sorted(row.tenant.key for row in Delivery.unscoped.select_related("tenant")) == ["acme", "globex"]


def test_with_every_key_a_wrong_signature_and_no_endpoint_are_answered_alike(
    connections: dict[str, Connection],
) -> None:
    with under(**KEYS):
        answers = refused(connections)

    assert answers == [(401, answers[0][1], None)] * len(answers)
