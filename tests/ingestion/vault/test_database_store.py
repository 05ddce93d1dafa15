"""Credentials in the database: one tenant's own, refused when anything about them was tampered with."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingestion import actions, redaction
from ingestion.core.context import Secret
from ingestion.core.errors import (
    ActionRefused,
    ConfigurationError,
    CredentialChanged,
    CredentialDamaged,
    CredentialMissing,
    KeysUnusable,
)
from ingestion.models import AuditEntry, Credential, CredentialVersion, DataKey
from ingestion.vault import credentials
from tests.databases import examples
from tests.ingestion.runs import new_tenant
from tests.ingestion.vault.keeping import OPERATOR, STORE, master_key, of, stored, under

pytestmark = [pytest.mark.every_database, pytest.mark.django_db]


def read(row: Credential) -> Secret:
    return credentials.read(row.tenant.ref, row.integration)


def test_what_was_stored_is_read_back_with_its_version() -> None:
    values = {"client_id": "abc", "client_secret": "p%ss wörd\n+/=", "refresh_token": "r" * 5000}
    row = stored(**values)

    assert read(row) == Secret(values, 1)


def test_the_row_shows_four_characters_and_none_of_short_values() -> None:
    row = stored(api_key="sk_test_abcdefgh4242", pin="1234")

    assert row.last_four == {"api_key": "4242", "pin": ""}
    assert b"sk_test" not in bytes(row.ciphertext)


def test_another_tenants_credential_is_never_used() -> None:
    stored()
    other = new_tenant()

    with pytest.raises(CredentialMissing, match=f"ingest credential set --tenant {other.key} --integration {STORE}"):
        credentials.read(other.ref, STORE)


def test_another_integrations_credential_is_never_used() -> None:
    row = stored()

    for name in ("strip", "STRIPE"):
        with pytest.raises(CredentialMissing):
            credentials.read(row.tenant.ref, name)
    for name in ("stripe ", "", "../stripe"):
        with pytest.raises(ConfigurationError, match="cannot name an integration"):
            credentials.read(row.tenant.ref, name)


def test_storing_again_replaces_all_values_and_counts_the_version_up() -> None:
    row = stored(api_key="first-value", extra="x")

    again = stored(row.tenant, api_key="second-value")

    assert (again.pk, read(again)) == (row.pk, Secret({"api_key": "second-value"}, 2))


def test_a_version_number_never_comes_twice_also_after_deleting() -> None:
    row = stored()
    actions.delete_credential(OPERATOR, row)

    again = stored(row.tenant)

    assert again.version == 3  # 2 is the deletion
    history = CredentialVersion.objects.for_tenant(row.tenant).order_by("version").values_list("version", "cause")
    assert list(history) == [(1, "set"), (2, "delete"), (3, "set")]


def test_two_writers_of_the_same_version_are_told_apart() -> None:
    row = stored()
    credentials.put(row.tenant.ref, STORE, {"api_key": "mine"}, cause="exchange", expected=1)

    with pytest.raises(CredentialChanged):
        credentials.put(row.tenant.ref, STORE, {"api_key": "theirs"}, cause="exchange", expected=1)

    assert read(row).values == {"api_key": "mine"}


def test_where_nothing_is_expected_only_the_first_of_two_is_stored() -> None:
    tenant = new_tenant()
    for _ in range(2):  # what was deleted is nothing, too
        credentials.put(tenant.ref, STORE, {"api_key": "mine"}, cause="set", expected=0)

        with pytest.raises(CredentialChanged):
            credentials.put(tenant.ref, STORE, {"webhook": "theirs"}, cause="set", expected=0)

        assert credentials.read(tenant.ref, STORE).values == {"api_key": "mine"}
        credentials.drop(tenant.ref, STORE)


def test_one_data_key_a_tenant_wrapped_by_the_first_master_key() -> None:
    tenant = new_tenant()
    with under(new=master_key(), old=master_key()):
        stored(tenant)
        stored(tenant, "rest")

        key = DataKey.objects.for_tenant(tenant).get()

    assert (key.master_key, key.generation) == ("new", 1)


def test_without_a_master_key_nothing_is_stored_and_the_message_says_how_to_get_one() -> None:
    tenant = new_tenant()

    with under(), pytest.raises(ConfigurationError, match="token_urlsafe"):
        stored(tenant)

    assert not Credential.objects.for_tenant(tenant).exists()


def test_with_another_master_key_of_the_same_id_it_is_refused() -> None:
    with under(a=master_key()):
        row = stored()

    with under(a=master_key()), pytest.raises(KeysUnusable, match="another key of the id 'a'"):
        read(row)


def test_without_its_master_key_the_missing_one_is_named() -> None:
    with under(a=master_key()):
        row = stored()

    with under(b=master_key()), pytest.raises(KeysUnusable, match="'a' is not in INGESTION"):
        read(row)


def test_a_ciphertext_put_back_into_the_newer_row_is_refused() -> None:
    row = stored()
    old = of(row).values("ciphertext").get()
    stored(row.tenant, api_key="second-value")

    of(row).update(**old)

    with pytest.raises(CredentialDamaged):
        read(row)


def test_a_whole_row_put_back_to_an_older_version_is_refused() -> None:
    row = stored()
    old = of(row).values().get()
    stored(row.tenant, api_key="second-value")

    of(row).update(**old)

    with pytest.raises(CredentialDamaged, match="version 1, and version 2 was stored before"):
        read(row)


def test_forgetting_the_history_does_not_help_to_put_an_older_version_back() -> None:
    row = stored()
    CredentialVersion.objects.for_tenant(row.tenant).delete()

    with pytest.raises(CredentialDamaged):
        read(row)


def test_after_tampering_the_operator_stores_it_again() -> None:
    row = stored()
    old = of(row).values().get()
    stored(row.tenant, api_key="second-value")
    of(row).update(**old)

    actions.set_credential(OPERATOR, row.tenant, STORE, {"api_key": "third-value"})

    assert read(row) == Secret({"api_key": "third-value"}, 3)


MOVED = ("ciphertext", "data_key_id", "version")


@settings(max_examples=examples(20), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
@pytest.mark.slow
@pytest.mark.sqlite
def test_a_ciphertext_moved_between_rows_tenants_integrations_or_versions_never_opens(data: st.DataObject) -> None:
    """With whatever else its thief moves along: key, version, integration, even the tenant's id."""
    with transaction.atomic():
        ours, theirs = new_tenant(), new_tenant()
        rows = [stored(t, i, key=f"{t.key}-{i}-1") for t, i in itertools.product((ours, theirs), ("stripe", "rest"))]
        states = [(row, of(row).values(*MOVED).get()) for row in rows]
        for row in rows:
            stored(row.tenant, row.integration, key=f"{row.tenant.key}-{row.integration}-2")
        states += [(row, of(row).values(*MOVED).get()) for row in rows]
        target = data.draw(st.sampled_from(rows), label="target")
        _, state = data.draw(st.sampled_from(states), label="source")
        kept = of(target).values(*MOVED).get()
        moved = data.draw(st.sets(st.sampled_from(MOVED), min_size=1), label="moved along")

        of(target).update(**{name: state[name] for name in moved})

        if of(target).values(*MOVED).get() == kept:
            assert read(target).values["key"].endswith("-2")
        else:
            with pytest.raises(CredentialDamaged):
                read(target)
        transaction.set_rollback(True)


