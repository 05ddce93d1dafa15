"""Every real statement file through the whole engine: loaded, or refused by a named class; never our bug, never lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingestion.actions import Actor, connect, upload
from ingestion.core import errors
from ingestion.core.errors import FileRefused
from ingestion.models import Run, Tenant
from ingestion.running import execute
from tests.corpora import files

pytestmark = pytest.mark.slow

FILES = [path for area in ("bank/ofx", "bank/mt940", "bank/camt", "bank/csv") for path in files(area)]


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(not FILES, reason="the corpora are not here")
def test_every_corpus_file_loads_or_is_refused_with_a_named_class() -> None:
    tenant = Tenant.objects.create(key="acme", name="Acme")
    connection = connect(Actor(), tenant, "bank.statements")

    for path in FILES:
        outcome = _load(connection, path)

        assert outcome is None or isinstance(getattr(errors, outcome), type), f"{path.name}: {outcome}"
    for run in Run.objects.for_tenant(tenant):
        assert run.state in Run.TERMINAL
        assert run.traceback == "", run.traceback
        assert run.read == run.ok + run.skipped + run.dead


def _load(connection: object, path: Path) -> str | None:
    """The error class the file was refused with, None when it loaded."""
    settings = {"account": "from the test", "currency": "EUR"}
    try:
        received = upload(Actor(), connection, path.name, path.read_bytes(), config=settings)  # type: ignore[arg-type]
    except FileRefused as refusal:
        return type(refusal).__name__
    execute(received.run.pk)
    run = Run.unscoped.get(pk=received.run.pk)
    return run.error_class or None
