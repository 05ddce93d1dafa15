"""The endpoint with secrets that need no vault."""

from __future__ import annotations

from django.urls import path

from ingestion.webhooks import receiver
from integrations.stripe.connected_accounts import without_other_accounts
from integrations.stripe.signature import verified_event_id
from integrations.stripe.urls import is_for_events

SECRETS = {"acme": "whsec_of_acme", "globex": "whsec_of_globex"}

urlpatterns = [
    path(
        "stripe/<slug:tenant>/<uuid:connection>/",
        receiver(
            verified_event_id,
            accepts=is_for_events,
            secrets=lambda _, connection: [SECRETS[connection.tenant.key]],
            keeps=lambda _, __, body: without_other_accounts(body, lambda: ["acct_1", "acct_2"]),
        ),
    ),
]
