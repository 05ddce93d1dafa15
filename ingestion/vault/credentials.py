"""Reading and storing a tenant's credential, whatever store keeps it, and what is known of it without opening it."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from typing import TypeVar

from django.db import IntegrityError, connection, transaction

from ingestion import redaction
from ingestion.core.context import Secret, TenantRef
from ingestion.core.errors import CredentialDamaged, CredentialMissing
from ingestion.database import errors
from ingestion.database.clock import DbNow
from ingestion.models import Credential, CredentialVersion, TenantQuerySet
from ingestion.vault import data_keys
from ingestion.vault.stores import Address, SecretStore, chosen
from ingestion.vault.values import last_four, secret

T = TypeVar("T")
Note = Callable[[Credential], object]
_TRIES = 10


def _nothing(row: Credential) -> None:
    return None


def read(tenant: TenantRef, integration: str) -> Secret:
    """The tenant's own credential. Raises CredentialMissing, CredentialDamaged, SecretStoreUnavailable."""
    at, store = Address(tenant, integration), chosen()
    found = store.read(at)
    if found is None:
        raise CredentialMissing(
            f"No credential is stored for tenant {tenant.key} and integration {integration}. Store one: "
            f"manage.py ingest credential set --tenant {tenant.key} --integration {integration} --prompt NAME, "
            "or Credentials, Add in the console."
        )
    if store.remote:
        _follow(at, found)
    redaction.remember(secret(found.values).values(), tenant.id)
    return found


def ask_for_nobody() -> None:
    """Ask a remote store as for a tenant that exists. Raises KeysUnusable, SecretStoreUnavailable as it would then."""
    store = chosen()
    if store.remote:
        store.read(Address(TenantRef(0, "nobody"), "nothing"))


def require_keys() -> None:
    """Raise KeysUnusable when some tenant's credentials cannot be opened here. Of a remote store each read says so."""
    if not chosen().remote:
        data_keys.require_openable()


def version(tenant: TenantRef, integration: str) -> int | None:
    """The version that is stored now, without opening it; None when there is none."""
    return _rows(Address(tenant, integration)).values_list("version", flat=True).first()


def known(tenant: TenantRef, integration: str) -> bool:
    """Whether one is stored under exactly this name; some databases find it under others that look like it."""
    return integration in _rows(Address(tenant, integration)).values_list("integration", flat=True)


def put(
    tenant: TenantRef, integration: str, values: Mapping[str, str], *, cause: str, expected: int | None = None,
    note: Note = _nothing,
) -> Secret:  # fmt: skip
    """Store `values` as a new version; `note` is called in the transaction that records it.

    Raises CredentialChanged when `expected` is not the stored version any more; 0 expects that nothing is stored.
    """
    redaction.remember(secret(values).values(), tenant.id)
    at, store = Address(tenant, integration), chosen()
    written = store.write(at, values, expected) if store.remote else None

    def record() -> int:
        with transaction.atomic():
            mine = row(at)
            number = written or store.write(at, values, expected)
            _describe(at, mine, values, number, cause)
            note(mine)
            return number

    return Secret(dict(values), again(record))


def drop(tenant: TenantRef, integration: str, *, note: Note = _nothing) -> bool:
    """Delete the credential beyond recovery; its history of version numbers stays. False when there was none."""
    at, store = Address(tenant, integration), chosen()
    if store.remote:
        store.delete(at)

    def record() -> bool:
        with transaction.atomic():
            mine = _rows(at).select_for_update().first()
            if mine is None:
                return False
            _remember_version(at, mine.version + 1, "delete")
            note(mine)
            mine.delete()
            return True

    return again(record)


def row(at: Address) -> Credential:
    """The credential's row, made when it is not there, with the last version that this tenant ever had of it."""
    found = _rows(at).first()
    if found is not None:
        return found
    history = CredentialVersion.objects.for_tenant(at.tenant).filter(integration=at.integration)
    last = history.order_by("-version").values_list("version", flat=True).first()
    made, _ = _rows(at).get_or_create(
        tenant_id=at.tenant.id,
        integration=at.integration,
        defaults={"version": last or 0, "ciphertext": b"", "rotated_at": DbNow()},
    )
    return made


def again(change: Callable[[], T]) -> T:
    """Carry out `change`, one transaction, again when a key rotation or another writer crossed it."""
    for tried in range(1, _TRIES + 1):
        try:
            return change()
        except Exception as error:
            crossed = isinstance(error, IntegrityError) or errors.is_transient(error)
            if not crossed or tried == _TRIES or connection.in_atomic_block:
                raise
            if not isinstance(error, IntegrityError):
                connection.close()
        time.sleep(random.uniform(0.02, 0.06) * tried)  # noqa: S311  jitter, not a secret
    raise AssertionError("unreachable")


def _rows(at: Address) -> TenantQuerySet[Credential]:
    return Credential.objects.for_tenant(at.tenant).filter(integration=at.integration)


def _describe(at: Address, mine: Credential, values: Mapping[str, str], number: int, cause: str) -> None:
    """Keep what is shown of the new version, and that it existed."""
    shown = {"version": number, "last_four": last_four(values), "rotated_at": DbNow(), "updated_at": DbNow()}
    _rows(at).filter(pk=mine.pk).update(**shown, exchange_token="", exchange_until=None, warned_at=None)
    _remember_version(at, number, cause)
    mine.version = number


def _remember_version(at: Address, number: int, cause: str) -> None:
    CredentialVersion.objects.for_tenant(at.tenant).get_or_create(
        tenant_id=at.tenant.id, integration=at.integration, version=number, defaults={"cause": cause}
    )


def _follow(at: Address, found: Secret) -> None:
    """Know of a version that somebody put into the remote store without us; refuse one that went back."""
    known = _rows(at).first()
    if known is not None and known.version == found.version:
        return
    if known is not None and known.version > found.version:
        raise CredentialDamaged(
            f"The secret store has version {found.version} of the credential for {at.integration}, and version "
            f"{known.version} was there before: an older one was put back. Store the right one again."
        )

    def record() -> None:
        with transaction.atomic():
            _describe(at, row(at), found.values, found.version, "store")

    again(record)


__all__ = ["SecretStore", "again", "drop", "put", "read", "row", "version"]
