"""The default store: values sealed in the credential's own row, under the tenant's data key."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db.models import Max, OuterRef, Subquery
from django.db.models.functions import Coalesce

from ingestion.core.context import Secret
from ingestion.core.errors import CredentialDamaged
from ingestion.database.clock import DbNow
from ingestion.models import Credential, CredentialVersion
from ingestion.vault import data_keys
from ingestion.vault.sealing import Place, seal, unseal
from ingestion.vault.stores import Address, changed
from ingestion.vault.values import packed, unpacked


class DatabaseStore:
    """AES-256-GCM. What is bound to the ciphertext: tenant, integration, row, field and version."""

    remote = False

    def read(self, at: Address) -> Secret | None:
        row = _with_history(at)
        if row is None or row.data_key is None or not row.ciphertext:
            return None
        if row.tenant_id != at.tenant.id or row.data_key.tenant_id != at.tenant.id:
            raise CredentialDamaged(f"The credential for {at.integration} belongs to another tenant.")
        if row.version != row.newest:
            raise CredentialDamaged(
                f"The credential for {at.integration} is version {row.version}, and version {row.newest} was stored "
                "before: an older one was put back. Store the right one again."
            )
        plain = unseal(data_keys.opened(row.data_key), bytes(row.ciphertext), place(row, row.version))
        return Secret(unpacked(plain), row.version)

    def write(self, at: Address, values: Mapping[str, str], expected: int | None) -> int:
        """Inside the caller's transaction. The row is there (`credentials.row`), with the last version before."""
        row = Credential.objects.for_tenant(at.tenant).select_for_update().get(integration=at.integration)
        if expected == 0 and row.ciphertext:
            raise changed(at)
        before = expected or row.version
        version = max(before, _highest(at)) + 1  # above every one before, also when an older row was put back
        key_row, key = data_keys.current(at.tenant.id)
        sealed = seal(key, packed(values), place(row, version))
        mine = Credential.objects.for_tenant(at.tenant).filter(pk=row.pk, version=before)
        if not mine.update(
            version=version, ciphertext=sealed, data_key=key_row, rotated_at=DbNow(), updated_at=DbNow()
        ):
            raise changed(at)
        return version

    def delete(self, at: Address) -> None:
        Credential.objects.for_tenant(at.tenant).filter(integration=at.integration).delete()


def place(row: Credential, version: int) -> Place:
    """Where the ciphertext of `row` belongs."""
    return Place(row.tenant_id, row.integration, f"credential {row.pk}", "values", version)


def _highest(at: Address) -> int:
    history = CredentialVersion.objects.for_tenant(at.tenant).filter(integration=at.integration)
    return history.aggregate(highest=Max("version"))["highest"] or 0


def _with_history(at: Address) -> Any:
    """The row with `newest`, the highest version ever stored, in one statement: two would see two moments."""
    history = CredentialVersion.objects.for_tenant(at.tenant).filter(integration=OuterRef("integration"))
    highest = history.order_by().values("integration").annotate(highest=Max("version")).values("highest")
    rows = Credential.objects.for_tenant(at.tenant).filter(integration=at.integration)
    return rows.select_related("data_key").annotate(newest=Coalesce(Subquery(highest), 0)).first()
