"""What an endpoint keeps of a delivery that it has proved."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import RequestFactory

from ingestion import ConfigurationError, CredentialError, Pipeline
from ingestion.models import Connection, Delivery
from ingestion.testing import make_tenant, registered
from ingestion.webhooks import new_secret, receiver, sign, standard_webhooks
from ingestion.webhooks.receiver import Keeps
from integrations.push import Pushed
from tests.ingestion.received import connected
from tests.ingestion.runs import over

pytestmark = pytest.mark.django_db(transaction=True)
SECRET = new_secret()


@pytest.fixture
def mine() -> Iterator[Connection]:
    with registered(over([], source=Pushed())) as pipeline:
        yield connected(pipeline, make_tenant("acme"))


def delivered(to: Connection, keeps: Keeps) -> HttpResponse:
    body, now = b'{"id": "rec_0001"}', int(time.time())
    headers: Any = {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(now),
        "webhook-signature": sign(SECRET, "msg_1", now, body),
    }
    view = receiver(
        standard_webhooks, accepts=lambda pipeline: True, secrets=lambda pipeline, connection: [SECRET], keeps=keeps
    )
    request = RequestFactory().post("/", body, content_type="application/json", headers=headers)
    return view(request, to.tenant.key, to.public_id)


def test_what_is_kept_of_a_body_is_the_project_s_to_say(mine: Connection) -> None:
    answer = delivered(mine, lambda pipeline, connection, body: body[:5])

    assert answer.status_code == 202
    assert bytes(Delivery.unscoped.get().body) == b'{"id"'


@pytest.mark.parametrize("error", [CredentialError("It was deleted."), ConfigurationError("It is gone.")])
def test_a_credential_that_goes_after_the_proof_lets_the_sender_come_again(mine: Connection, error: Exception) -> None:
    def keeps(pipeline: Pipeline, connection: Connection, body: bytes) -> bytes:
        raise error

    answer = delivered(mine, keeps)

    assert (answer.status_code, answer["Retry-After"]) == (503, "30")
    assert not Delivery.unscoped.exists()


def test_an_endpoint_keeps_nothing_for_a_source_that_takes_no_deliveries_whatever_it_accepts() -> None:
    with registered(over([])) as pipeline:
        answer = delivered(connected(pipeline, make_tenant("acme")), lambda pipeline, connection, body: body)

    assert answer.status_code == 401
    assert not Delivery.unscoped.exists()
