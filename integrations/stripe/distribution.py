"""Events on to the connections that follow their objects, in the transaction that keeps the event."""

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


@dataclass(frozen=True, slots=True)
class Distribution:
    """Keeps each event and delivers it, as it came, to the tenant's connections of the same integration and account."""

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
        return _ROWS.load(ctx, [self._settled(one, followers) for one in rows])

    def _settled(self, one: Ready, followers: Followers) -> Ready:
        """The event with its verdict, delivered where that says so."""
        verdict, takers = judged(one.row, followers)
        verdict = delivered(one.row["external_id"], one.record.body, verdict, takers)
        row = {name: value for name, value in one.row.items() if name not in ("expected_mode", "may_read")}
        body = one.record.body.decode("utf-8", "replace")
        return one._replace(row={**row, **kept_of(verdict, object_id=row["object_id"], body=body)})

    def total(self, ctx: Context, column: str, keys: Sequence[str]) -> Decimal:
        return _ROWS.total(ctx, column, keys)

    def problems(self) -> list[str]:
        return _ROWS.problems()


def followers_of(tenant: Tenant | TenantRef, integration: str) -> Followers:
    """The tenant's connections that follow objects with the credential for `integration`."""
    return [
        (connection, pipeline)
        for connection, pipeline in connections_of(tenant, lambda one: isinstance(one.source, Stripe))
        if integration_of(connection, pipeline) == integration
    ]


def judged(event: Mapping[str, Any], followers: Followers) -> tuple[str, list[Connection]]:
    """What becomes of the event with that head, and who takes it."""
    if not event["may_read"]:
        return _VERDICT.OTHER_ACCOUNT, []
    if event["expected_mode"] not in (None, event["livemode"]):
        return _VERDICT.OTHER_MODE, []
    readers = [
        (one, pipeline) for one, pipeline in followers if str(one.config.get("account") or "") == event["account"]
    ]
    if event["account"] and not readers:
        return _VERDICT.NO_READER, []
    takers = [one for one, pipeline in readers if _follows(pipeline, event["type"])]
    return (_VERDICT.DELIVERED if takers else _VERDICT.UNKNOWN), takers


def delivered(event_id: str, body: bytes, verdict: str, takers: Sequence[Connection]) -> str:
    """Pass the event on to those who take it; its `verdict`, or that it is too large to be passed on to anybody."""
    try:
        for connection in takers:
            deliver(connection, event_id, body, content_type="application/json")
    except PayloadTooLarge:  # before anything of it was stored: the limit is the same for all
        return _VERDICT.TOO_LARGE
    return verdict


def kept_of(verdict: str, *, object_id: str, body: str) -> dict[str, str]:
    """What is stored of an event with that verdict, beside its head: the columns `verdict`, `object_id` and `body`.

    A platform hears of all its customers' accounts: what is none of this tenant's is not kept for its staff. Those who
    took an event have its body as a delivery of their own.
    """
    if verdict == _VERDICT.OTHER_ACCOUNT:
        return {"verdict": verdict, "object_id": "", "body": ""}
    return {"verdict": verdict, "object_id": object_id, "body": "" if verdict == _VERDICT.DELIVERED else body}


def _follows(pipeline: Pipeline, event_type: str) -> bool:
    return isinstance(pipeline.source, Stripe) and pipeline.source.kind.concerns(event_type.removeprefix("v1."))


def integration_of(connection: Connection, pipeline: Pipeline) -> str:
    return str(connection.config.get("integration") or pipeline.integration)
