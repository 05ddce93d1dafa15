"""Connections that follow an account through the whole engine, at the account's own time."""

from __future__ import annotations

import contextlib
import dataclasses
import random
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from ingestion import Pipeline, actions
from ingestion.core.windows import next_window
from ingestion.models import Connection, Run, Tenant, Watermark
from ingestion.running import Hooks
from ingestion.testing import make_tenant, registered
from integrations.stripe import pipelines
from tests.ingestion.runs import OPERATOR, carry, due, expire
from tests.integrations.stripe.account import Account, body_of

POINTS = (
    "claimed", "extracted", "prepared", "artifact kept", "advanced", "loaded", "before commit", "committed", "exhausted",
    "verified", "before close", "closed",
)  # fmt: skip
READY: dict[str, Pipeline] = {name: value for name, value in vars(pipelines).items() if isinstance(value, Pipeline)}


class Killed(BaseException):
    """Ends an attempt as a kill would: nothing of ours catches it."""


@dataclasses.dataclass
class Follower:
    """One connection of a ready pipeline on `account`."""

    account: Account
    connection: Connection
    dice: random.Random | None = None
    """Kills one of its attempts now and then, anywhere."""
    killed: int = 0

    @property
    def model(self) -> Any:
        return READY[self.connection.pipeline.removeprefix("stripe.")].destination.model  # type: ignore[attr-defined]

    def run(self) -> Run:
        """One run, made and executed now."""
        return self.finish(self.make())

    def make(self) -> Run:
        """A run over the connection's next window, queued now."""
        run = actions.run_now(OPERATOR, self.connection, wake=False)
        now = datetime.fromtimestamp(self.account.now, UTC)
        known = (
            Watermark.unscoped.filter(connection=self.connection)
            .order_by("-pk")
            .values_list("value", flat=True)
            .first()
        )
        window = next_window(known, now, pipelines.LAG)
        Run.unscoped.filter(pk=run.pk).update(created_at=now, window_start=window.start, window_end=window.end)
        return run

    def told(self, *events: dict[str, Any]) -> Run | None:
        """Webhooks, stored and taken in."""
        for event in events:
            actions.deliver(self.connection, event["id"], body_of(event), wake=False)
        run = Run.unscoped.filter(connection=self.connection, kind=Run.Kind.WEBHOOK, state=Run.State.QUEUED).first()
        if run is None:
            return None
        Run.unscoped.filter(pk=run.pk).update(created_at=datetime.fromtimestamp(self.account.now, UTC))
        return self.finish(run)

    def finish(self, run: Run) -> Run:
        for _ in range(30):
            expire(run)
            due(run)
            with contextlib.suppress(Killed):
                carry(run, self._seams())
            run.refresh_from_db()
            if run.state in Run.TERMINAL:
                assert run.state == Run.State.SUCCEEDED, (run.state, run.error_class, run.error_message)
                return run
        raise AssertionError(f"{run} is still {run.state}: {run.error_message}")

    def _seams(self) -> Hooks:
        dice = self.dice

        def at(point: str) -> None:
            assert point in POINTS
            if dice is not None and dice.random() < 0.04:
                self.killed += 1
                raise Killed(point)

        return Hooks(at=at, sleep=lambda seconds: None)

    def rows(self) -> dict[str, tuple[str, bool]]:
        """What is loaded: id to version, and whether it is deleted."""
        found = self.model.objects.for_tenant(self.connection.tenant).values_list(
            "external_id", "metadata", "deleted_at"
        )
        return {key: (metadata["v"], deleted is not None) for key, metadata, deleted in found}

    def alive(self) -> dict[str, str]:
        return {key: version for key, (version, deleted) in self.rows().items() if not deleted}


@contextlib.contextmanager
def following(
    account: Account, kind: str, tenant: Tenant | None = None, name: str = "", **hooks: Any
) -> Iterator[Follower]:
    """A new connection of the ready pipeline for `kind`, reading `account` at its own time."""
    ready = READY[kind]
    source = dataclasses.replace(ready.source, open=account.open, clock=lambda: float(account.now))  # type: ignore[type-var]
    with registered(dataclasses.replace(ready, source=source)):
        connection = actions.connect(OPERATOR, tenant or make_tenant(), ready.name, name)
        yield Follower(account, connection, **hooks)


def truth(account: Account, kind: str) -> dict[str, str]:
    from integrations.stripe import KINDS

    what, parts = KINDS[kind].object, KINDS[kind].parts
    wholes = [one for one in account.objects.values() if one["object"] == what]
    mine = [part for one in wholes for part in one.get(parts, [])] if parts else wholes
    return {one["id"]: one["metadata"]["v"] for one in mine}
