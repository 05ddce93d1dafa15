"""docs/reference/in-your-project.md, run as it stands, and that its tables name what there is."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest
from django.dispatch import Signal

from config.paths import PROJECT
from ingestion import SourceChanged, actions, signals
from ingestion.models import AuditEntry, DeadLetter, Run
from ingestion.testing import Records, make_tenant, registered, run_pipeline
from tests.app import models
from tests.app.oracle import Assorted, Entry
from tests.app.pipelines import payments
from tests.docs.executed import Project, parts
from tests.ingestion.runs import load, over

PAGE = PROJECT / "docs" / "reference" / "in-your-project.md"
pytestmark = pytest.mark.django_db


@pytest.fixture
def modules(project: Project) -> Iterator[dict[str, dict[str, Any]]]:
    """What each module of the page holds."""
    bookshop = ModuleType("bookshop.models")
    vars(bookshop).update(Payment=models.Payment, Entry=Entry, Sale=Assorted)
    project.put("bookshop.models", bookshop)
    names = {module: project.add(module, code) for module, code in parts(PAGE)}
    yield names
    signals.run_finished.disconnect(names["bookshop.receivers"]["tell"])


def test_the_receiver_hears_of_a_failed_run(
    modules: dict[str, dict[str, Any]], django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        load(over([], source=Records([], error=SourceChanged("gone"))), make_tenant("acme"))
        run_pipeline(payments, make_tenant("globex"))

    assert modules["bookshop.receivers"]["messages"] == ["acme: app.oracle failed with SourceChanged."]


def test_a_customer_signs_up_and_is_loaded_again(modules: dict[str, dict[str, Any]]) -> None:
    signup = modules["bookshop.signup"]

    connection = signup["sign_up"]("initech", "Initech")
    run = signup["load_again"](connection)

    assert (run.state, run.connection, connection.tenant.tier) == (Run.State.QUEUED, connection, "pro")
    trail = AuditEntry.objects.for_tenant(connection.tenant).order_by("pk").values_list("action", "actor_name")
    assert [action for action, name in trail if name.startswith("sign-up (")] == [
        *("add tenant", "connect", "pause", "resume", "run"),
    ]


def test_an_entry_of_another_tenant_is_none(modules: dict[str, dict[str, Any]]) -> None:
    acme, globex = make_tenant("acme"), make_tenant("globex")
    load(over([{"id": "e1", "amount": "1.00"}]), acme)
    sale = {"id": "s1", "entry": "e1"}
    sales = modules["bookshop.sales"]["sales"]

    own, other = run_pipeline(sales, acme, records=[sale]), run_pipeline(sales, globex, records=[sale])

    assert (own.ok, other.dead) == (1, 1)
    assert DeadLetter.objects.for_tenant(globex).get().error_class == "DoesNotExist"


def test_a_primary_key_of_another_tenants_row_is_refused(modules: dict[str, dict[str, Any]]) -> None:
    load(over([{"id": "e1", "amount": "1.00"}]), make_tenant("acme"))
    theirs = Entry.objects.for_tenant(make_tenant("acme")).get().pk
    careless = dataclasses.replace(
        modules["bookshop.sales"]["sales"], transform=lambda sold, ctx: {"external_id": sold.id, "entry": theirs}
    )

    with registered(careless):
        run = run_pipeline(careless, make_tenant("globex"), records=[{"id": "s1", "entry": "e1"}])

    dead_letter = DeadLetter.objects.for_tenant(run.tenant).get()
    assert (dead_letter.error_class, dead_letter.errors[0]["code"], dead_letter.errors[0]["path"]) == (
        "IntegrityError",
        "foreign_key",
        "entry",
    )


def test_every_signal_is_named() -> None:
    names = [name for name, value in vars(signals).items() if isinstance(value, Signal)]

    assert [name for name in names if f"| `{name}` |" not in PAGE.read_text()] == []


def test_every_action_has_its_entry() -> None:
    page = (PAGE.parent / "actions.md").read_text()

    assert [name for name in actions.__all__ if f"### `{name}`" not in page] == []
