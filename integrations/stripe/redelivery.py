"""Kept events, delivered again: to the connections that follow their objects by now."""

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
from integrations.stripe.client import accounts, live
from integrations.stripe.connected_accounts import without_strangers
from integrations.stripe.distribution import Followers, delivered, followers_of, integration_of, judged, kept_of
from integrations.stripe.events import StripeEvents
from integrations.stripe.models import StripeEvent

PERMISSION = "run_connection"
NAMED = 20


@dataclass(frozen=True, slots=True)
class _Endpoint:
    """A connection that takes events in, and what its credential and the tenant's connections say of them now."""

    connection: Connection
    followers: Followers
    accounts: frozenset[str]
    """Whose events are the tenant's; '' for its own."""
    mode: bool | None


def deliver_again(
    actor: Actor,
    tenant: Tenant,
    *,
    ids: Sequence[int] | None = None,
    account: str | None = None,
    reason: str = "",
    at_once: int = 100,
) -> Counter[str]:
    """How many of the tenant's kept events got which verdict now; those that are delivered are kept no longer.

    `ids` chooses some, `account` those of one connected account; `at_once` are stored in one transaction, together
    with their entry in the audit trail. Safe to repeat: a connection takes an event in once. One that is larger than a
    delivery may be by now stays kept under a verdict that says so (`too_large` names them), and the others go on.
    Raises CredentialError before anything is delivered, when an endpoint of such events has none.
    """
    actor.require(PERMISSION, tenant)
    kept = StripeEvent.objects.for_tenant(tenant).exclude(body="")
    if ids is not None:
        kept = kept.filter(pk__in=ids)
    if account is not None:
        kept = kept.filter(account=account)
    verdicts: Counter[str] = Counter()
    for endpoint in _endpoints(tenant, kept):
        chosen = list(kept.filter(run__connection=endpoint.connection).order_by("pk").values_list("pk", flat=True))
        for start in range(0, len(chosen), at_once):
            with transaction.atomic():
                events = kept.filter(pk__in=chosen[start : start + at_once]).order_by("pk").select_for_update()
                told = Counter(_delivered(event, endpoint) for event in events)
                actor.audit(
                    tenant, "deliver again", "Stripe events", reason, **{str(key): n for key, n in told.items()}
                )
            verdicts += told
    return verdicts


def too_large(tenant: Tenant, account: str | None = None) -> list[str]:
    """Stripe's ids of the kept events that are larger than a delivery may be, oldest first, at most `NAMED`."""
    events = StripeEvent.objects.for_tenant(tenant).filter(verdict=StripeEvent.Verdict.TOO_LARGE)
    if account is not None:
        events = events.filter(account=account)
    return list(events.order_by("pk").values_list("external_id", flat=True)[:NAMED])


def _endpoints(tenant: Tenant, kept: QuerySet[StripeEvent]) -> list[_Endpoint]:
    """Those that brought `kept` events, with all their credentials read: one that is missing stops nothing halfway."""
    senders = set(kept.order_by().values_list("run__connection", flat=True).distinct())
    endpoints = []
    for connection, pipeline in connections_of(tenant, lambda pipeline: isinstance(pipeline.source, StripeEvents)):
        if connection.pk in senders:
            credential = credential_of(pipeline, connection)
            followers = followers_of(tenant, integration_of(connection, pipeline))
            own = frozenset({"", *accounts(credential)})
            endpoints.append(_Endpoint(connection, followers, own, live(credential.values.get("api_key", ""))))
    return endpoints


def _delivered(event: StripeEvent, endpoint: _Endpoint) -> str:
    """Its verdict now."""
    head = {
        "type": event.type,
        "account": event.account,
        "livemode": event.livemode,
        "may_read": event.account in endpoint.accounts,
        "expected_mode": endpoint.mode,
    }
    verdict, takers = judged(head, endpoint.followers)
    verdict = delivered(event.external_id, event.body.encode(), verdict, takers)
    if verdict == StripeEvent.Verdict.OTHER_ACCOUNT:
        _cut_down(event, endpoint)
    columns = kept_of(verdict, object_id=event.object_id, body=event.body)
    StripeEvent.objects.for_tenant(event.tenant_id).filter(pk=event.pk).update(**columns)
    return verdict


def _cut_down(event: StripeEvent, endpoint: _Endpoint) -> None:
    """The deliveries that brought the event, to what would be stored of them if they came now."""
    brought = Delivery.objects.for_tenant(event.tenant_id).filter(
        Q(delivery_id=event.external_id) | Q(delivery_id__startswith=f"{event.external_id}~"),
        connection=endpoint.connection,
    )
    for delivery in brought:
        body = without_strangers(bytes(delivery.body), lambda: endpoint.accounts)
        Delivery.objects.for_tenant(event.tenant_id).filter(pk=delivery.pk).update(
            body=body, sha256=hashlib.sha256(body).hexdigest(), size=len(body)
        )
