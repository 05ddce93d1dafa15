"""A dead letter that was closed without having been loaded is opened again from its page."""

import pytest
from django.test import Client
from django.urls import reverse

from ingestion.models import AuditEntry, DeadLetter, Tenant
from ingestion.testing import run_pipeline
from tests.app.pipelines import payments


@pytest.fixture
def dead_letter(acme: Tenant) -> DeadLetter:
    run_pipeline(payments, acme, records=[{"id": "pay_1", "amount": "much"}])
    return DeadLetter.unscoped.get()


def page_of(dead_letter: DeadLetter, verb: str) -> str:
    return reverse(f"admin:ingestion_deadletter_{verb}", args=[dead_letter.pk])


@pytest.mark.parametrize("status", ["abandoned", "settled"])
@pytest.mark.slow
def test_a_closed_letter_is_opened_again_with_a_reason(console: Client, dead_letter: DeadLetter, status: str) -> None:
    DeadLetter.unscoped.filter(pk=dead_letter.pk).update(status=status)
    console.post(page_of(dead_letter, "reopen"), {"reason": " "})
    dead_letter.refresh_from_db()
    assert dead_letter.status == status

    console.post(page_of(dead_letter, "reopen"), {"reason": "wanted after all"})

    dead_letter.refresh_from_db()
    assert (dead_letter.status, dead_letter.note) == ("new", "wanted after all")
    assert AuditEntry.unscoped.get(action="reopen").reason == "wanted after all"


@pytest.mark.parametrize("status", ["new", "triaged", "replayed"])
def test_what_is_open_or_loaded_is_not_opened_again(console: Client, dead_letter: DeadLetter, status: str) -> None:
    DeadLetter.unscoped.filter(pk=dead_letter.pk).update(status=status)

    console.post(page_of(dead_letter, "reopen"), {"reason": "wanted after all"})

    dead_letter.refresh_from_db()
    assert (dead_letter.status, AuditEntry.unscoped.filter(action="reopen").exists()) == (status, False)
