"""Passes events on to the connections that follow their objects, in the transaction that stores the event."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from ingestion import Context, Loaded, PayloadTooLarge, Pipeline, Ready, Stored, TenantRef, Upsert
from ingestion.actions import connections_of, deliver
from ingestion.models import Connection, Tenant
from integrations.stripe.models import StripeEvent
from integrations.stripe.source import Stripe

_ROWS = Upsert(StripeEvent, key=["external_id"])
_VERDICT = StripeEvent.Verdict
Followers = Sequence[tuple[Connection, Pipeline]]
"""Connections that follow objects of Stripe, with their pipelines."""


@dataclass(frozen=True, slots=True)
class Distribution:
    """Stores each event and delivers it unchanged to the tenant's connections of the same integration and account."""

    def stored(self, ctx: Context, keys: Sequence[str]) -> Mapping[str, Stored]:
        return _ROWS.stored(ctx, keys)

    def empty(self, ctx: Context) -> bool:
        return _ROWS.empty(ctx)

    def key_of(self, row: Any) -> str:
        return str(row["external_id"])

    def version_of(self, row: Any) -> Any:
        return None

    def load(self, ctx: Context, rows: Sequence[Ready]) -> Loaded:
        if not rows:
            return Loaded(rows)
        followers = followers_of(ctx.tenant, ctx.integration)
        return _ROWS.load(ctx, [self._deliver(event, followers) for event in rows])

    def _deliver(self, event: Ready, followers: Followers) -> Ready:
        """Deliver the event to the connections that take it; return its row with the verdict."""
        verdict, receivers = decide(event.row, followers)
        verdict = deliver_event(event.row["external_id"], event.record.body, verdict, receivers)
        row = {name: value for name, value in event.row.items() if name not in ("expected_mode", "may_read")}
        body = event.record.body.decode("utf-8", "replace")
        return event._replace(row={**row, **stored_columns(verdict, object_id=row["object_id"], body=body)})

    def total(self, ctx: Context, column: str, keys: Sequence[str]) -> Decimal:
        return _ROWS.total(ctx, column, keys)

    def problems(self) -> list[str]:
        return _ROWS.problems()


def followers_of(tenant: Tenant | TenantRef, integration: str) -> Followers:
    """The tenant's connections that follow objects with the credential for `integration`."""
    return [
        (connection, pipeline)
        for connection, pipeline in connections_of(tenant, lambda pipeline: isinstance(pipeline.source, Stripe))
        if integration_of(connection, pipeline) == integration
    ]


def decide(event: Mapping[str, Any], followers: Followers) -> tuple[str, list[Connection]]:
    """The verdict on the event with that head, and the connections to which it is delivered."""
    if not event["may_read"]:
        return _VERDICT.OTHER_ACCOUNT, []
    if event["expected_mode"] not in (None, event["livemode"]):
        return _VERDICT.OTHER_MODE, []
    readers = [
        (connection, pipeline)
        for connection, pipeline in followers
        if str(connection.config.get("account") or "") == event["account"]
    ]
    if event["account"] and not readers:
        return _VERDICT.NO_READER, []
    receivers = [connection for connection, pipeline in readers if _follows(pipeline, event["type"])]
    return (_VERDICT.DELIVERED if receivers else _VERDICT.UNKNOWN), receivers


def deliver_event(event_id: str, body: bytes, verdict: str, receivers: Sequence[Connection]) -> str:
    """Deliver the event to the receivers; return its `verdict`, or that it is too large to be delivered."""
    try:
        for connection in receivers:
            deliver(connection, event_id, body, content_type="application/json")
    except PayloadTooLarge:  # raised for the first receiver, before a delivery is stored: all have the same limit
        return _VERDICT.TOO_LARGE
    return verdict


def stored_columns(verdict: str, *, object_id: str, body: str) -> dict[str, str]:
    """The columns `verdict`, `object_id` and `body` of an event with that verdict.

    A platform receives events of all its customers' accounts: the content of another party's event is not stored for
    this tenant's staff. The body of a delivered event is stored with the deliveries of its receivers.
    """
    if verdict == _VERDICT.OTHER_ACCOUNT:
        return {"verdict": verdict, "object_id": "", "body": ""}
    return {"verdict": verdict, "object_id": object_id, "body": "" if verdict == _VERDICT.DELIVERED else body}


def _follows(pipeline: Pipeline, event_type: str) -> bool:
    return isinstance(pipeline.source, Stripe) and pipeline.source.kind.concerns(event_type.removeprefix("v1."))


def integration_of(connection: Connection, pipeline: Pipeline) -> str:
    return str(connection.config.get("integration") or pipeline.integration)
