"""What becomes of a run whose storage is away, full or slow: its letters and pages are never lost."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from django.core.files.base import File
from django.core.files.storage import InMemoryStorage
from django.db import connection
from django.test import override_settings

from ingestion import Transient, artifacts
from ingestion.dead_letters import writing
from ingestion.models import Run
from ingestion.testing import registered
from tests.app.oracle import Entry
from tests.ingestion.runs import carry, counts, dead_letters, due, item, new_tenant, over, queued, replayed

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.every_database]

LARGE = "x" * (writing._INLINE_BYTES + 1)
BAD = [item(1), item(2, amount="much", note=LARGE), item(3, amount="-1.00", note=LARGE), item(4, amount="-1.00")]
"""One good; a large one that is invalid, a large one and a small one that only the database refuses."""
OUT = EndpointConnectionError(endpoint_url="https://s3.example")
DENIED = ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "PutObject")


class Moody(InMemoryStorage):
    """Notes whether it was used inside a transaction, and fails as it is told."""

    failing: list[Exception | None] = []
    """What the next calls meet, in turn; None lets one pass."""
    inside: list[str] = []

    def _open(self, name: str, mode: Any = "rb") -> File[Any]:
        self._mood(f"open {name}")
        return super()._open(name, mode)  # type: ignore[misc,no-any-return]

    def _save(self, name: str, content: File[Any]) -> str:
        self._mood(f"save {name}")
        return super()._save(name, content)  # type: ignore[misc,no-any-return]

    def exists(self, name: str) -> bool:
        self._mood(f"exists {name}")
        return super().exists(name)

    def _mood(self, call: str) -> None:
        if connection.in_atomic_block:
            self.inside.append(call)
        fault = self.failing.pop(0) if self.failing else None
        if fault is not None:
            raise fault


@pytest.fixture(autouse=True)
def moody() -> Iterator[type[Moody]]:
    from django.conf import settings

    Moody.failing, Moody.inside = [], []
    backend = {"BACKEND": f"{Moody.__module__}.Moody"}
    with override_settings(STORAGES={**settings.STORAGES, "ingestion": backend}):
        yield Moody


def test_no_storage_is_touched_while_the_batch_holds_the_runs_row(moody: type[Moody]) -> None:
    tenant = new_tenant()
    with registered(over(BAD)) as pipeline:
        run = carry(queued(pipeline, tenant))

    assert moody.inside == []
    assert (run.state, counts(run)) == (Run.State.PARTIAL, (4, 1, 0, 3))
    assert [len(writing.payload(one)) > len(LARGE) for one in dead_letters(tenant)] == [True, True, False]
    assert [one.artifact is not None for one in dead_letters(tenant)] == [True, True, False]


def test_a_page_over_budget_keeps_its_large_letters_outside_the_transaction_too(moody: type[Moody]) -> None:
    from ingestion import ErrorBudget

    tenant = new_tenant()
    with registered(over(BAD, error_budget=ErrorBudget(ratio=0.1, at_least=1))) as pipeline:
        run = carry(queued(pipeline, tenant))

    assert moody.inside == []
    assert (run.state, run.error_class) == (Run.State.FAILED, "ErrorBudgetExceeded")
    assert len(dead_letters(tenant)) == 1


@pytest.mark.slow
@pytest.mark.parametrize("calls", range(6))
def test_a_storage_that_is_away_queues_the_run_again_and_loses_no_letter(moody: type[Moody], calls: int) -> None:
    """Whichever call fails: for the page, for the invalid record, for the one that only the database refused."""
    tenant = new_tenant()
    with registered(over(BAD)) as pipeline:
        run = queued(pipeline, tenant)
        moody.failing = [*([None] * calls), OUT]
        carry(run)
        waiting = (run.state, run.error_class, run.batches)
        due(run)
        carry(run)

    assert waiting == (Run.State.QUEUED, "Transient", 0)
    assert (run.state, counts(run)) == (Run.State.PARTIAL, (4, 1, 0, 3))
    assert all(one.times_seen == 1 for one in dead_letters(tenant))


def test_a_storage_that_refuses_us_fails_the_run_as_what_it_is(moody: type[Moody]) -> None:
    tenant = new_tenant()
    for error, name in ((DENIED, "ClientError"), (OSError(errno.ENOSPC, "No space left on device"), "OSError")):
        with registered(over(BAD)) as pipeline:
            moody.failing = [error]
            run = carry(queued(pipeline, tenant))

        assert (run.state, run.error_class, run.batches) == (Run.State.FAILED, name, 0)
    assert dead_letters(tenant) == []  # nothing was committed: the window is read again


def test_a_payload_that_cannot_be_fetched_now_is_not_called_damaged(moody: type[Moody]) -> None:
    tenant = new_tenant()
    with registered(over(BAD[1:2])) as pipeline:
        carry(queued(pipeline, tenant))
    mended = over([], transform=lambda value, ctx: Entry(external_id=value.id, amount=1))

    (dead_letter,) = dead_letters(tenant)
    moody.failing = [ConnectionResetError()]
    with pytest.raises(Transient):
        writing.payload(dead_letter)
    moody.failing = [OUT]
    waiting = replayed(tenant, mended)

    assert (waiting.state, waiting.error_class) == (Run.State.QUEUED, "Transient")
    assert waiting.read == 0


def test_an_upload_that_cannot_be_stored_says_so_and_makes_no_run(moody: type[Moody]) -> None:
    from ingestion import actions
    from tests.ingestion.runs import OPERATOR

    connected = actions.connect(OPERATOR, new_tenant(), "bank.statements")
    moody.failing = [OUT]

    with pytest.raises(Transient, match="cannot be reached"):
        actions.upload(OPERATOR, connected, "june.sta", b":20:")
    assert not Run.unscoped.filter(connection=connected).exists()
    assert artifacts.sweep(connected.tenant.ref) == 0
