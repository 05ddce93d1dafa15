"""Kept events, delivered again: to the connections that follow their objects by now."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from django.db import transaction

from ingestion.actions import Actor, connections_of, deliver
from ingestion.models import Connection, Tenant
from ingestion.webhooks import credential_of
from integrations.stripe.client import accounts, live
from integrations.stripe.distribution import Followers, followers_of, integration_of, judged
from integrations.stripe.events import StripeEvents
from integrations.stripe.models import StripeEvent

PERMISSION = "run_connection"


def deliver_again(
    actor: Actor, tenant: Tenant, *, ids: Sequence[int] | None = None, account: str | None = None, reason: str = ""
) -> Counter[str]:
    """How many of the tenant's kept events got which verdict now; those that are delivered are kept no longer.

    `ids` chooses some, `account` those of one connected account. Safe to repeat: a connection takes an event in once.
    """
    actor.require(PERMISSION, tenant)
    kept = StripeEvent.objects.for_tenant(tenant).exclude(body="")
    if ids is not None:
        kept = kept.filter(pk__in=ids)
    if account is not None:
        kept = kept.filter(account=account)
    endpoints = dict(connections_of(tenant, lambda pipeline: isinstance(pipeline.source, StripeEvents)))
    verdicts: Counter[str] = Counter()
    for endpoint, pipeline in endpoints.items():
        credential = credential_of(pipeline, endpoint)
        followers = followers_of(tenant, integration_of(endpoint, pipeline))
        mine = frozenset({"", *accounts(credential)})
        mode = live(credential.values.get("api_key", ""))
        for event in kept.filter(run__connection=endpoint).order_by("pk").iterator():
            verdicts[_delivered(event, followers, {"may_read": event.account in mine, "expected_mode": mode})] += 1
    with transaction.atomic():
        actor.audit(tenant, "deliver again", "Stripe events", reason, **{str(key): n for key, n in verdicts.items()})
    return verdicts


def _delivered(event: StripeEvent, followers: Followers, may: dict[str, Any]) -> str:
    """Its verdict now. Delivery and verdict are stored together."""
    head = {"type": event.type, "account": event.account, "livemode": event.livemode, **may}
    verdict, takers = judged(head, followers)
    with transaction.atomic():
        for connection in takers:
            _deliver(connection, event)
        body = "" if takers else event.body
        StripeEvent.objects.for_tenant(event.tenant_id).filter(pk=event.pk).update(verdict=verdict, body=body)
    return verdict


def _deliver(connection: Connection, event: StripeEvent) -> None:
    deliver(connection, event.external_id, event.body.encode(), content_type="application/json")
