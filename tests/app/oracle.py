"""What the reliability tests load into, and a source whose every record is known beforehand.

`Oracle` numbers its records; what a run must leave behind follows from its config alone (`expected`). Config keys:
records, page, bad (a share of the records), slow (a share of the pages, asleep for `sleep` seconds, longer than a lease).
"""

from __future__ import annotations

import hashlib
import json
import random
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from pydantic import BaseModel

from ingestion import Context, CountsAgree, ErrorBudget, Every, Json, Loaded, Page, Ready, Record, Upsert, pipeline
from ingestion.models import ExternalIdField, Ingested


class Entry(Ingested):
    """A canonical row whose database refuses negative amounts."""

    external_id = ExternalIdField()
    amount = models.DecimalField(max_digits=14, decimal_places=2)
    revision = models.BigIntegerField(null=True)
    label = models.CharField(max_length=50, default="")

    class Meta(Ingested.Meta):
        abstract = False
        constraints = [
            models.UniqueConstraint(fields=["tenant", "external_id"], name="app_entry_once"),
            models.CheckConstraint(condition=models.Q(amount__gte=0), name="app_entry_not_negative"),
        ]

    def __str__(self) -> str:
        return self.external_id


class Posting(Ingested):
    """A canonical row under a key of two columns."""

    account = ExternalIdField(max_length=40)
    number = models.IntegerField()
    amount = models.DecimalField(max_digits=14, decimal_places=2)

    class Meta(Ingested.Meta):
        abstract = False
        constraints = [models.UniqueConstraint(fields=["tenant", "account", "number"], name="app_posting_once")]

    def __str__(self) -> str:
        return f"{self.account} {self.number}"


class Wide(Ingested):
    """One column of every type that a canonical table may have."""

    external_id = ExternalIdField()
    line = models.CharField(max_length=60)
    text = models.TextField()
    number = models.IntegerField(null=True)
    big = models.BigIntegerField(null=True)
    small = models.DecimalField(max_digits=12, decimal_places=3, null=True)
    huge = models.DecimalField(max_digits=38, decimal_places=10, null=True)
    ratio = models.FloatField(null=True)
    flag = models.BooleanField(null=True)
    day = models.DateField(null=True)
    moment = models.DateTimeField(null=True)
    clock = models.TimeField(null=True)
    span = models.DurationField(null=True)
    token = models.UUIDField(null=True)
    blob = models.BinaryField(null=True)
    tree = models.JSONField(null=True)

    class Meta(Ingested.Meta):
        abstract = False
        constraints = [models.UniqueConstraint(fields=["tenant", "external_id"], name="app_wide_once")]

    def __str__(self) -> str:
        return self.external_id


class Spoken(json.JSONEncoder):
    """Writes what JSON has no word for; `spoken` reads it back."""

    def default(self, o: Any) -> Any:
        return {"decimal": str(o)} if isinstance(o, Decimal) else super().default(o)


class Heard(json.JSONDecoder):
    def __init__(self, **options: Any) -> None:
        super().__init__(object_hook=self._hear, **options)

    @staticmethod
    def _hear(value: dict[str, Any]) -> Any:
        return Decimal(value["decimal"]) if set(value) == {"decimal"} else value


class Assorted(Ingested):
    """The standard field types that `Wide` does not have."""

    external_id = ExternalIdField()
    tiny = models.SmallIntegerField(null=True)
    count = models.PositiveIntegerField(null=True)
    few = models.PositiveSmallIntegerField(null=True)
    many = models.PositiveBigIntegerField(null=True)
    slug = models.SlugField(max_length=200)
    email = models.EmailField()
    url = models.URLField()
    file = models.FileField(max_length=200)
    path = models.FilePathField(max_length=200)
    address = models.GenericIPAddressField(null=True)
    mapped = models.GenericIPAddressField(null=True, unpack_ipv4=True)
    four = models.GenericIPAddressField(null=True, protocol="IPv4")
    stamp = models.BinaryField(max_length=16, null=True)
    spoken = models.JSONField(null=True, encoder=Spoken, decoder=Heard)
    sent = models.JSONField(null=True, encoder=DjangoJSONEncoder)
    choice = models.CharField(max_length=3, choices=[("a", "A"), ("b", "B")])
    entry = models.ForeignKey(Entry, on_delete=models.PROTECT, null=True, related_name="+")
    only = models.OneToOneField(Posting, on_delete=models.PROTECT, null=True, related_name="+")
    doubled = models.GeneratedField(
        expression=models.F("tiny") * 2, output_field=models.IntegerField(), db_persist=True
    )

    class Meta(Ingested.Meta):
        abstract = False
        constraints = [models.UniqueConstraint(fields=["tenant", "external_id"], name="app_assorted_once")]

    def __str__(self) -> str:
        return self.external_id


