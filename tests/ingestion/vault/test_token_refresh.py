"""A used-up token is exchanged once, by one worker, and what came of it is stored before anybody uses it."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction

from ingestion import actions
from ingestion.core.context import Secret, TenantRef
from ingestion.core.errors import CredentialError, CredentialMissing, Transient
from ingestion.database.clock import db_now_plus
from ingestion.models import Credential, CredentialVersion
from ingestion.vault import credentials
from ingestion.vault.token_refresh import TokenRefresh
from tests.ingestion.chaos.processes import KILLED, DyingAt, end, in_child, start_child
from tests.ingestion.runs import configured
from tests.ingestion.vault.keeping import OPERATOR, STORE, of, stored

pytestmark = [
    pytest.mark.slow,
    pytest.mark.every_database,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("committed"),
]


class Provider:
    """An OAuth server: each refresh token works once, also when those who ask are several processes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, used_up: Secret) -> Mapping[str, str]:
        token = used_up.values["refresh_token"]
        try:
            (self.folder / f"used {token}").touch(exist_ok=False)
        except FileExistsError:
            raise CredentialError("invalid_grant: this refresh token was used before") from None
        time.sleep(0.1)
        return {"refresh_token": f"token-{os.getpid()}-{time.monotonic_ns()}", "client_id": used_up.values["client_id"]}

    @property
    def asked(self) -> int:
        return len(list(self.folder.glob("used *")))


@pytest.fixture
def provider(tmp_path: Path) -> Provider:
    return Provider(tmp_path)


@pytest.fixture
def row() -> Credential:
    return stored(refresh_token="token-first", client_id="client")


def exchanging(row: Credential, **hooks: Any) -> TokenRefresh:
    return TokenRefresh(TenantRef(row.tenant_id, row.tenant.key), row.integration, **{"sleep": time.sleep, **hooks})


def read(row: Credential) -> Secret:
    return credentials.read(row.tenant.ref, row.integration)


def test_the_new_values_are_stored_and_given_back(row: Credential, provider: Provider) -> None:
    new = exchanging(row).exchange(read(row), provider)

    assert (new, new.version, provider.asked) == (read(row), 2, 1)
    assert CredentialVersion.objects.for_tenant(row.tenant).filter(cause="exchange", version=2).exists()


def test_whoever_comes_late_gets_the_stored_one_and_asks_nobody(row: Credential, provider: Provider) -> None:
    old = read(row)
    new = exchanging(row).exchange(old, provider)

    assert exchanging(row).exchange(old, provider) == new
    assert provider.asked == 1


def test_eight_processes_with_the_same_used_up_token_ask_once(
    row: Credential, provider: Provider, tmp_path: Path
) -> None:
    old = read(row)

    def work(number: int) -> None:
        got = exchanging(row).exchange(old, provider)
        (tmp_path / f"got {number}").write_text(got.values["refresh_token"])

    pids = [start_child(lambda number=number: work(number)) for number in range(8)]
    assert [end(pid) for pid in pids] == [0] * 8

    got = {file.read_text() for file in tmp_path.glob("got *")}
    assert (provider.asked, got) == (1, {read(row).values["refresh_token"]})


def test_a_worker_killed_before_it_asked_is_followed_by_another_one(row: Credential, provider: Provider) -> None:
    old = read(row)

    with configured(EXCHANGE_SECONDS=0.5):
        died = in_child(lambda: exchanging(row, step=DyingAt("leased")).exchange(old, provider))
        new = exchanging(row).exchange(old, provider)

    assert (died, new.version, provider.asked) == (KILLED, 2, 1)


def test_a_worker_killed_after_it_stored_left_the_new_token_behind(row: Credential, provider: Provider) -> None:
    old = read(row)

    died = in_child(lambda: exchanging(row, step=DyingAt("stored")).exchange(old, provider))
    new = exchanging(row).exchange(old, provider)

    assert (died, new.version, provider.asked) == (KILLED, 2, 1)


def test_killed_between_answer_and_commit_the_source_refuses_and_an_operator_must_act(
    row: Credential, provider: Provider
) -> None:
    """The window that OAuth leaves, and no client can close: docs/how-to/store-credentials.md says so."""
    old = read(row)

    with configured(EXCHANGE_SECONDS=0.5):
        died = in_child(lambda: exchanging(row, step=DyingAt("answered")).exchange(old, provider))
        with pytest.raises(CredentialError, match="invalid_grant"):
            exchanging(row).exchange(old, provider)

    assert died == KILLED
    assert read(row) == old
    assert of(row).get().exchange_token == ""


