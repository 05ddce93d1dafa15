"""The page on pipelines, run as it stands: its table is made, its pipeline loads a row, its test passes."""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest
from django.apps import AppConfig, apps
from django.db import connection, transaction

from config.paths import PROJECT
from ingestion.core import registry
from ingestion.testing import run_pipeline
from tests.docs.executed import Project
from tests.docs.test_docs import blocks

PAGE = PROJECT / "docs" / "how-to" / "write-a-pipeline.md"
ORDERS = [
    {"id": "o1", "total": "5.00", "placed_at": "2026-01-01T00:00:00Z", "state": "sold"},
    {"id": "o2", "total": "6.00", "placed_at": "2026-01-01T00:00:00Z", "state": "draft"},
    {"id": "o3", "total": "-1.00", "placed_at": "2026-01-01T00:00:00Z", "state": "sold"},
]


@pytest.fixture
def modules(project: Project, db: None) -> Iterator[list[dict[str, Any]]]:
    """The page's blocks as modules of an installed app, in their order."""
    names = (
        "bookshop.models",
        "bookshop.pipelines",
        "bookshop.test_orders",
        "bookshop.test_more_orders",
        "bookshop.sources",
    )
    package = ModuleType("bookshop")
    package.__path__ = [str(PAGE.parent)]
    project.put("bookshop", package)
    project.put("bookshop.models", ModuleType("bookshop.models"))  # other pages take the tests' own models for it
    app = apps.app_configs["bookshop"] = AppConfig("bookshop", package)
    app.apps = apps
    app.models = apps.all_models["bookshop"]
    try:
        yield [project.add(name, code) for name, code in zip(names, blocks(PAGE, "python"), strict=True)]
    finally:
        del apps.app_configs["bookshop"], apps.all_models["bookshop"]
        apps.clear_cache()


def make_table(model: Any) -> None:
    """In the test's own transaction, which a schema editor would refuse to work in."""
    editor = connection.SchemaEditorClass(connection, collect_sql=True, atomic=False)
    editor.deferred_sql = []
    editor.create_model(model)
    with connection.cursor() as cursor:
        for statement in [*editor.collected_sql, *editor.deferred_sql]:
            cursor.execute(str(statement))


def test_the_page_makes_a_pipeline_that_loads_skips_and_rejects(modules: list[dict[str, Any]]) -> None:
    models, pipelines, tests, more_tests, _ = modules
    make_table(models["Order"])

    assert models["Order"]._meta.label == "bookshop.Order"
    tests["test_drafts_are_left_out"](None)
    of_actions = [test for name, test in more_tests.items() if name.startswith("test_")]
    for test in of_actions:
        savepoint = transaction.savepoint()
        test(None)
        transaction.savepoint_rollback(savepoint)
    assert len(of_actions) == 3
    run = run_pipeline(pipelines["orders"], records=ORDERS)

    assert (run.read, run.ok, run.skipped, run.dead) == (3, 1, 1, 1)
    assert models["Order"].objects.for_tenant(run.tenant).get().external_id == "o1"


def test_the_test_of_a_declared_api_passes(modules: list[dict[str, Any]], project: Project) -> None:
    make_table(modules[0]["Order"])
    registry.unregister("bookshop.orders")
    _apps, declared, tested = blocks(PROJECT / "docs" / "how-to" / "load-a-rest-api.md", "python")
    project.add("bookshop.pipelines", declared)

    project.add("bookshop.test_orders_api", tested)["test_orders_of_both_pages_are_loaded"](None)
