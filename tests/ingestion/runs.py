"""Builders and questions for the engine's tests: a pipeline over given records, a queued run, what it left behind."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django.test import override_settings

from ingestion import Pipeline, actions, running
from ingestion.database.clock import db_now_plus
from ingestion.models import Connection, DeadLetter, Event, Run, Tenant, Watermark
from ingestion.running import Hooks
from ingestion.testing import Records, make_tenant, registered
from tests.app.oracle import Effect, Entry, oracle

OPERATOR = actions.Actor()
_numbers = itertools.count(1)


def item(number: int, **values: Any) -> dict[str, Any]:
    return {"id": f"rec_{number:04}", "amount": f"{number}.00", **values}


def items(count: int, **values: Any) -> list[dict[str, Any]]:
    return [item(number, **values) for number in range(1, count + 1)]


def over(records: Sequence[Mapping[str, Any]], *, page: int = 100, **changes: Any) -> Pipeline:
    """The oracle's pipeline over `records`; further `changes` are the pipeline's fields."""
    values = {"source": Records(records, page_size=page), "reconciliations": (), **changes}
    return dataclasses.replace(oracle, **values)


def new_tenant(**values: Any) -> Tenant:
    """A tenant that no other test or iteration has."""
    return make_tenant(f"tenant{next(_numbers)}", **values)


def queued(pipeline: Pipeline, tenant: Tenant | None = None) -> Run:
    """A queued run; `pipeline` must be registered."""
    connection = actions.connect(OPERATOR, tenant or new_tenant(), pipeline.name)
    return actions.run_now(OPERATOR, connection, wake=False)


def carry(run: Run, hooks: Hooks | None = None) -> Run:
    """Execute `run` in this process; the run as it stands then."""
    running.execute(run.pk, hooks or Hooks(sleep=lambda seconds: None))
    run.refresh_from_db()
    return run


def load(pipeline: Pipeline, tenant: Tenant | None = None, hooks: Hooks | None = None) -> Run:
    """One run of `pipeline` from queue to end."""
    with registered(pipeline):
        return carry(queued(pipeline, tenant), hooks)


def expire(run: Run) -> None:
    """As if the lease of `run` had run out."""
    Run.unscoped.filter(pk=run.pk, state=Run.State.RUNNING).update(lease_until=db_now_plus(-1))


def due(run: Run) -> None:
    """As if the wait before the next attempt of `run` were over."""
    Run.unscoped.filter(pk=run.pk).update(not_before=None)


def finish(run: Run, claims: int = 20) -> Run:
    """Claim and execute `run` again and again, as other workers would, until it has ended."""
    for _ in range(claims):
        expire(run)
        due(run)
        carry(run)
        if run.state in Run.TERMINAL:
            return run
    raise AssertionError(f"{run} is still {run.state} after {claims} claims: {run.error_message}")


def replayed(tenant: Tenant, pipeline: Pipeline, **options: Any) -> Run:
    """Replay the tenant's open letters and execute the one run that comes of it."""
    with registered(pipeline):
        (run,) = actions.replay(OPERATOR, actions.Selection(tenant, pipeline.name), wake=False, **options)
        return carry(run)


def rows(tenant: Tenant) -> dict[str, str]:
    """What is loaded: external id to amount."""
    found = Entry.objects.for_tenant(tenant).values_list("external_id", "amount")
    return {key: str(amount) for key, amount in found}


def dead_letters(tenant: Tenant) -> list[DeadLetter]:
    return list(DeadLetter.objects.for_tenant(tenant).order_by("pk"))


def events(run: Run) -> list[str]:
    return list(Event.objects.for_tenant(run.tenant_id).filter(run=run).values_list("name", flat=True))


def counts(run: Run) -> tuple[int, int, int, int]:
    return run.read, run.ok, run.skipped, run.dead


def watermarks(connection: Connection) -> list[Any]:
    return list(Watermark.unscoped.filter(connection=connection).order_by("pk").values_list("value", flat=True))


def effects(run: Run) -> list[str]:
    return sorted(Effect.objects.filter(run=run.pk).values_list("key", flat=True))


def body(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value).encode()


@contextlib.contextmanager
def configured(**values: Any) -> Iterator[None]:
    """INGESTION with `values` over what the tests' settings say."""
    from django.conf import settings

    with override_settings(INGESTION={**getattr(settings, "INGESTION", {}), **values}):
        yield