def test_a_wrapped_data_key_moved_to_another_tenant_or_into_a_credential_never_opens() -> None:
    ours, theirs = stored(), stored()
    key = DataKey.objects.for_tenant(theirs.tenant).get()

    DataKey.objects.for_tenant(ours.tenant).update(wrapped=key.wrapped)
    of(theirs).update(ciphertext=key.wrapped)

    with pytest.raises(KeysUnusable, match="or the row was changed"):
        read(ours)
    with pytest.raises(CredentialDamaged):
        read(theirs)


@pytest.mark.parametrize(
    ("integration", "values"),
    [
        ("", {"a": "b"}), ("a/b", {"a": "b"}), ("..", {"a": "b"}), ("x" * 101, {"a": "b"}), ("stripe", {}),
        ("stripe", {"": "b"}), ("stripe", {"a b": "sesame"}), ("stripe", {"a": ""}), ("stripe", {"a": " "}),
        ("stripe", {"a": 5}), ("stripe", {"a": "sesame\0"}), ("stripe", {"a": "sesame" * 20_000}),
    ],
)  # fmt: skip
def test_what_cannot_be_stored_is_refused_without_repeating_it(integration: str, values: Any) -> None:
    tenant = new_tenant()

    with pytest.raises(ActionRefused) as refused:
        actions.set_credential(OPERATOR, tenant, integration, values)

    assert "sesame" not in str(refused.value)
    assert not Credential.objects.for_tenant(tenant).exists()


def test_the_audit_trail_names_version_and_names_and_no_value() -> None:
    row = stored(api_key="sk_test_abcdefgh4242")

    entry = AuditEntry.objects.for_tenant(row.tenant).get(action="set credential")

    assert entry.data == {"version": 1, "names": ["api_key"], "expires_at": None}
    assert entry.target == STORE


def test_a_credential_is_masked_in_the_process_that_reads_it() -> None:
    tenant, value = new_tenant(), "a-secret-that-nobody-shall-read"
    stored(tenant, api_key=value)
    redaction.forget()  # as in a worker, which did not store it

    credentials.read(tenant.ref, STORE)

    assert value not in redaction.mask(f"401 for {value}", tenant.pk)