def test_kills_at_random_points_never_use_a_token_twice_while_another_worker_is_at_it(
    row: Credential, provider: Provider
) -> None:
    for point in ("leased", "stored", "leased", "stored"):
        old = read(row)
        with configured(EXCHANGE_SECONDS=2):
            killed = start_child(
                lambda point=point, old=old: exchanging(row, step=DyingAt(point)).exchange(old, provider)
            )
            others = [start_child(lambda old=old: exchanging(row).exchange(old, provider)) for _ in range(3)]
            codes = [end(pid) for pid in (killed, *others)]
        assert codes[1:] == [0, 0, 0]
        assert codes[0] in (0, KILLED)

    assert provider.asked == 4
    assert read(row).version == 5


def test_a_refusal_lets_the_next_worker_try_at_once(row: Credential) -> None:
    def refuse(used_up: Secret) -> Mapping[str, str]:
        raise CredentialError("invalid_grant")

    with pytest.raises(CredentialError, match="invalid_grant"):
        exchanging(row).exchange(read(row), refuse)

    assert of(row).get().exchange_until is None
    assert exchanging(row, sleep=_never).exchange(read(row), lambda old: {"refresh_token": "token-next"}).version == 2


def test_an_operator_who_stores_a_credential_meanwhile_wins(row: Credential) -> None:
    def slow(used_up: Secret) -> Mapping[str, str]:
        actions.set_credential(OPERATOR, row.tenant, STORE, {"refresh_token": "by-operator"})
        return {"refresh_token": "by-exchange"}

    assert exchanging(row).exchange(read(row), slow).values == {"refresh_token": "by-operator"}
    assert read(row).version == 2


def test_a_refused_token_that_was_replaced_meanwhile_is_no_failure(row: Credential) -> None:
    def refuse(used_up: Secret) -> Mapping[str, str]:
        actions.set_credential(OPERATOR, row.tenant, STORE, {"refresh_token": "by-operator"})
        raise CredentialError("invalid_grant")

    assert exchanging(row).exchange(read(row), refuse).values == {"refresh_token": "by-operator"}


def test_a_refusal_gives_back_its_own_lease_and_not_that_of_who_took_over_after_it(row: Credential) -> None:
    def too_slow(used_up: Secret) -> Mapping[str, str]:
        of(row).update(exchange_token="somebody", exchange_until=db_now_plus(3600))
        raise CredentialError("invalid_grant")

    with pytest.raises(CredentialError, match="invalid_grant"):
        exchanging(row).exchange(read(row), too_slow)

    assert of(row).get().exchange_token == "somebody"
    assert of(row).get().exchange_until is not None


def test_a_refused_token_that_was_deleted_meanwhile_is_refused(row: Credential) -> None:
    def refuse(used_up: Secret) -> Mapping[str, str]:
        actions.delete_credential(OPERATOR, row)
        raise CredentialError("invalid_grant")

    with pytest.raises(CredentialError, match="invalid_grant"):
        exchanging(row).exchange(read(row), refuse)


def test_nobody_asks_with_a_token_that_another_worker_replaced_a_moment_ago(row: Credential) -> None:
    """Between the look at the version and the lease: a source may take a token that comes twice for a stolen one."""
    used_up = read(row)
    exchanging(row).exchange(used_up, lambda old: {"refresh_token": "token-next"})

    assert exchanging(row)._lease(used_up) == ""
    assert exchanging(row)._lease(read(row)) != ""


def test_a_credential_deleted_meanwhile_is_missing(row: Credential) -> None:
    old = read(row)
    actions.delete_credential(OPERATOR, row)

    with pytest.raises(CredentialMissing):
        exchanging(row).exchange(old, lambda used_up: {"a": "b"})


def test_waiting_renews_the_runs_lease_and_ends(row: Credential) -> None:
    of(row).update(exchange_token="somebody", exchange_until=db_now_plus(3600))
    beats: list[int] = []

    with configured(EXCHANGE_SECONDS=0.5), pytest.raises(Transient, match="for too long"):
        exchanging(row, beat=lambda: beats.append(1), sleep=lambda seconds: None).exchange(read(row), _never)

    assert beats


def test_no_transaction_is_open_while_the_source_is_asked(row: Credential) -> None:
    from django.db import connection

    def ask(used_up: Secret) -> Mapping[str, str]:
        assert not connection.in_atomic_block
        return {"refresh_token": "token-next"}

    assert exchanging(row).exchange(read(row), ask).version == 2


def test_inside_a_transaction_it_refuses_to_start(row: Credential) -> None:
    with transaction.atomic(), pytest.raises(RuntimeError, match="durable"):
        exchanging(row).exchange(read(row), _never)


def _never(*args: object) -> Any:
    raise AssertionError("must not be called")
