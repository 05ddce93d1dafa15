"""The default store: values encrypted in the credential's own row, under the tenant's data key."""

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
from ingestion.vault.sealing import AssociatedData, seal, unseal
from ingestion.vault.stores import Address, changed_error
from ingestion.vault.values import pack, unpack


class DatabaseStore:
    """AES-256-GCM. The ciphertext is bound to tenant, integration, row, field and version."""

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
        plain = unseal(data_keys.unwrap(row.data_key), bytes(row.ciphertext), associated_data(row, row.version))
        return Secret(unpack(plain), row.version)

    def write(self, at: Address, values: Mapping[str, str], expected: int | None) -> int:
        """Write inside the caller's transaction, to the row that `credentials.row` has created."""
        row = Credential.objects.for_tenant(at.tenant).select_for_update().get(integration=at.integration)
        if expected == 0 and row.ciphertext:
            raise changed_error(at)
        before = expected or row.version
        version = max(before, _highest(at)) + 1  # higher than every version before, also when an older row was restored
        key_row, key = data_keys.current(at.tenant.id)
        sealed = seal(key, pack(values), associated_data(row, version))
        unchanged = Credential.objects.for_tenant(at.tenant).filter(pk=row.pk, version=before)
        if not unchanged.update(
            version=version, ciphertext=sealed, data_key=key_row, rotated_at=DbNow(), updated_at=DbNow()
        ):
            raise changed_error(at)
        return version

    def delete(self, at: Address) -> None:
        Credential.objects.for_tenant(at.tenant).filter(integration=at.integration).delete()


def associated_data(row: Credential, version: int) -> AssociatedData:
    """What the ciphertext of `row` is bound to."""
    return AssociatedData(row.tenant_id, row.integration, f"credential {row.pk}", "values", version)


def _highest(at: Address) -> int:
    history = CredentialVersion.objects.for_tenant(at.tenant).filter(integration=at.integration)
    return history.aggregate(highest=Max("version"))["highest"] or 0


def _with_history(at: Address) -> Any:
    """The row with `newest`, the highest version ever stored, in one statement: two would read at two moments."""
    history = CredentialVersion.objects.for_tenant(at.tenant).filter(integration=OuterRef("integration"))
    highest = history.order_by().values("integration").annotate(highest=Max("version")).values("highest")
    rows = Credential.objects.for_tenant(at.tenant).filter(integration=at.integration)
    return rows.select_related("data_key").annotate(newest=Coalesce(Subquery(highest), 0)).first()