class Effect(models.Model):
    """One row each time a record was loaded: a second one for the same key is a duplicate effect."""

    key = ExternalIdField()
    run = models.BigIntegerField()

    objects = models.Manager()

    def __str__(self) -> str:
        return self.key


@dataclass(frozen=True, slots=True)
class Counted:
    """`Upsert` that also writes an `Effect` for every row, in the same transaction, and cannot tell whether it did before."""

    rows: Upsert = Upsert(Entry, key=["external_id"], version="revision")

    def stored(self, ctx: Context, keys: Sequence[str]) -> Mapping[str, Any]:
        return self.rows.stored(ctx, keys)

    def empty(self, ctx: Context) -> bool:
        return self.rows.empty(ctx)

    def key_of(self, row: Any) -> str:
        return self.rows.key_of(row)

    @property
    def versioned(self) -> bool:
        return self.rows.versioned

    def version_of(self, row: Any) -> Any:
        return self.rows.version_of(row)

    def load(self, ctx: Context, rows: Sequence[Ready]) -> Loaded:
        loaded = self.rows.load(ctx, rows)
        Effect.objects.bulk_create([Effect(key=one.record.key, run=ctx.run_id) for one in loaded.ready])
        return loaded

    def total(self, ctx: Context, column: str, keys: Sequence[str]) -> Decimal:
        return self.rows.total(ctx, column, keys)

    def problems(self) -> list[str]:
        return self.rows.problems()


@dataclass(frozen=True, slots=True)
class Oracle:
    """Numbered records, made from the run's id and config; the checkpoint is how many were read."""

    def reads_windows(self, ctx: Context) -> bool:
        return bool(ctx.config.get("windowed"))

    def extract(self, ctx: Context, checkpoint: Json) -> Iterator[Page]:
        total, size = int(ctx.config["records"]), int(ctx.config["page"])
        for first in range(int(checkpoint or 0), total, size):
            if random.random() < ctx.config.get("slow", 0):
                time.sleep(ctx.config["sleep"])
            time.sleep(ctx.config.get("pace", 0))
            count = min(size, total - first)
            page = [record(ctx.run_id, number, ctx.config) for number in range(first, first + count)]
            yield Page(page, first + count, declares={"count": Decimal(count)})


def record(run_id: int, number: int, config: Mapping[str, Any]) -> Record:
    key = f"{run_id}-{number}"
    amount: Any = str(amount_of(key))
    if fault := fault_of(key, config):
        amount = "much" if fault == "validate" else "-1.00"
    return Record(key, json.dumps({"id": key, "amount": amount}).encode(), f"number {number}")


def amount_of(key: str) -> Decimal:
    return Decimal(int(hashlib.sha256(key.encode()).hexdigest()[:6], 16)) / 100


def fault_of(key: str, config: Mapping[str, Any]) -> str:
    """Where this record is rejected: '' (nowhere), "validate", or "load" by the database's own constraint."""
    draw = int(hashlib.sha256(f"fault {key}".encode()).hexdigest()[:8], 16) / 0xFFFFFFFF
    bad = float(config.get("bad", 0))
    return "" if draw >= bad else "validate" if draw < bad / 2 else "load"


class Counting(BaseModel):
    id: str
    amount: Decimal
    revision: int | None = None
    label: str = ""


@pipeline(
    "app.oracle",
    source=Oracle(),
    schema=Counting,
    destination=Counted(),
    reconciliations=[CountsAgree()],
    error_budget=ErrorBudget(ratio=1.0),
)
def oracle(counting: Counting, ctx: Context) -> Entry:
    """Numbered records whose end is known."""
    return Entry(external_id=counting.id, amount=counting.amount, revision=counting.revision, label=counting.label)


@pipeline(
    "app.ticking",
    source=Oracle(),
    schema=Counting,
    destination=Counted(),
    schedule=Every(seconds=2, spread=timedelta(0)),
)
def ticking(counting: Counting, ctx: Context) -> Entry:
    """Numbered records every two seconds."""
    return Entry(external_id=counting.id, amount=counting.amount)


__all__ = ["Assorted", "Counted", "Effect", "Entry", "Oracle", "Posting", "Wide", "oracle", "ticking"]
