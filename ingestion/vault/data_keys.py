"""The key that seals a tenant's credentials: made when first needed, wrapped by a master key, replaced by rotation."""

from __future__ import annotations

import os

from django.db.models import QuerySet

from ingestion.core.errors import CredentialDamaged
from ingestion.models import DataKey
from ingestion.vault import master_keys
from ingestion.vault.sealing import KEY_BYTES, Place, seal, unseal


def current(tenant_id: int) -> tuple[DataKey, bytes]:
    """The key that seals now, with its bytes."""
    row = newest(tenant_id) or make(tenant_id, 1)
    return row, opened(row)


def newest(tenant_id: int) -> DataKey | None:
    return of(tenant_id).order_by("-generation").first()


def of(tenant_id: int) -> QuerySet[DataKey]:
    return DataKey.objects.for_tenant(tenant_id)


def make(tenant_id: int, generation: int) -> DataKey:
    """The tenant's key of this generation; of two processes that make it at once, one does."""
    under = master_keys.first()
    wrapped = seal(master_keys.key(under), os.urandom(KEY_BYTES), _place(tenant_id, generation, under))
    row, _ = of(tenant_id).get_or_create(
        tenant_id=tenant_id, generation=generation, defaults={"master_key": under, "wrapped": wrapped}
    )
    return row


def opened(row: DataKey) -> bytes:
    """The key's bytes. Raises UnknownMasterKey, CredentialDamaged."""
    place = _place(row.tenant_id, row.generation, row.master_key)
    key = unseal(master_keys.key(row.master_key), bytes(row.wrapped), place)
    if len(key) != KEY_BYTES:
        raise CredentialDamaged(f"The data key {row} has a wrong length.")
    return key


def _place(tenant_id: int, generation: int, under: str) -> Place:
    return Place(tenant_id, "", f"data key {generation}", under, generation)
