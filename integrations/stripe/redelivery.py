"""Delivers stored events again, to the connections that follow their objects by now."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from django.db import transaction
from django.db.models import Q, QuerySet

from ingestion.actions import Actor, connections_of
from ingestion.models import Connection, Delivery, Tenant
from ingestion.webhooks import credential_of
from integrations.stripe.client import connected_accounts, is_live_key
from integrations.stripe.connected_accounts import without_other_accounts
from integrations.stripe.distribution import (
    Followers,
    decide,
    deliver_event,
    followers_of,
    integration_of,
    stored_columns,
)
from integrations.stripe.events import StripeEvents
from integrations.stripe.models import StripeEvent

PERMISSION = "run_connection"
NAMED = 20
"""Events that `too_large` names at most."""


@dataclass(frozen=True, slots=True)
class _EventsEndpoint:
    """A connection that receives events, with the facts about them from its credential and the tenant's connections."""

    connection: Connection
    followers: Followers
    accounts: frozenset[str]
    """The accounts whose events are the tenant's; '' stands for its own account."""
    mode: bool | None
    """Whether the key is for live mode; None for keys that do not tell."""


def deliver_again(
    actor: Actor,
    tenant: Tenant,
    *,
    ids: Sequence[int] | None = None,
    account: str | None = None,
    reason: str = "",
    at_once: int = 100,
) -> Counter[str]:
    """Deliver the tenant's undelivered events again; return how many got which verdict. Delivered bodies are cleared.

    `ids` chooses some events, `account` those of one connected account. One transaction delivers `at_once` events and
    writes their entry in the audit trail. The call may be repeated: a connection loads an event once. An event that is
    larger than a delivery may be stays undelivered with a verdict that says so (`too_large` names such events); the
    others are delivered. Raises CredentialError before the first delivery when an endpoint of the events has none.
    """
    actor.require(PERMISSION, tenant)
    undelivered = StripeEvent.objects.for_tenant(tenant).exclude(body="")
    if ids is not None:
        undelivered = undelivered.filter(pk__in=ids)
    if account is not None:
        undelivered = undelivered.filter(account=account)
    verdicts: Counter[str] = Counter()
    for endpoint in _endpoints(tenant, undelivered):
        events_of_endpoint = undelivered.filter(run__connection=endpoint.connection)
        event_ids = list(events_of_endpoint.order_by("pk").values_list("pk", flat=True))
        for start in range(0, len(event_ids), at_once):
            with transaction.atomic():
                chunk = event_ids[start : start + at_once]
                events = undelivered.filter(pk__in=chunk).order_by("pk").select_for_update()
                counts = Counter(_deliver(event, endpoint) for event in events)
                details = {str(verdict): count for verdict, count in counts.items()}
                actor.audit(tenant, "deliver again", "Stripe events", reason, **details)
            verdicts += counts
    return verdicts


def too_large(tenant: Tenant, account: str | None = None) -> list[str]:
    """Stripe's ids of the events that are larger than a delivery may be, oldest first, at most `NAMED` of them."""
    events = StripeEvent.objects.for_tenant(tenant).filter(verdict=StripeEvent.Verdict.TOO_LARGE)
    if account is not None:
        events = events.filter(account=account)
    return list(events.order_by("pk").values_list("external_id", flat=True)[:NAMED])


def _endpoints(tenant: Tenant, events: QuerySet[StripeEvent]) -> list[_EventsEndpoint]:
    """The endpoints that received `events`.

    All their credentials are read before the first delivery, so that a missing one does not stop the work halfway.
    """
    receiving = set(events.order_by().values_list("run__connection", flat=True).distinct())
    endpoints = []
    for connection, pipeline in connections_of(tenant, lambda pipeline: isinstance(pipeline.source, StripeEvents)):
        if connection.pk in receiving:
            credential = credential_of(pipeline, connection)
            followers = followers_of(tenant, integration_of(connection, pipeline))
            own_accounts = frozenset({"", *connected_accounts(credential)})
            mode = is_live_key(credential.values.get("api_key", ""))
            endpoints.append(_EventsEndpoint(connection, followers, own_accounts, mode))
    return endpoints


def _deliver(event: StripeEvent, endpoint: _EventsEndpoint) -> str:
    """Deliver the event and store its new verdict, which is returned."""
    head = {
        "type": event.type,
        "account": event.account,
        "livemode": event.livemode,
        "may_read": event.account in endpoint.accounts,
        "expected_mode": endpoint.mode,
    }
    verdict, receivers = decide(head, endpoint.followers)
    verdict = deliver_event(event.external_id, event.body.encode(), verdict, receivers)
    if verdict == StripeEvent.Verdict.OTHER_ACCOUNT:
        _reduce_deliveries(event, endpoint)
    columns = stored_columns(verdict, object_id=event.object_id, body=event.body)
    StripeEvent.objects.for_tenant(event.tenant_id).filter(pk=event.pk).update(**columns)
    return verdict


def _reduce_deliveries(event: StripeEvent, endpoint: _EventsEndpoint) -> None:
    """Reduce the deliveries of the event to what would be stored of them if they arrived now."""
    deliveries = Delivery.objects.for_tenant(event.tenant_id).filter(
        Q(delivery_id=event.external_id) | Q(delivery_id__startswith=f"{event.external_id}~"),
        connection=endpoint.connection,
    )
    for delivery in deliveries:
        body = without_other_accounts(bytes(delivery.body), lambda: endpoint.accounts)
        Delivery.objects.for_tenant(event.tenant_id).filter(pk=delivery.pk).update(
            body=body, sha256=hashlib.sha256(body).hexdigest(), size=len(body)
        )
