"""The key that seals a tenant's credentials: made when first needed, wrapped by a master key, replaced by rotation."""

from __future__ import annotations

import os

from django.db.models import Max, QuerySet

from ingestion.core.errors import CredentialDamaged, KeysUnusable
from ingestion.models import DataKey
from ingestion.vault import master_keys
from ingestion.vault.sealing import KEY_BYTES, Place, seal, unseal

_ASKED = 5


def current(tenant_id: int) -> tuple[DataKey, bytes]:
    """The key that seals now, with its bytes."""
    row = newest(tenant_id) or make(tenant_id, 1)
    return row, opened(row)


def newest(tenant_id: int) -> DataKey | None:
    return of(tenant_id).order_by("-generation").first()


def of(tenant_id: int) -> QuerySet[DataKey]:
    return DataKey.objects.for_tenant(tenant_id)


def make(tenant_id: int, generation: int) -> DataKey:
    """The tenant's key of this generation; of two processes that make it at once, one does.

    Raises KeysUnusable, and makes none, where this process has another master key of that id than the one in use: what
    it sealed nobody else could open, nor could any setting open both.
    """
    under = master_keys.first()
    _require_same(under)
    wrapped = seal(master_keys.key(under), os.urandom(KEY_BYTES), _place(tenant_id, generation, under))
    row, _ = of(tenant_id).get_or_create(
        tenant_id=tenant_id, generation=generation, defaults={"master_key": under, "wrapped": wrapped}
    )
    return row


def _require_same(master_key: str) -> None:
    """One of the newest keys under it must open; of several that do not one may be damaged, but not all."""
    failure: KeysUnusable | None = None
    for row in DataKey.unscoped.filter(master_key=master_key).order_by("-pk")[:_ASKED]:
        try:
            opened(row)
        except KeysUnusable as error:
            failure = failure or error
        else:
            return
    if failure is not None:
        raise failure


def opened(row: DataKey) -> bytes:
    """The key's bytes. Raises KeysUnusable: without its data key nobody can say what is wrong with a credential."""
    place = _place(row.tenant_id, row.generation, row.master_key)
    master_key = master_keys.key(row.master_key)
    try:
        return unseal(master_key, bytes(row.wrapped), place)
    except CredentialDamaged:
        raise KeysUnusable(
            f"The data key {row} cannot be opened: the settings have another key of the id {row.master_key!r} than the "
            "one that wrapped it, or the row was changed. Put the right master key back, or restore the row."
        ) from None


def require_openable() -> None:
    """Open the newest data key under each master key, whoever's it is. Raises KeysUnusable when one cannot be."""
    newest = DataKey.unscoped.order_by().values("master_key").annotate(newest=Max("pk")).values("newest")
    for row in DataKey.unscoped.filter(pk__in=list(newest.values_list("newest", flat=True))):
        opened(row)


def _place(tenant_id: int, generation: int, under: str) -> Place:
    return Place(tenant_id, "", f"data key {generation}", under, generation)
