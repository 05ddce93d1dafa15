"""`ingest quota`: what is used, overriding, ending."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ingestion import limits, meter
from ingestion.core import meters
from ingestion.models import AuditEntry, QuotaOverride, Tenant
from ingestion.testing import make_tenant
from tests.ingestion.commands.shell import asked, ingest
from tests.ingestion.runs import configured, items, load, over

pytestmark = pytest.mark.django_db


@pytest.fixture
def acme() -> Iterator[Tenant]:
    meter("ocr.pages", "Pages read by OCR")
    with configured(QUOTAS={"ocr.pages": {"free": 10}}):
        yield make_tenant()
    meters.unregister("ocr.pages")


OVERRIDE = ("quota", "override", "--tenant", "acme", "--meter", "ocr.pages")


def test_show_names_what_is_used_and_allowed(acme: Tenant) -> None:
    make_tenant("other")
    limits.spend(acme.ref, "ocr.pages", 9)

    (row,) = asked("quota", "show", "--tenant", "acme")["quotas"]
    everybody = asked("quota", "show", "--meter", "ocr.pages")["quotas"]

    assert (row["used"], row["quota"], row["percent"], row["override"]) == (9, 10, 90, None)
    assert [(one["tenant"], one["used"]) for one in everybody] == [("acme", 9), ("other", 0)]


def test_an_override_is_shown_used_and_ended(acme: Tenant) -> None:
    made = asked(*OVERRIDE, "--limit", 500, "--until", "7d", "--reason", "month end")["override"]
    limits.spend(acme.ref, "ocr.pages", 300)
    (row,) = asked("quota", "show", "--tenant", "acme")["quotas"]
    ended = ingest("quota", "end", made["id"], "--tenant", "acme", "--reason", "done")
    again = ingest("quota", "end", made["id"])

    assert (row["quota"], row["override"]) == (500, made["id"])
    assert (ended.code, again.code) == (0, 1)
    assert asked("quota", "show", "--tenant", "acme")["quotas"][0]["quota"] == 10
    assert list(AuditEntry.objects.for_tenant(acme).values_list("reason", flat=True)) == ["done", "month end"]


@pytest.mark.parametrize(
    "values",
    [
        ("--limit", 5, "--until", "2001-01-01", "--reason", "x"),
        ("--limit", "-5", "--until", "7d", "--reason", "x"),
        ("--limit", 5, "--until", "soon", "--reason", "x"),
        ("--limit", 5, "--until", "7d"),
    ],
)
def test_an_override_asked_for_wrongly_is_refused(acme: Tenant, values: tuple[object, ...]) -> None:
    assert ingest(*OVERRIDE, *values).code != 0

    assert not QuotaOverride.objects.for_tenant(acme).exists()


def test_an_override_of_another_tenant_is_not_there(acme: Tenant) -> None:
    make_tenant("other")
    made = asked(*OVERRIDE, "--limit", 500, "--until", "7d", "--reason", "month end")["override"]

    assert ingest("quota", "end", made["id"], "--tenant", "other").code == 2
    assert limits.quota(acme.ref, "ocr.pages") == 500


def test_show_run_says_what_it_spent(acme: Tenant) -> None:
    def read(body: bytes, ctx: object) -> bytes:
        ctx.spend("ocr.pages", 2)  # type: ignore[attr-defined]
        return body

    run = load(over(items(3), reader=read), acme)

    assert asked("show", "run", run.pk)["spent"] == [{"meter": "ocr.pages", "total": 6}]
