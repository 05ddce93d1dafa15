"""Declarations that are wrong, each refused by mypy, which CI runs on this file: one that passed would be a needless
`type: ignore`, and that is an error too. Nobody imports it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import timedelta

    from pydantic import BaseModel

    from ingestion import (
        Context,
        CountsAgree,
        Cron,
        ErrorBudget,
        Every,
        JsonLines,
        Page,
        Periods,
        Pipeline,
        Upsert,
        pipeline,
    )
    from integrations.bank.models import BankAccount, BankTransaction

    class Paid(BaseModel):
        id: str

    class Other(BaseModel):
        id: str

    source = JsonLines("paid.jsonl")
    table = Upsert(BankTransaction, key=["external_id"])

    @pipeline("typed.right", source=source, schema=Paid, destination=table, max_payload_bytes=1_000_000)
    def right(paid: Paid, ctx: Context) -> BankTransaction:
        return BankTransaction(external_id=paid.id)

    @pipeline("typed.mapping", source=source, schema=Paid, destination=table)
    def mapping(paid: Paid, ctx: Context) -> dict[str, object]:
        return {"external_id": paid.id}

    called: Pipeline = right
    row = right(Paid(id="1"), Context.__new__(Context))

    @pipeline("typed.schema", source=source, schema=Paid, destination=table)  # type: ignore[arg-type]
    def another_schema(paid: Other, ctx: Context) -> BankTransaction:
        return BankTransaction(external_id=paid.id)

    @pipeline("typed.row", source=source, schema=Paid, destination=table)  # type: ignore[arg-type]
    def another_row(paid: Paid, ctx: Context) -> BankAccount:
        return BankAccount()

    @pipeline("typed.nothing", source=source, schema=Paid, destination=table)  # type: ignore[arg-type]
    def nothing(paid: Paid, ctx: Context) -> None:
        return None

    @pipeline("typed.maybe", source=source, schema=Paid, destination=table)  # type: ignore[arg-type]
    def maybe(paid: Paid, ctx: Context) -> BankTransaction | None:
        return None

    @pipeline("typed.many", source=source, schema=Paid, destination=table)  # type: ignore[arg-type]
    def many(paid: Paid, ctx: Context) -> list[BankTransaction]:
        return []

    @pipeline("typed.alone", source=source, schema=Paid, destination=table)  # type: ignore[arg-type]
    def alone(paid: Paid) -> BankTransaction:
        return BankTransaction(external_id=paid.id)

    @pipeline("typed.awaited", source=source, schema=Paid, destination=table)  # type: ignore[arg-type]
    async def awaited(paid: Paid, ctx: Context) -> BankTransaction:
        return BankTransaction(external_id=paid.id)

    pipeline("typed.no_source", source="paid.jsonl", schema=Paid, destination=table)  # type: ignore[arg-type]
    pipeline("typed.no_schema", source=source, schema=dict, destination=table)  # type: ignore[type-var]
    pipeline("typed.value", source=source, schema=Paid(id="1"), destination=table)  # type: ignore[arg-type]
    pipeline("typed.no_table", source=source, schema=Paid, destination=BankTransaction)  # type: ignore[arg-type]
    pipeline("typed.misspelt", source=source, schema=Paid, destination=table, shedule=Every(hours=1))  # type: ignore[call-arg]
    pipeline("typed.cron", source=source, schema=Paid, destination=table, schedule="0 3 * * *")  # type: ignore[arg-type]
    pipeline("typed.lag", source=source, schema=Paid, destination=table, lag=300)  # type: ignore[arg-type]
    pipeline("typed.catch", source=source, schema=Paid, destination=table, catch_up="all")  # type: ignore[arg-type]
    pipeline("typed.drift", source=source, schema=Paid, destination=table, drift="halt")  # type: ignore[arg-type]
    pipeline("typed.budget", source=source, schema=Paid, destination=table, error_budget=0.05)  # type: ignore[arg-type]
    pipeline("typed.version", source=source, schema=Paid, destination=table, version=2)  # type: ignore[arg-type]
    pipeline("typed.total", source=source, schema=Paid, destination=table, reconciliations=CountsAgree())  # type: ignore[arg-type]
    pipeline("typed.most", source=source, schema=Paid, destination=table, max_payload_bytes="8 MB")  # type: ignore[arg-type]
    pipeline("typed.tenants", source=source, schema=Paid, destination=table, tenants=1)  # type: ignore[arg-type]
    Upsert("bank.BankTransaction", key=["external_id"])  # type: ignore[arg-type]
    Upsert(Paid, key=["external_id"])  # type: ignore[type-var]
    Every(hours="1")  # type: ignore[arg-type]
    Every(minutes=5, spread=5)  # type: ignore[arg-type]
    Cron("0 3 * * *", zone=None)  # type: ignore[arg-type]
    Page("abc", None)  # type: ignore[arg-type]
    Page([b"{}"], None)  # type: ignore[list-item]
    Page([], None, refused=3)  # type: ignore[arg-type]
    Page([], None, declares={"count": "5"})  # type: ignore[dict-item]
    Page([], None, next=3)  # type: ignore[call-arg]
    Page([], None, total="5")  # type: ignore[call-arg]
    Page([], None, last="yes")  # type: ignore[arg-type]
    Page([], None, envelope="{}")  # type: ignore[arg-type]
    JsonLines("paid.jsonl", keys=5)  # type: ignore[arg-type]
    Cron(3)  # type: ignore[arg-type]
    ErrorBudget("5 %")  # type: ignore[arg-type]
    Periods(timedelta(days=1))  # type: ignore[arg-type]
