"""The Python of every page is run, page by page, not only compiled; what settings it shows are taken."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from django.contrib import admin

from config.paths import PROJECT
from ingestion.conf import Settings
from ingestion.core import meters
from ingestion.testing import make_tenant
from tests.app.models import Payment
from tests.docs.executed import Project
from tests.docs.test_docs import PAGES, blocks, name

ELSEWHERE = {
    "README.md",  # tests/examples, in an environment of its own
    "docs/how-to/write-a-source.md",
    "docs/how-to/write-a-destination.md",
    "docs/how-to/write-an-integration.md",
    "docs/reference/in-your-project.md",
}
"""Pages that a test of their own runs."""
FRAGMENTS = {
    ("docs/how-to/drift.md", 0): "dots stand for the rest",
    ("docs/how-to/load-bank-statements.md", 1): "wants an uploaded file",
    ("docs/how-to/reconcile.md", 0): "of a longer pipeline",
    ("docs/how-to/replay-dead-letters.md", 0): "wants a dead letter",
    ("docs/how-to/write-a-pipeline.md", 0): "declares a table, which would need a migration",
    ("docs/how-to/write-a-pipeline.md", 1): "uses that table",
    ("docs/how-to/write-a-pipeline.md", 2): "uses that table",
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
    things = {"tenant": make_tenant("acme"), "request": SimpleNamespace(user=None), "BankTransaction": BankTransaction}
    before = meters.registered()
    yield {"__name__": "shown", **settings, **things}
    for meter in meters.registered():
        if meter not in before:
            meters.unregister(meter.name)
    if admin.site.is_registered(Payment):
        admin.site.unregister(Payment)


@pytest.mark.django_db
@pytest.mark.parametrize("page", RUN, ids=name)
def test_python_runs(page: Path, shown: dict[str, Any]) -> None:
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
