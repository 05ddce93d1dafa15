"""The Python of every page is run, page by page, not only compiled; what settings it shows are taken."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from django.contrib import admin

from config.paths import PROJECT
from ingestion.conf import Settings
from ingestion.core import meters
from ingestion.models import Tenant
from ingestion.testing import make_tenant, own_storage, registered, run_pipeline
from tests.app.models import Payment
from tests.app.pipelines import payments
from tests.docs.executed import Project
from tests.docs.test_docs import PAGES, blocks, name

ELSEWHERE = {
    "README.md",  # tests/examples, in an environment of its own
    "docs/how-to/write-a-pipeline.md",
    "docs/how-to/write-a-source.md",
    "docs/how-to/write-a-destination.md",
    "docs/how-to/write-an-integration.md",
    "docs/reference/in-your-project.md",
}
"""Pages that a test of their own runs."""
FRAGMENTS = {
    ("docs/how-to/load-a-rest-api.md", 2): "test_write_a_pipeline.py runs it, over the table of its page",
    ("docs/how-to/drift.md", 0): "dots stand for the rest",
    ("docs/how-to/reconcile.md", 0): "of a longer pipeline, over a table that is not shown",
}
"""What is compiled and no more, and why."""
RUN = [page for page in PAGES if blocks(page, "python") and name(page) not in ELSEWHERE]


@pytest.fixture
def shown(project: Project) -> Iterator[dict[str, Any]]:
    """What a page takes for there."""
    from integrations.bank.models import BankTransaction

    bookshop = ModuleType("bookshop.models")
    vars(bookshop).update(Payment=Payment, Order=Payment)
    project.put("bookshop.models", bookshop)
    project.put("shown", ModuleType("shown"))
    settings = {"INSTALLED_APPS": [], "MIDDLEWARE": []}
    tenant = make_tenant("acme")
    things = {"tenant": tenant, "request": SimpleNamespace(user=None), "BankTransaction": BankTransaction}
    before = meters.registered()
    with own_storage():
        yield {"__name__": "shown", "data": b"Date,Description,Amount\n", **settings, **things}
    for meter in meters.registered():
        if meter not in before:
            meters.unregister(meter.name)
    if admin.site.is_registered(Payment):
        admin.site.unregister(Payment)


@contextmanager
def a_dead_letter(tenant: Tenant) -> Iterator[None]:
    """One of the pipeline that the page on replays names."""
    with registered(replace(payments, name="bookshop.charges")) as charges:
        run_pipeline(charges, tenant, records=[{"id": "broken"}])
        yield


@pytest.mark.django_db
@pytest.mark.parametrize("page", RUN, ids=name)
def test_python_runs(page: Path, shown: dict[str, Any]) -> None:
    with a_dead_letter(shown["tenant"]) if page.name == "replay-dead-letters.md" else nullcontext():
        for number, code in enumerate(blocks(page, "python")):
            if (name(page), number) in FRAGMENTS:
                continue
            shown.pop("INGESTION", None)
            exec(compile(code, f"{name(page)}, block {number}", "exec", dont_inherit=True), shown)
            Settings.model_validate(shown.get("INGESTION", {}))


def test_every_fragment_is_there() -> None:
    missing = [
        place for place in FRAGMENTS if place[1] >= len(blocks(PROJECT / place[0], "python")) or place[0] in ELSEWHERE
    ]

    assert missing == []
