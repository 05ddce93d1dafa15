"""Two do the same at the same moment: what the other one did meanwhile stands."""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping
from typing import Any

import pytest
from django.db import connection

from ingestion import Transient, reconciling
from ingestion.core.context import Secret
from ingestion.database.clock import db_now_plus
from ingestion.management.verbs import ticks
from ingestion.models import Connection, Credential
from ingestion.testing import registered
from ingestion.vault import credentials, expiry, rotation
from ingestion.vault.token_refresh import TokenRefresh
from tests.ingestion.moments import before
from tests.ingestion.periods import Account, connected, of
from tests.ingestion.runs import configured, new_tenant
from tests.ingestion.vault.keeping import master_key, stored, under

pytestmark = [pytest.mark.every_database, pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("committed")]

OLD, NEW = master_key(), master_key()


def test_one_of_two_tickers_gets_the_turn_to_check_a_connection() -> None:
    with registered(of(Account())) as pipeline:
        mine = connected(pipeline)
        Connection.unscoped.exclude(pk=mine.pk).update(next_check=db_now_plus(9999))
        theirs: list[Connection] = []

        with before('UPDATE "ingestion_connection"', lambda: theirs.extend(reconciling.take_due_connections())):
            ours = reconciling.take_due_connections()

    assert (theirs, ours) == ([mine], [])


def test_a_credential_stored_while_its_keys_are_replaced_stays() -> None:
    tenant = new_tenant()
    with under(old=OLD):
        stored(tenant, "shop", key="the-first-value")

    def store() -> None:
        credentials.put(tenant.ref, "shop", {"key": "the-second-value"}, cause="set")

    with under(new=NEW, old=OLD):
        with before('UPDATE "ingestion_credential"', store):
            rotation.rotate(tenant)

        assert credentials.read(tenant.ref, "shop").values == {"key": "the-second-value"}


def test_one_of_two_tickers_warns_of_a_credential_that_ends_soon() -> None:
    row = stored(new_tenant(), "shop", api_key="a-key-that-ends")
    Credential.unscoped.filter(pk=row.pk).update(expires_at=db_now_plus(3600))
    Credential.unscoped.exclude(pk=row.pk).update(expires_at=None)
    theirs: list[int] = []

    with before('UPDATE "ingestion_credential"', lambda: theirs.append(expiry.warn())):
        ours = expiry.warn()

    assert (theirs, ours) == ([1], 0)


def test_a_refusal_that_comes_after_the_lease_ended_leaves_the_next_workers_lease_alone() -> None:
    row = stored(new_tenant(), "shop", refresh_token="token-first")
    mine = Credential.unscoped.filter(pk=row.pk)

    def refused_late(used_up: Secret) -> Mapping[str, str]:
        mine.update(exchange_token="theirs", exchange_until=db_now_plus(60))
        raise Transient("503")

    with pytest.raises(Transient):
        TokenRefresh(row.tenant.ref, "shop").exchange(credentials.read(row.tenant.ref, "shop"), refused_late)

    assert mine.get().exchange_token == "theirs"


def test_who_comes_with_a_used_up_token_that_was_replaced_is_given_the_stored_one_and_asks_nobody() -> None:
    tenant = new_tenant()
    stored(tenant, "shop", refresh_token="token-first")
    used_up = credentials.read(tenant.ref, "shop")
    stored(tenant, "shop", refresh_token="token-second")

    def ask(secret: Secret) -> Mapping[str, str]:
        raise AssertionError("the source was asked")

    with configured(EXCHANGE_SECONDS=0.1):
        got = TokenRefresh(tenant.ref, "shop").exchange(used_up, ask)

    assert got.values == {"refresh_token": "token-second"}


def test_a_ticker_goes_on_whatever_a_tick_raised() -> None:
    attempts: list[str] = []

    def fail_once(execute: Any, sql: str, params: Any, many: Any, context: Any) -> Any:
        if not attempts:
            attempts.append("failed")
            raise RuntimeError("nobody thought of this")
        if len(attempts) == 1:
            attempts.append("went on")
            os.kill(os.getpid(), signal.SIGTERM)
        return execute(sql, params, many, context)

    with configured(TICK_SECONDS=1), connection.execute_wrapper(fail_once):
        ticks.loop()

    assert attempts == ["failed", "went on"]
