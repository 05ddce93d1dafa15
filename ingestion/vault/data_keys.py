"""The key that encrypts a tenant's credentials: created when first needed, wrapped by a master key, rotated."""

from __future__ import annotations

import os

from django.db.models import Max, QuerySet

from ingestion.core.errors import CredentialDamaged, KeysUnusable
from ingestion.models import DataKey
from ingestion.vault import master_keys
from ingestion.vault.sealing import KEY_BYTES, AssociatedData, seal, unseal

_TRIED_KEYS = 5


def current(tenant_id: int) -> tuple[DataKey, bytes]:
    """The key that encrypts now, with its bytes."""
    row = newest(tenant_id) or create(tenant_id, 1)
    return row, unwrap(row)


def newest(tenant_id: int) -> DataKey | None:
    return of_tenant(tenant_id).order_by("-generation").first()


def of_tenant(tenant_id: int) -> QuerySet[DataKey]:
    return DataKey.objects.for_tenant(tenant_id)


def create(tenant_id: int, generation: int) -> DataKey:
    """Create the tenant's key of this generation; of two processes that create it at once, one does.

    Raises KeysUnusable where this process has another master key of that id than the one in use: no other process could
    open what it encrypts, and no setting could open both.
    """
    under = master_keys.first()
    _require_same(under)
    wrapped = seal(master_keys.key(under), os.urandom(KEY_BYTES), _associated_data(tenant_id, generation, under))
    row, _ = of_tenant(tenant_id).get_or_create(
        tenant_id=tenant_id, generation=generation, defaults={"master_key": under, "wrapped": wrapped}
    )
    return row


def _require_same(master_key: str) -> None:
    """Require that one of the newest keys under it can be unwrapped: one may be damaged, but not all of them."""
    failure: KeysUnusable | None = None
    for row in DataKey.unscoped.filter(master_key=master_key).order_by("-pk")[:_TRIED_KEYS]:
        try:
            unwrap(row)
        except KeysUnusable as error:
            failure = failure or error
        else:
            return
    if failure is not None:
        raise failure


def unwrap(row: DataKey) -> bytes:
    """The key's bytes. Raises KeysUnusable when they cannot be unwrapped."""
    bound = _associated_data(row.tenant_id, row.generation, row.master_key)
    master_key = master_keys.key(row.master_key)
    try:
        return unseal(master_key, bytes(row.wrapped), bound)
    except CredentialDamaged:
        raise KeysUnusable(
            f"The data key {row} cannot be opened: the settings have another key of the id {row.master_key!r} than the "
            "one that wrapped it, or the row was changed. Put the right master key back, or restore the row."
        ) from None


def require_openable() -> None:
    """Unwrap the newest data key under each master key. Raises KeysUnusable when one cannot be unwrapped."""
    newest = DataKey.unscoped.order_by().values("master_key").annotate(newest=Max("pk")).values("newest")
    for row in DataKey.unscoped.filter(pk__in=list(newest.values_list("newest", flat=True))):
        unwrap(row)


def _associated_data(tenant_id: int, generation: int, under: str) -> AssociatedData:
    return AssociatedData(tenant_id, "", f"data key {generation}", under, generation)
