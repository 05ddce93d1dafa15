"""What `manage.py demo` shows: statements of three tenants, good and bad, brought in through the engine.

The files in `samples/` are made up. They overlap, hold true twins, and four of them are wrong on purpose.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group, Permission
from django.db import transaction
from django.db.models import Q

from config.paths import PROJECT
from ingestion import actions, running
from ingestion.models import Connection, DeadLetter, Run, RunArtifact, Tenant, TenantGrant
from integrations.bank.models import BankTransaction

SAMPLES = PROJECT / "config" / "samples"
PIPELINE = "bank.statements"
GROUP = "Demo operators"
MAY = (
    "run_connection", "cancel_run", "rewind_watermark", "replay_deadletter", "triage_deadletter", "view_payload",
    "set_credential",
)  # fmt: skip
"""What the staff of a demo tenant may do, beside looking at everything of their own tenant."""
TENANTS = (
    ("harbour", "Harbour Books", Tenant.Tier.FREE),
    ("nordlicht", "Nordlicht Kaffee GmbH", Tenant.Tier.PRO),
    ("atlas", "Atlas Freight Inc.", Tenant.Tier.ENTERPRISE),
)


@dataclass(frozen=True)
class Sample:
    """A file under `samples/`, named by its tenant's key and its own name, and how its run is meant to end."""

    tenant: str
    file: str
    format: str
    ends: Run.State = Run.State.SUCCEEDED
    account: str = ""
    """Whose statement it is, where the file does not say."""
    currency: str = ""
    """Of its amounts, where neither the file nor its layout says."""


FILES = (
    Sample("harbour", "first-direct-june.csv", "CSV", account="40476122331188", currency="GBP"),
    Sample("harbour", "first-direct-to-july.csv", "CSV", account="40476122331188", currency="GBP"),
    Sample("harbour", "monzo-june.csv", "CSV", account="04000476210534"),
    Sample("harbour", "stocktake.csv", "CSV, no bank's", ends=Run.State.FAILED),
    Sample("nordlicht", "umsatz-juni.sta", "MT940"),
    Sample("nordlicht", "umsatz-juli.sta", "MT940", ends=Run.State.PARTIAL),
    Sample("nordlicht", "webshop-juni.camt053.xml", "CAMT.053"),
    Sample("nordlicht", "webshop-juli.camt053.xml", "CAMT.053", ends=Run.State.FAILED),
    Sample("atlas", "checking-june.ofx", "OFX 1 (SGML)", ends=Run.State.PARTIAL),
    Sample("atlas", "checking-to-july.qfx", "OFX 1 (SGML)"),
    Sample("atlas", "card-june.ofx", "OFX 2 (XML)"),
)


@dataclass(frozen=True)
class DemoRow:
    """One file of one tenant, and what became of it this time. A file that is known already is not read again."""

    tenant: str
    file: str
    format: str
    outcome: str
    read: int
    loaded: int
    skipped: int
    dead: int
    kept_as: str
    """Where to look at it: `dead letter 1`, or `run 4 failed` for a file that failed whole."""
    why: str
    """The first reason why something of the file was not loaded."""
    as_meant: bool
    """False when the run did not end as it should have."""


def load() -> list[DemoRow]:
    """Bring the demonstration data in, for the first time or once more: the same end state either way."""
    group = staff_group()
    connections = {key: _connection(key, name, tier, group) for key, name, tier in TENANTS}
    return [_take(connections[sample.tenant], sample) for sample in FILES]


def staff() -> Iterator[Any]:
    """The member of staff of each demo tenant; the user's name is the tenant's key."""
    keys = [key for key, _, _ in TENANTS]
    yield from get_user_model().objects.filter(username__in=keys, groups__name=GROUP).order_by("pk")


def ledger_size() -> int:
    """Transactions that the demo tenants have now, each once however many files held it."""
    tenants = Tenant.objects.filter(key__in=[key for key, _, _ in TENANTS])
    return sum(BankTransaction.objects.for_tenant(tenant).count() for tenant in tenants)


def staff_group() -> Group:
    """The group of all users that the demo made; its permissions are what the tenants' staff may do."""
    group, _ = Group.objects.get_or_create(name=GROUP)
    of_installed_apps = Q(content_type__app_label__in=("ingestion", "bank", "rest", "stripe"))
    group.permissions.set(
        Permission.objects.filter(of_installed_apps, Q(codename__startswith="view_") | Q(codename__in=MAY))
    )
    return group


def _connection(key: str, name: str, tier: str, group: Group) -> Connection:
    """The tenant with one member of staff who sees nothing else, connected to the bank pipeline."""
    tenant, _ = Tenant.objects.get_or_create(key=key, defaults={"name": name, "tier": tier})
    with transaction.atomic():  # a start that ends in between must not leave a member of staff who sees nothing
        user, is_new = get_user_model().objects.get_or_create(username=key, defaults={"is_staff": True})
        if is_new:
            user.set_unusable_password()
            user.save(update_fields=["password"])
            user.groups.add(group)
            TenantGrant.objects.create(tenant=tenant, user=user)
    return actions.connect(actions.Actor(program="demo"), tenant, PIPELINE)


def _take(connection: Connection, sample: Sample) -> DemoRow:
    if connection.is_paused:
        return DemoRow(
            sample.tenant, sample.file, sample.format, "paused", 0, 0, 0, 0, "paused", connection.paused_reason, True
        )
    data = (SAMPLES / sample.tenant / sample.file).read_bytes()
    if refused := _refused_before(connection, sample):
        return _row(sample, refused, "known, refused", new=False)
    settings = {"account": sample.account, "currency": sample.currency}
    config = {key: value for key, value in settings.items() if value} or None
    received = actions.upload(actions.Actor(program="demo"), connection, sample.file, data, config=config, wake=False)
    if received.duplicate and not received.run.is_active:
        return _row(sample, received.run, "duplicate", new=False)
    running.execute(received.run.pk)  # also carries on what an interrupted demo left behind
    received.run.refresh_from_db()
    return _row(sample, received.run, received.run.state, new=True)


def _refused_before(connection: Connection, sample: Sample) -> Run | None:
    """The failed run of a file that is meant to fail: the engine would take it again, and fail again at every start."""
    if sample.ends != Run.State.FAILED:
        return None
    links = RunArtifact.objects.for_tenant(connection.tenant).filter(run__connection=connection, name=sample.file)
    link = links.filter(run__state=Run.State.FAILED).select_related("run").order_by("-pk").first()
    return link.run if link else None


def _row(sample: Sample, run: Run, outcome: str, *, new: bool) -> DemoRow:
    counts = (run.read, run.ok, run.skipped, run.dead) if new else (0, 0, 0, 0)
    kept_as, why = _why(run, sample.file)
    return DemoRow(
        sample.tenant, sample.file, sample.format, outcome, *counts,
        kept_as=kept_as, why=why, as_meant=not new or run.state == sample.ends,
    )  # fmt: skip


def _why(run: Run, file: str) -> tuple[str, str]:
    """Where what was not loaded is kept, and the reason."""
    if run.error_message:
        return f"run {run.pk} {run.state}", run.error_message
    letters = DeadLetter.objects.for_tenant(run.tenant_id).filter(run=run, status__in=DeadLetter.OPEN)
    letter = letters.order_by("pk").first()
    if letter is None:
        return "", ""
    where = letter.position.removeprefix(file).lstrip(", ")
    return f"dead letter {letter.pk}", f"{where}{': ' if where else ''}{letter.errors[0]['message']}"
