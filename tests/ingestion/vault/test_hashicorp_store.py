"""Credentials in a Vault server: the real client against a server that speaks KV version 2."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ingestion import actions
from ingestion.core.context import Secret
from ingestion.core.errors import (
    ConfigurationError,
    CredentialChanged,
    CredentialDamaged,
    CredentialMissing,
    SecretStoreUnavailable,
)
from ingestion.models import Credential
from ingestion.vault import Address, HashicorpStore, SecretStore, credentials
from ingestion.vault.token_refresh import TokenRefresh
from tests.ingestion.runs import configured, new_tenant
from tests.ingestion.vault.fake_server import TOKEN, FakeVault
from tests.ingestion.vault.keeping import OPERATOR, STORE, of, stored

pytestmark = pytest.mark.django_db


@pytest.fixture
def vault() -> Iterator[FakeVault]:
    with FakeVault() as server, using(url=server.url, token=TOKEN):
        yield server


def using(**values: str) -> object:
    return configured(SECRET_STORE="ingestion.vault.HashicorpStore", MASTER_KEYS={}, VAULT=values)


def read(row: Credential) -> Secret:
    return credentials.read(row.tenant.ref, row.integration)


def test_it_is_a_secret_store() -> None:
    assert isinstance(HashicorpStore(), SecretStore)


def test_values_are_kept_there_and_not_in_the_database(vault: FakeVault) -> None:
    row = stored(api_key="sk_test_abcdefgh4242")

    assert read(row) == Secret({"api_key": "sk_test_abcdefgh4242"}, 1)
    assert list(vault.secrets) == [f"sluicegate/{row.tenant.key}-{row.tenant_id}/{STORE}"]
    assert (bytes(of(row).get().ciphertext), row.last_four) == (b"", {"api_key": "4242"})


def test_each_tenant_and_integration_has_a_path_of_its_own(vault: FakeVault) -> None:
    row = stored()
    stored(row.tenant, "rest")
    stored()

    assert len(vault.secrets) == 3
    with pytest.raises(CredentialMissing):
        credentials.read(new_tenant().ref, STORE)


def test_a_secret_copied_from_another_tenants_path_is_refused(vault: FakeVault) -> None:
    ours, theirs = stored(), stored()
    one, other = vault.secrets

    vault.secrets[one] = vault.secrets[other]

    with pytest.raises(CredentialDamaged, match="is not the tenant's credential"):
        read(ours)
    assert read(theirs)


def test_versions_go_up_and_a_write_over_a_newer_one_is_refused(vault: FakeVault) -> None:
    row = stored()
    stored(row.tenant, api_key="second-value")

    with pytest.raises(CredentialChanged):
        credentials.put(row.tenant.ref, STORE, {"api_key": "late"}, cause="exchange", expected=1)

    assert read(row) == Secret({"api_key": "second-value"}, 2)


def test_where_nothing_is_expected_only_the_first_of_two_is_stored(vault: FakeVault) -> None:
    row = stored()
    credentials.drop(row.tenant.ref, STORE)
    credentials.put(row.tenant.ref, STORE, {"api_key": "mine"}, cause="set", expected=0)

    with pytest.raises(CredentialChanged):
        credentials.put(row.tenant.ref, STORE, {"webhook": "theirs"}, cause="set", expected=0)

    assert read(row).values == {"api_key": "mine"}


def test_nothing_is_no_longer_there_when_somebody_is_quicker(vault: FakeVault) -> None:
    row = stored()
    credentials.drop(row.tenant.ref, STORE)
    path = next(iter(vault.secrets))

    def cross() -> None:
        vault.before_write = None
        vault.secrets[path].append({"tenant": row.tenant_id, "integration": STORE, "values": {"api_key": "crossed"}})

    vault.before_write = cross

    with pytest.raises(CredentialChanged):
        credentials.put(row.tenant.ref, STORE, {"api_key": "late"}, cause="set", expected=0)

    assert read(row).values == {"api_key": "crossed"}


def test_an_operators_write_that_somebody_crossed_is_tried_over_the_newer_one(vault: FakeVault) -> None:
    row = stored()
    path = next(iter(vault.secrets))

    def cross() -> None:
        vault.before_write = None
        vault.secrets[path].append({"tenant": row.tenant_id, "integration": STORE, "values": {"api_key": "crossed"}})

    vault.before_write = cross

    assert (stored(row.tenant, api_key="third-value").version, read(row).version) == (3, 3)


def test_a_version_that_somebody_put_there_is_taken_and_followed(vault: FakeVault) -> None:
    row = stored()
    (versions,) = vault.secrets.values()
    versions.append({**versions[0], "values": {"api_key": "rotated-by-vault"}})

    assert read(row).values == {"api_key": "rotated-by-vault"}
    assert credentials.version(row.tenant.ref, STORE) == 2


def test_a_secret_put_there_by_others_before_we_knew_of_it_is_taken(vault: FakeVault) -> None:
    tenant = new_tenant()
    body = {"tenant": tenant.pk, "integration": STORE, "values": {"api_key": "by-terraform"}}
    vault.secrets[f"sluicegate/{tenant.key}-{tenant.pk}/{STORE}"] = [body]

    assert credentials.read(tenant.ref, STORE) == Secret({"api_key": "by-terraform"}, 1)


def test_an_older_version_put_back_is_refused_until_it_is_stored_again(vault: FakeVault) -> None:
    row = stored()
    stored(row.tenant, api_key="second-value")
    (versions,) = vault.secrets.values()
    del versions[1]

    with pytest.raises(CredentialDamaged, match="an older one was put back"):
        read(row)

    stored(row.tenant, api_key="third-value")
    assert read(row).values == {"api_key": "third-value"}


def test_deleting_destroys_every_version_and_the_numbers_go_on(vault: FakeVault) -> None:
    row = stored()
    stored(row.tenant, api_key="second-value")

    actions.delete_credential(OPERATOR, row)

    assert list(vault.secrets.values()) == [[None, None]]
    with pytest.raises(CredentialMissing):
        read(row)
    assert stored(row.tenant).version == 3


def test_a_token_is_exchanged_there_too(vault: FakeVault) -> None:
    row = stored(refresh_token="first")

    new = TokenRefresh(row.tenant.ref, STORE).exchange(read(row), lambda old: {"refresh_token": "second"})

    assert (new, read(row)) == (Secret({"refresh_token": "second"}, 2), new)


@pytest.mark.parametrize("status", [429, 472, 500, 502, 503])
def test_a_server_that_cannot_answer_is_a_transient_failure(vault: FakeVault, status: int) -> None:
    row = stored()
    vault.fail = status

    with pytest.raises(SecretStoreUnavailable):
        read(row)


def test_no_server_is_a_transient_failure() -> None:
    with using(url="http://127.0.0.1:9", token=TOKEN), pytest.raises(SecretStoreUnavailable):
        HashicorpStore().read(Address(new_tenant().ref, STORE))


def test_a_refused_token_is_the_deployments_fault_and_no_tenants(vault: FakeVault) -> None:
    row = stored()

    with (
        using(url=vault.url, token="hvs.other"),
        pytest.raises(ConfigurationError, match="refuses our token") as raised,
    ):
        read(row)
    assert "hvs.other" not in str(raised.value)


def test_nothing_is_written_where_the_server_failed(vault: FakeVault) -> None:
    tenant = new_tenant()
    vault.fail = 503

    with pytest.raises(SecretStoreUnavailable):
        stored(tenant)

    assert not Credential.objects.for_tenant(tenant).exists()


def test_a_role_logs_in_with_an_id_and_a_secret_from_a_file(vault: FakeVault, tmp_path: Path) -> None:
    (tmp_path / "secret_id").write_text("only-for-tests\n")

    with using(url=vault.url, role_id="role", secret_id=f"file:{tmp_path / 'secret_id'}", mount="kv", prefix="prod"):
        assert read(stored(api_key="by-role")).values == {"api_key": "by-role"}

    assert {path.split("/")[2] for _, path in vault.asked} == {"auth", "kv"}
    assert all(path.startswith("prod/") for path in vault.secrets)


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"url": "http://localhost"},
        {"url": "http://localhost", "token": "t", "tokn": "t"},
        {"url": "u", "role_id": "r"},
    ],
)
def test_settings_that_make_no_sense_are_named(values: dict[str, str]) -> None:
    with using(**values), pytest.raises(ConfigurationError, match="VAULT"):
        HashicorpStore().read(Address(new_tenant().ref, STORE))
