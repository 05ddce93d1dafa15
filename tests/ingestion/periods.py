"""An account that can be asked for a day's figures, a pipeline that loads it, and what a check leaves behind."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from pydantic import BaseModel

from ingestion import Context, Figure, Json, Page, Periods, Pipeline, Record, Upsert, Window, actions
from ingestion.database.clock import read_db_now
from ingestion.models import Connection, ReconciledPeriod, Run, Tenant
from tests.app.oracle import Wide
from tests.ingestion.runs import OPERATOR, carry, new_tenant, over

DAY = timedelta(days=1)
LAG = timedelta(minutes=5)
"""How long after its end a day is closed: just after midnight, yesterday is not."""


@dataclass(frozen=True)
class Account:
    """Records by id, and what its figures raise."""

    records: dict[str, dict[str, Any]] = field(default_factory=dict)
    names_ids: bool = True
    raises: list[Exception] = field(default_factory=list)
    meanwhile: list[Callable[[], None]] = field(default_factory=list)
    """Called, once each, while the figures are on their way."""
    asked: list[Window] = field(default_factory=list)

    def put(self, key: str, amount: str, at: datetime, currency: str = "EUR", **values: Any) -> None:
        self.records[key] = {"id": key, "amount": amount, "at": at.isoformat(), "currency": currency, **values}

    def reads_windows(self, ctx: Context) -> bool:
        return True

    def extract(self, ctx: Context, checkpoint: Json) -> Iterator[Page]:
        inside = self._inside(ctx.window) if ctx.backfill and ctx.window else list(self.records.values())
        yield Page([Record(one["id"], json.dumps(one).encode()) for one in inside], 1)

    def figures(self, ctx: Context, window: Window) -> Mapping[str, Figure]:
        self.asked.append(window)
        if self.meanwhile:
            self.meanwhile.pop()()
        if self.raises:
            raise self.raises[0]
        ids: dict[str, dict[str, Decimal]] = {}
        for one in self._inside(window):
            if not one.get("gone"):
                ids.setdefault(one["currency"], {})[one["id"]] = Decimal(str(one["amount"]).replace("?", ""))
        found = {group: Figure.of(amounts) for group, amounts in ids.items()}
        return found if self.names_ids else {key: dataclasses.replace(one, ids=None) for key, one in found.items()}

    def _inside(self, window: Window) -> list[dict[str, Any]]:
        return [one for one in self.records.values() if window.start <= datetime.fromisoformat(one["at"]) < window.end]


class Payment(BaseModel):
    id: str
    amount: Decimal
    currency: str
    at: datetime
    gone: bool = False


def _row(payment: Payment, ctx: Context) -> dict[str, Any]:
    """Payments of an account."""
    gone = payment.at.date() if payment.gone else None
    return {
        "external_id": payment.id, "small": payment.amount, "line": payment.currency, "moment": payment.at, "day": gone,
        "text": "",
    }  # fmt: skip


PERIODS = Periods("moment", amount="small", group="line", gone="day")


def of(account: Account, periods: Periods | None = PERIODS, **changes: Any) -> Pipeline:
    destination = Upsert(Wide, key=["external_id"])
    values = {
        "schema": Payment,
        "destination": destination,
        "transform": _row,
        "periods": periods,
        "lag": LAG,
        **changes,
    }
    return over([], source=account, **values)


def yesterday(ago: int = 0) -> Window:
    """The last day that is closed, or one so many days before it."""
    today = datetime.combine((read_db_now() - LAG).date(), time(), UTC)
    return Window(today - (ago + 1) * DAY, today - ago * DAY)


def noon(ago: int = 0) -> datetime:
    return yesterday(ago).start + timedelta(hours=12)


def connected(pipeline: Pipeline, tenant: Tenant | None = None, name: str = "") -> Connection:
    return actions.connect(OPERATOR, tenant or new_tenant(), pipeline.name, name)


def loaded(connection: Connection) -> Run:
    run = carry(actions.run_now(OPERATOR, connection, wake=False))
    assert run.state in (Run.State.SUCCEEDED, Run.State.PARTIAL), run.error_message
    return run


def verdicts(connection: Connection) -> dict[str, ReconciledPeriod]:
    """By group, of yesterday."""
    rows = ReconciledPeriod.objects.for_tenant(connection.tenant_id).filter(connection=connection)
    return {row.group: row for row in rows.filter(start=yesterday().start)}


def states(connection: Connection) -> dict[str, str]:
    return {group: row.state for group, row in verdicts(connection).items()}
