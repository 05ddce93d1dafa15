"""What must be true at the end of a night: of the records, of the runs, and of what log and timeline tell of them."""

from __future__ import annotations

from collections import Counter

from django.db.models import F, Sum

from ingestion.models import DeadLetter, Delivery, Event, Run
from integrations.bank.models import BankTransaction
from integrations.rest.models import RestRecord
from tests.app.oracle import Effect, Entry, amount_of, fault_of
from tests.ingestion.chaos.night.desk import WORK, Desk
from tests.ingestion.chaos.night.work import is_poison

COUNTS = ("read", "ok", "skipped", "dead")


def faults_of(desk: Desk) -> list[str]:
    """Every record that is missing, wrong or there twice, and every run that has not ended as it should."""
    return [*_ledgers(desk), *_pushes(desk), *orders_missing(desk), *_entries(desk), *_runs()]


def _ledgers(desk: Desk) -> list[str]:
    wrong = []
    mine = Run.unscoped.filter(connection__in=desk.ledgers).exclude(kind__in=(Run.Kind.REPLAY,))
    for run in mine.exclude(kind=Run.Kind.BACKFILL, parent=None):
        keys = [f"{run.pk}-{number}" for number in range(WORK["records"])]  # type: ignore[call-overload]
        bad = {key for key in keys if fault_of(key, WORK) or is_poison(key)}
        good = {key: amount_of(key) for key in keys if key not in bad}
        stored = dict(Entry.objects.for_tenant(run.tenant_id).filter(run=run).values_list("external_id", "amount"))
        effects = Counter(Effect.objects.filter(key__startswith=f"{run.pk}-").values_list("key", flat=True))
        of_run = DeadLetter.objects.for_tenant(run.tenant_id).filter(source_id__startswith=f"{run.pk}-")
        dead_letters = set(
            of_run.values_list("source_id", flat=True)
        )  # a replay that rejects one again makes it its own
        whole = run.state in (Run.State.SUCCEEDED, Run.State.PARTIAL)
        checks = {
            "rows": stored == good if whole else stored.items() <= good.items(),
            "letters": dead_letters == bad if whole else dead_letters <= bad,
            "once": effects == Counter(stored),
            "counts": not whole or (run.read, run.ok, run.dead) == (len(keys), len(good), len(bad)),
        }
        effects_are = {key: effects[key] for key in stored}
        checks["once"] = set(effects) == set(stored) and set(effects_are.values()) <= {1}
        wrong += [f"run {run.pk} ({run.state}): {name}" for name, holds in checks.items() if not holds]
    return wrong


def _pushes(desk: Desk) -> list[str]:
    bad = {key for key in desk.sender.accepted if key in desk.sender.bad or is_poison(key)}
    good = set(desk.sender.accepted) - bad
    tenant = desk.pushed.tenant
    stored = set(
        Entry.objects.for_tenant(tenant).filter(external_id__startswith="push-").values_list("external_id", flat=True)
    )
    effects = Counter(Effect.objects.filter(key__startswith="push-").values_list("key", flat=True))
    dead_letters = DeadLetter.objects.for_tenant(tenant).filter(source_id__startswith="push-")
    checks = {
        "rows": stored == good,
        "once": effects == Counter(good),
        "letters": set(dead_letters.values_list("source_id", flat=True)) == bad,
        "pending": not Delivery.unscoped.filter(state=Delivery.State.PENDING).exists(),
    }
    return [f"pushes: {name}" for name, holds in checks.items() if not holds]


def orders_missing(desk: Desk) -> list[str]:
    wrong = []
    for name, connection in desk.shops.items():
        rows = RestRecord.objects.for_tenant(connection.tenant).filter(source=connection.name)
        stored = {row.external_id: row.body for row in rows}
        offered = {order["id"]: order for order in desk.shop.orders[name]}
        if stored != offered:
            keys = sorted(stored.keys() ^ offered.keys())
            wrong.append(f"orders of {name}: {len(stored)} of {len(offered)}, not in both: {keys[:5]}")
    return wrong


def _entries(desk: Desk) -> list[str]:
    stored = BankTransaction.objects.for_tenant(desk.bank.tenant).active().count()
    return [] if stored == desk.entries else [f"bank: {stored} of {desk.entries} entries"]


def _runs() -> list[str]:
    wrong = [f"{run} is {run.state}" for run in Run.unscoped.filter(state__in=Run.ACTIVE)]
    added = Run.unscoped.exclude(read=F("ok") + F("skipped") + F("dead"))
    wrong += [f"{run}: its counts do not add up" for run in added]
    for run in Run.unscoped.filter(kind=Run.Kind.BACKFILL, parent=None):
        sums = run.shards.aggregate(**{f"s_{name}": Sum(name) for name in COUNTS})
        if any(getattr(run, name) != sums[f"s_{name}"] for name in COUNTS):
            wrong.append(f"{run}: its counts are not the sums of its shards'")
    ends = Counter(Event.unscoped.filter(name__in=Run.TERMINAL).values_list("run_id", flat=True))
    wrong += [f"{run} has {ends[run.pk]} ends on its timeline" for run in Run.unscoped.all() if ends[run.pk] != 1]
    return wrong
