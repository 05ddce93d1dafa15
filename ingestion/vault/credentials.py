"""Reads, stores and deletes a tenant's credential in any secret store, and describes it without decrypting it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

from django.db import IntegrityError, transaction

from ingestion import null_hooks, redaction
from ingestion.core.context import Secret, TenantRef
from ingestion.core.errors import CredentialDamaged, CredentialMissing
from ingestion.database import errors
from ingestion.database.clock import DbNow
from ingestion.database.retrying import retry
from ingestion.models import Credential, CredentialVersion, TenantQuerySet
from ingestion.vault import data_keys
from ingestion.vault.stores import Address, SecretStore, configured_store
from ingestion.vault.values import last_four, secret

T = TypeVar("T")
Note = Callable[[Credential], object]
_TRIES = 10


def read(tenant: TenantRef, integration: str) -> Secret:
    """The tenant's own credential. Raises CredentialMissing, CredentialDamaged, SecretStoreUnavailable."""
    at, store = Address(tenant, integration), configured_store()
    stored = store.read(at)
    if stored is None:
        raise CredentialMissing(
            f"No credential is stored for tenant {tenant.key} and integration {integration}. Store one: "
            f"manage.py ingest credential set --tenant {tenant.key} --integration {integration} --prompt NAME, "
            "or Credentials, Add in the console."
        )
    if store.remote:
        _record_remote_version(at, stored)
    redaction.remember(secret(stored.values).values(), tenant.id)
    return stored


def require_reachable_store() -> None:
    """Send a remote store the same request as for an existing tenant; raises KeysUnusable, SecretStoreUnavailable."""
    store = configured_store()
    if store.remote:
        store.read(Address(TenantRef(0, "nobody"), "nothing"))


def require_keys() -> None:
    """Raise KeysUnusable when some tenant's credentials cannot be decrypted here. A remote store checks each read."""
    if not configured_store().remote:
        data_keys.require_openable()


def version(tenant: TenantRef, integration: str) -> int | None:
    """The version that is stored now, without decrypting it; None when there is none."""
    return _rows(Address(tenant, integration)).values_list("version", flat=True).first()


def is_stored(tenant: TenantRef, integration: str) -> bool:
    """Whether a credential is stored under exactly this name; some databases also match names that look alike."""
    return integration in _rows(Address(tenant, integration)).values_list("integration", flat=True)


def put(
    tenant: TenantRef,
    integration: str,
    values: Mapping[str, str],
    *,
    cause: str,
    expected: int | None = None,
    note: Note = null_hooks.ignore,
) -> Secret:
    """Store `values` as a new version; `note` is called in the transaction that records it.

    Raises CredentialChanged when `expected` is not the stored version any more; 0 expects that nothing is stored.
    """
    redaction.remember(secret(values).values(), tenant.id)
    at, store = Address(tenant, integration), configured_store()
    written = store.write(at, values, expected) if store.remote else None

    def record() -> int:
        with transaction.atomic():
            credential = row(at)
            number = written or store.write(at, values, expected)
            _store_description(at, credential, values, number, cause)
            note(credential)
            return number

    return Secret(dict(values), write_again_if_crossed(record))


def drop(tenant: TenantRef, integration: str, *, note: Note = null_hooks.ignore) -> bool:
    """Delete the credential beyond recovery; its history of version numbers stays. False when there was none."""
    at, store = Address(tenant, integration), configured_store()
    if store.remote:
        store.delete(at)

    def record() -> bool:
        with transaction.atomic():
            credential = _rows(at).select_for_update().first()
            if credential is None:
                return False
            _remember_version(at, credential.version + 1, "delete")
            note(credential)
            credential.delete()
            return True

    return write_again_if_crossed(record)


def row(at: Address) -> Credential:
    """The credential's row; a new one starts with the last version that the tenant ever had of it."""
    existing = _rows(at).first()
    if existing is not None:
        return existing
    history = CredentialVersion.objects.for_tenant(at.tenant).filter(integration=at.integration)
    last = history.order_by("-version").values_list("version", flat=True).first()
    credential, _ = _rows(at).get_or_create(
        tenant_id=at.tenant.id,
        integration=at.integration,
        defaults={"version": last or 0, "ciphertext": b"", "rotated_at": DbNow()},
    )
    return credential


def write_again_if_crossed(change: Callable[[], T]) -> T:
    """Call `change`, one transaction; again when a key rotation or another writer changed the same rows meanwhile."""
    return retry(change, passes=_is_crossed, pause=0.03, tries=_TRIES, reconnect=True)


def _is_crossed(error: Exception) -> bool:
    return isinstance(error, IntegrityError) or errors.is_transient(error)


def _rows(at: Address) -> TenantQuerySet[Credential]:
    return Credential.objects.for_tenant(at.tenant).filter(integration=at.integration)


def _store_description(at: Address, credential: Credential, values: Mapping[str, str], number: int, cause: str) -> None:
    """Store what is shown of the new version, and add it to the history."""
    description = {"version": number, "last_four": last_four(values), "rotated_at": DbNow(), "updated_at": DbNow()}
    _rows(at).filter(pk=credential.pk).update(**description, exchange_token="", exchange_until=None, warned_at=None)
    _remember_version(at, number, cause)
    credential.version = number


def _remember_version(at: Address, number: int, cause: str) -> None:
    CredentialVersion.objects.for_tenant(at.tenant).get_or_create(
        tenant_id=at.tenant.id, integration=at.integration, version=number, defaults={"cause": cause}
    )


def _record_remote_version(at: Address, stored: Secret) -> None:
    """Record a version that was written to the remote store directly; refuse one older than the last."""
    last = _rows(at).first()
    if last is not None and last.version == stored.version:
        return
    if last is not None and last.version > stored.version:
        raise CredentialDamaged(
            f"The secret store has version {stored.version} of the credential for {at.integration}, and version "
            f"{last.version} was there before: an older one was put back. Store the right one again."
        )

    def record() -> None:
        with transaction.atomic():
            _store_description(at, row(at), stored.values, stored.version, "store")

    write_again_if_crossed(record)


__all__ = ["SecretStore", "drop", "put", "read", "row", "version", "write_again_if_crossed"]
