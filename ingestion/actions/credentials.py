"""What an operator can do with credentials: store, date, delete, try out; and with the keys that seal them.

No value is ever given back, audited or repeated in a message.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.views.decorators.debug import sensitive_variables

from ingestion.actions.actor import Actor
from ingestion.actions.interactive import waiting
from ingestion.core import registry
from ingestion.core.capabilities import Testable
from ingestion.core.context import Secret
from ingestion.core.errors import ActionRefused, CredentialMissing, IngestionError
from ingestion.database.clock import DbNow
from ingestion.models import Connection, Credential, Tenant, TenantQuerySet
from ingestion.redaction import mask
from ingestion.vault import credentials, key_holders, rotation
from ingestion.vault.rotation import Rotated
from ingestion.vault.values import PLAIN, checked, filled, secret


@sensitive_variables()
def set_credential(
    actor: Actor,
    tenant: Tenant,
    integration: str,
    values: Mapping[str, str],
    *,
    keep: bool = False,
    expires_at: datetime | None = None,
    reason: str = "",
) -> Credential:
    """Store `values` as the tenant's credential for `integration`, in the place of all of those before.

    With `keep` what is stored stays where `values` name nothing or an empty text, and so does its expiry date. Running
    workers take it at their next batch. Raises ActionRefused for values that cannot be stored, and for other hosts,
    accounts or the like beside kept secrets: who does not know a secret shall not say where it may be sent (superusers
    and the command line may). Raises CredentialChanged when somebody else was quicker, and what stood in the way of
    reading the values to keep.
    """
    actor.require("set_credential", tenant)
    _require_aware(expires_at)
    new_values = checked(integration, filled(values) if keep else values)
    before = _stored(tenant, integration) if keep else None
    kept_values = {name: value for name, value in before.values.items() if name not in new_values} if before else {}
    if before and secret(kept_values) and not actor.is_superuser:
        _require_same_terms(new_values, before)

    def note(row: Credential) -> None:
        until = row.expires_at if before and expires_at is None else expires_at
        _of(row).update(expires_at=until, updated_by=actor.user.pk if actor.user else None)
        details = {"version": row.version, "names": sorted(new_values), "expires_at": _iso_or_none(until)}
        actor.audit(
            tenant, "set credential", integration, reason, **details, **({"kept": sorted(kept_values)} if keep else {})
        )

    merged = checked(integration, {**kept_values, **new_values})
    expected = (before.version if before else 0) if keep else None
    credentials.put(tenant.ref, integration, merged, cause="set", expected=expected, note=note)
    return Credential.objects.for_tenant(tenant).select_related("tenant").get(integration=integration)


def expire_credential(actor: Actor, credential: Credential, expires_at: datetime | None, reason: str = "") -> None:
    """Note when the source will refuse the credential (None: not known). The values stay as they are."""
    actor.require("set_credential", credential.tenant)
    _require_aware(expires_at)
    with transaction.atomic():
        if not _of(credential).update(expires_at=expires_at, warned_at=None, updated_at=DbNow()):
            raise ActionRefused("The credential was deleted meanwhile.")
        actor.audit(
            credential.tenant, "date credential", credential.integration, reason, expires_at=_iso_or_none(expires_at)
        )


def delete_credential(actor: Actor, credential: Credential, reason: str = "") -> None:
    """Delete the credential beyond recovery; runs that need it fail and pause their connection from now on."""
    actor.require("set_credential", credential.tenant)
    tenant, integration = credential.tenant, credential.integration

    def note(row: Credential) -> None:
        actor.audit(tenant, "delete credential", integration, reason, version=row.version)

    if not credentials.drop(tenant.ref, integration, note=note):
        raise ActionRefused("The credential was deleted already.")


def test_connection(actor: Actor, connection: Connection) -> str:
    """Ask the connection's source for a sign of life with the stored credential; its sentence. Nothing is loaded.

    Raises ActionRefused for a source that cannot be tested, else what the source raises.
    """
    actor.require("run_connection", connection.tenant)
    pipeline = registry.get(connection.pipeline)
    if not isinstance(pipeline.source, Testable):
        raise ActionRefused(f"The source of {connection.pipeline} cannot be tested; try a dry run of one page.")
    with waiting(pipeline, connection) as ctx:
        try:
            sentence = mask(pipeline.source.test(ctx), connection.tenant_id)
        except Exception as error:
            _tested(actor, connection, type(error).__name__)
            raise
    _tested(actor, connection, "")
    return sentence


def rotate_keys(
    actor: Actor, *, tenant: Tenant | None = None, older_than: timedelta | None = None, anyway: bool = False
) -> Iterator[tuple[Tenant, Rotated | IngestionError]]:
    """Bring all credentials (of `tenant`) under fresh data keys that the first master key wraps; tenant by tenant.

    Only where it is not so yet, or where the data key is older than `older_than`: killed and started again, it goes on
    with the rest. A tenant whose credentials cannot be opened is told with the reason and keeps nobody else waiting.
    Raises ActionRefused, before the first tenant, when a live process lacks the first master key or Redis cannot say;
    not so with `anyway`.
    """
    if actor.user is not None and not getattr(actor.user, "is_superuser", False):
        raise PermissionDenied(f"{actor.name} is no superuser.")
    due = rotation.unfinished(older_than)
    if due and not anyway:
        key_holders.require_everywhere()
    tenants = Tenant.objects.filter(pk__in=due).order_by("key")
    for owner in tenants if tenant is None else tenants.filter(pk=tenant.pk):
        try:
            rotated = rotation.rotate(owner, older_than=older_than)
        except IngestionError as error:
            yield owner, error
            continue
        with transaction.atomic():
            actor.audit(owner, "rotate keys", owner, credentials=rotated.credentials, dropped=rotated.dropped)
        yield owner, rotated


def _require_same_terms(new_values: Mapping[str, str], before: Secret) -> None:
    changed = sorted(name for name in PLAIN & new_values.keys() if new_values[name] != before.values.get(name))
    if changed:
        raise ActionRefused(
            f"{' and '.join(changed)} would say where the kept secrets may be used. Give the secrets anew together "
            "with it, or ask a superuser."
        )


def _stored(tenant: Tenant, integration: str) -> Secret | None:
    try:
        return credentials.read(tenant.ref, integration)
    except CredentialMissing:
        return None


def _tested(actor: Actor, connection: Connection, failure: str) -> None:
    with transaction.atomic():
        actor.audit(connection.tenant, "test", connection, outcome=failure or "answered")


def _of(row: Credential) -> TenantQuerySet[Credential]:
    return Credential.objects.for_tenant(row.tenant_id).filter(pk=row.pk)


def _require_aware(moment: datetime | None) -> None:
    if moment is not None and moment.tzinfo is None:
        raise ActionRefused("Give the expiry date with its time zone, for example 2026-12-31T00:00:00Z.")


def _iso_or_none(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None
