"""The webhook endpoint: `path("stripe/", include("integrations.stripe.urls"))` in your URLconf.

Its address names the tenant and the public id of its connection to `stripe.events`.
"""

from __future__ import annotations

from collections.abc import Sequence

from django.urls import path

from ingestion import Pipeline
from ingestion.models import Connection
from ingestion.webhooks import credential_of, receiver
from integrations.stripe.client import connected_accounts
from integrations.stripe.connected_accounts import without_other_accounts
from integrations.stripe.events import StripeEvents
from integrations.stripe.signature import secrets_in, verified_event_id

app_name = "stripe"


def is_for_events(pipeline: Pipeline) -> bool:
    return isinstance(pipeline.source, StripeEvents)


def signing_secrets(pipeline: Pipeline, connection: Connection) -> Sequence[str]:
    return secrets_in(credential_of(pipeline, connection))


def stored_body(pipeline: Pipeline, connection: Connection, body: bytes) -> bytes:
    return without_other_accounts(body, lambda: connected_accounts(credential_of(pipeline, connection)))


urlpatterns = [
    path(
        "<slug:tenant>/<uuid:connection>/",
        receiver(verified_event_id, accepts=is_for_events, secrets=signing_secrets, keeps=stored_body),
        name="receive",
    ),
]
