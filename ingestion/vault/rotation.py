"""Rotation replaces keys during runs. When it is killed it is started again: the rows show what is left to do.

For each tenant: a new data key under the first master key, every credential sealed again under it, the old data keys
deleted. Each step is one small transaction; readers find a credential under its old or its new key, never in between.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.db.models import Max, ProtectedError

from ingestion import null_hooks
from ingestion.conf import config
from ingestion.core.errors import IngestionError, KeysUnusable
from ingestion.database.clock import read_db_now
from ingestion.models import Credential, DataKey, Tenant
from ingestion.vault import credentials, data_keys, master_keys
from ingestion.vault.credentials import write_again_if_crossed
from ingestion.vault.database import associated_data
from ingestion.vault.sealing import seal, unseal

_ROUNDS = 50
Step = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Rotated:
    """What a rotation did for one tenant."""

    credentials: int
    """Credentials that were encrypted again under the new data key."""
    dropped: int
    """Old data keys deleted."""


def unfinished(older_than: timedelta | None = None) -> list[int]:
    """Tenants that do not have exactly one data key, under the first master key and young enough."""
    oldest = read_db_now() - older_than if older_than is not None else None
    tenants = DataKey.unscoped.order_by("tenant_id").values_list("tenant_id", flat=True).distinct()
    newest = ((pk, data_keys.newest(pk)) for pk in tenants)
    return [pk for pk, key in newest if key and (_is_old(key, oldest) or data_keys.of_tenant(pk).count() > 1)]


def rotate(tenant: Tenant, *, older_than: timedelta | None = None, step: Step = null_hooks.ignore) -> Rotated:
    """Encrypt the tenant's credentials under one data key that the first master key wraps.

    Raises CredentialDamaged or KeysUnusable when a credential cannot be decrypted; the others are done by then.
    """
    oldest = read_db_now() - older_than if older_than is not None else None
    newest = data_keys.newest(tenant.pk)
    if newest is not None and _is_old(newest, oldest):
        data_keys.create(tenant.pk, newest.generation + 1)  # another rotation at this moment makes the same one
        step("made")
    sealed = dropped = 0
    for _ in range(_ROUNDS):
        sealed += _seal_again(tenant.pk, step)
        dropped += _drop_unused(tenant.pk, step)
        if data_keys.of_tenant(tenant.pk).count() <= 1:
            break
    return Rotated(sealed, dropped)


def in_use() -> dict[str, int]:
    """How many data keys each master key wraps, including master keys that are not in the settings."""
    wrapped = Counter(DataKey.unscoped.values_list("master_key", flat=True))
    return {key_id: wrapped.get(key_id, 0) for key_id in [*config().MASTER_KEYS, *sorted(wrapped)]}


def unknown() -> dict[str, int]:
    """How many data keys are wrapped by master keys that are not in the settings."""
    return {key_id: count for key_id, count in in_use().items() if key_id not in config().MASTER_KEYS}


def problem() -> str:
    """Why stored credentials of some tenant cannot be decrypted here; '' where all can."""
    try:
        credentials.require_keys()
    except KeysUnusable as error:
        return str(error)
    return ""


def _is_old(key: DataKey, oldest: datetime | None) -> bool:
    return key.master_key != master_keys.first() or (oldest is not None and key.created_at < oldest)


def _seal_again(tenant_id: int, step: Step) -> int:
    """Encrypt every credential under the newest data key; how many. New ones are under it already."""
    sealed = 0
    failure: IngestionError | None = None
    for pk in _under_older_keys(tenant_id):
        try:
            sealed += write_again_if_crossed(lambda pk=pk: _seal_under_newest(tenant_id, pk))  # type: ignore[misc]
        except IngestionError as error:
            failure = error
            continue
        step("sealed")
    if failure is not None:
        raise failure
    return sealed


def _under_older_keys(tenant_id: int) -> Iterator[int]:
    newest = data_keys.newest(tenant_id)
    rows = Credential.objects.for_tenant(tenant_id).filter(data_key__isnull=False)
    yield from list(rows.exclude(data_key=newest).order_by("pk").values_list("pk", flat=True))


def _seal_under_newest(tenant_id: int, pk: int) -> bool:
    """Encrypt one credential under the newest data key, unless a writer changes it at the same moment."""
    with transaction.atomic():
        rows = Credential.objects.for_tenant(tenant_id).filter(pk=pk)
        row = rows.select_related("data_key").first()
        newest = data_keys.newest(tenant_id)
        if row is None or newest is None or row.data_key is None or row.data_key_id == newest.pk:
            return False
        bound = associated_data(row, row.version)
        plain = unseal(data_keys.unwrap(row.data_key), bytes(row.ciphertext), bound)
        sealed = seal(data_keys.unwrap(newest), plain, bound)
        unchanged = rows.filter(version=row.version, data_key_id=row.data_key_id)
        return bool(unchanged.update(ciphertext=sealed, data_key=newest))


def _drop_unused(tenant_id: int, step: Step) -> int:
    """Delete data keys without credentials. A key that has just got a credential stays for now."""
    newest = data_keys.of_tenant(tenant_id).aggregate(newest=Max("generation"))["newest"]
    dropped = 0
    for old in data_keys.of_tenant(tenant_id).filter(generation__lt=newest or 0):
        try:
            write_again_if_crossed(lambda old=old: _drop(old))  # type: ignore[misc]
        except (ProtectedError, IntegrityError):
            continue
        dropped += 1
        step("dropped")
    return dropped


def _drop(old: DataKey) -> None:
    with transaction.atomic():
        if not old.credentials.exists():
            data_keys.of_tenant(old.tenant_id).filter(pk=old.pk).delete()
        elif data_keys.of_tenant(old.tenant_id).filter(pk=old.pk).exists():
            raise ProtectedError("A credential is under this key.", set(old.credentials.all()))
