"""The operators of a night: what they set up, and what they do through actions while it lasts."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from django.contrib.auth import get_user_model
from django.db import DatabaseError, connection
from django.db.models import Q, QuerySet
from django.urls import reverse

from ingestion import Every, actions
from ingestion.core.errors import IngestionError
from ingestion.models import Connection, DeadLetter, KnownShape, Run, Tenant
from ingestion.testing import make_tenant
from ingestion.webhooks import new_secret
from tests.ingestion.chaos.night.sender import Sender
from tests.ingestion.chaos.night.shop import FIELDS, Shop, declaration

Later = Callable[[float, Callable[[], object]], None]
WORK = {"records": 60, "page": 5, "bad": 0.02, "slow": 0.1, "sleep": 4.0, "pace": 1.5, "windowed": True}
"""A run takes half a minute and hardly any computing."""
TENANTS = {"acme": "free", "birch": "pro", "cedar": "enterprise"}
ENTRY = "<STMTTRN><TRNTYPE>DEBIT<DTPOSTED>20260604<TRNAMT>-{amount}.00<FITID>{id}<NAME>Shop {id}</STMTTRN>"
FILE = (
    "OFXHEADER:100\n\n<OFX><STMTTRNRS><STMTRS><CURDEF>EUR<BANKACCTFROM><ACCTID>1</BANKACCTFROM>"
    "<BANKTRANLIST>{entries}</BANKTRANLIST><LEDGERBAL><BALAMT>1.00<DTASOF>20260604</LEDGERBAL></STMTRS></STMTTRNRS></OFX>"
)


class Desk:
    """Every action may meet a database that is away, or be refused; then somebody does it again later, or not at all."""

    def __init__(self, seed: int, shop: Shop, sender: Sender, later: Later) -> None:
        self.draw, self.shop, self.sender, self.later = random.Random(seed), shop, sender, later
        self.actor = actions.Actor(get_user_model().objects.create_superuser("olga"))
        self.tenants: dict[str, Tenant] = {key: make_tenant(key, tier=tier) for key, tier in TENANTS.items()}
        self.entries = self.files = self.tokens = 0
        self.unsent: list[tuple[str, bytes]] = []
        self.shops = {key: self._shop(tenant) for key, tenant in self.tenants.items()}
        self.ledgers = [self._ledger(self.tenants[key]) for key in TENANTS]
        self.bank = actions.connect(self.actor, self.tenants["cedar"], "bank.statements")
        self.pushed = self._pushed(self.tenants["birch"])
        self.ways: list[tuple[int, Callable[[], object]]] = [
            (3, self.pause), (3, self.cancel), (3, self.replay), (2, self.replace_token), (1, self.revoke_token),
            (1, self.rotate_keys), (2, self.run_now), (1, self.retype), (1, self.upload_nonsense),
        ]  # fmt: skip

    def act(self) -> None:
        weights = [weight for weight, _ in self.ways]
        attempt(self.draw.choices([way for _, way in self.ways], weights)[0])

    def look_after(self) -> None:
        """What an operator does who looks at what failed: retry it, answer drift, resume, send files again."""
        attempt(self._answer_drift)
        attempt(self._retry)
        attempt(self._upload)

    def heal(self) -> None:
        """At the end of the night nothing stays paused, refused or waiting for somebody."""
        for name in self.shops:
            attempt(lambda name=name: self._give_token(name))
        for paused in Connection.unscoped.filter(paused_at__isnull=False).select_related("tenant"):
            attempt(lambda paused=paused: actions.resume(self.actor, paused, "morning"))
        self.look_after()

    def upload(self) -> None:
        """Five entries that nobody sent before; the file is sent again until it was taken."""
        self.files += 1
        rows = [ENTRY.format(amount=number + 1, id=f"F{self.files}-{number}") for number in range(5)]
        self.entries += 5
        self.unsent.append((f"statement-{self.files}.ofx", FILE.format(entries="".join(rows)).encode()))

    def backfill(self) -> None:
        start = datetime(2026, 1, 1, tzinfo=UTC)
        end = start + timedelta(days=10)
        attempt(lambda: actions.backfill(self.actor, self.ledgers[1], start, end, reason="sent late", parallel=2))

    def pause(self) -> None:
        one = self.draw.choice([*self.shops.values(), *self.ledgers, self.pushed])
        actions.pause(self.actor, one, "the source asked for quiet")
        again = lambda: actions.resume(self.actor, one, "quiet is over")  # noqa: E731
        self.later(self.draw.uniform(20, 60), lambda: attempt(again))

    def cancel(self) -> None:
        run = self.draw.choice(list(Run.unscoped.filter(state__in=Run.ACTIVE, parent=None).order_by("pk")))
        if run.kind != Run.Kind.BACKFILL:
            actions.cancel(self.actor, run, reason="wrong month")

    def replay(self) -> None:
        tenant = self.draw.choice(list(self.tenants.values()))
        actions.replay(self.actor, actions.Selection(tenant), limit=5, reason="tried again")

    def replace_token(self) -> None:
        self._give_token(self.draw.choice(list(self.shops)))

    def revoke_token(self) -> None:
        """The source ends a token before the new one is stored: runs fail, the connection is paused until then."""
        name = self.draw.choice(list(self.shops))
        self.shop.tokens[name] = set()
        self.later(90, lambda: attempt(lambda: self._give_token(name)))

    def rotate_keys(self) -> None:
        list(actions.rotate_keys(self.actor, older_than=timedelta(0)))

    def run_now(self) -> None:
        actions.run_now(self.actor, self.draw.choice([*self.shops.values(), *self.ledgers]))

    def retype(self) -> None:
        name = self.draw.choice(list(self.shops))
        self.shop.retyped[name] = min(self.shop.retyped[name] + 1, len(FIELDS))

    def upload_nonsense(self) -> None:
        actions.upload(self.actor, self.bank, "notes.txt", f"nothing that a bank wrote {self.draw.random()}".encode())

    def _give_token(self, name: str) -> None:
        """The new one is valid at once, the old ones for a while."""
        self.tokens += 1
        token = f"night-{name}-{self.tokens:04}-secret"
        self.shop.tokens[name].add(token)
        values = {"token": token, "hosts": self.shop.address}
        actions.set_credential(self.actor, self.tenants[name], "shop", values, reason="replaced")
        one = self.shops[name]
        one.refresh_from_db()
        if one.is_paused and "credential" in one.paused_reason:
            actions.resume(self.actor, one, "new token")

    def ended_badly(self) -> QuerySet[Run]:
        """Runs that somebody should retry. Deliveries are taken in by the next run of their connection."""
        ended = (Run.State.FAILED, Run.State.CANCELLED)
        hopeless = Q(error_class="UnknownFormat") | Q(kind__in=(Run.Kind.WEBHOOK, Run.Kind.REPLAY))
        return Run.unscoped.filter(~hopeless, state__in=ended, retried_by=None, parent=None)

    def _retry(self) -> None:
        for run in self.ended_badly().select_related("tenant", "connection").order_by("pk"):
            attempt(lambda run=run: actions.retry(self.actor, run, reason="looked at it"))

    def _answer_drift(self) -> None:
        for shape in KnownShape.unscoped.filter(pending__isnull=False).select_related("connection__tenant"):
            actions.accept_shape(self.actor, shape.connection, "announced")

    def _upload(self) -> None:
        while self.unsent:
            actions.upload(self.actor, self.bank, *self.unsent[0])
            self.unsent.pop(0)

    def _shop(self, tenant: Tenant) -> Connection:
        self.tokens += 1
        token = f"night-{tenant.key}-{self.tokens:04}-secret"
        self.shop.tokens[tenant.key].add(token)
        actions.set_credential(self.actor, tenant, "shop", {"token": token, "hosts": self.shop.address})
        made = actions.connect(self.actor, tenant, "rest.records", tenant.key)
        drift = "stop" if tenant.key == "cedar" else "note"
        actions.configure(actions.Actor(), made, declaration(self.shop, tenant.key, drift))
        actions.set_schedule(actions.Actor(), made, Every(seconds=45))
        return Connection.unscoped.select_related("tenant").get(pk=made.pk)

    def _ledger(self, tenant: Tenant) -> Connection:
        made = actions.connect(self.actor, tenant, "night.ledger")
        Connection.unscoped.filter(pk=made.pk).update(config=WORK)
        made.refresh_from_db()
        return made

    def _pushed(self, tenant: Tenant) -> Connection:
        made = actions.connect(self.actor, tenant, "night.pushed")
        self.sender.secret = new_secret()
        actions.set_credential(self.actor, tenant, "sender", {"signing_secret": self.sender.secret})
        self.sender.url += reverse("push:receive", args=[tenant.key, made.public_id])
        return made

    def open_dead_letters(self) -> int:
        return DeadLetter.unscoped.filter(status__in=DeadLetter.OPEN).count()


def attempt(what: Callable[[], Any]) -> None:
    """Do it now unless it is refused, or the database or the files are away."""
    with suppress(IngestionError, OSError, IndexError):
        try:
            what()
        except DatabaseError:
            connection.close()
