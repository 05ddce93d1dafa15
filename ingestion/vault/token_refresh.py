"""Token refresh: one worker at a time, of all workers, exchanges a used-up token for a new one.

A lease in the credential's row, in the database's time, decides which worker sends the request; no transaction is open
meanwhile. The new values are committed before any worker uses them; the other workers wait and read them.

One gap cannot be closed: a source that issues a new refresh token makes the old one worthless at that moment. A worker
that dies between the source's answer and the commit loses the new token, and the credential must be stored again.
"""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass

from django.db import transaction
from django.db.models import Q

from ingestion import null_hooks
from ingestion.conf import config
from ingestion.core.context import Exchange, Secret, TenantRef
from ingestion.core.errors import CredentialChanged, CredentialError, CredentialMissing, Transient
from ingestion.database.clock import DbNow, db_now_plus
from ingestion.models import Credential, TenantQuerySet
from ingestion.vault import credentials
from ingestion.vault.stores import Address
from ingestion.vault.values import checked

logger = logging.getLogger("ingestion")
_POLL = (0.05, 1.0)


@dataclass(frozen=True, slots=True)
class TokenRefresh:
    """The token refresh of one integration of one tenant."""

    tenant: TenantRef
    integration: str
    beat: Callable[[], None] = null_hooks.ignore
    sleep: Callable[[float], None] = time.sleep
    step: Callable[[str], None] = null_hooks.ignore
    """Called in every gap between two durable steps; crash tests end the process there."""

    def exchange(self, used_up: Secret, ask: Exchange) -> Secret:
        """The version after `used_up`, fetched by this worker or by the first one.

        Raises CredentialError when the source refuses, Transient when another worker takes too long.
        """
        waited, pause = 0.0, _POLL[0]
        while waited < 2 * config().EXCHANGE_SECONDS:
            stored = credentials.version(self.tenant, self.integration)
            if stored is None:
                raise CredentialMissing(f"The credential for {self.integration} was deleted meanwhile.")
            if stored != used_up.version:
                return credentials.read(self.tenant, self.integration)
            if token := self._lease(used_up):
                return self._fetch(used_up, ask, token)
            self.beat()
            self.sleep(pause)
            waited, pause = waited + pause, min(2 * pause, _POLL[1])
        raise Transient(f"Another worker has been renewing the credential for {self.integration} for too long.")

    def _lease(self, used_up: Secret) -> str:
        """Take the lease; return its token, or '' while another worker has it."""
        token = secrets.token_hex(16)
        free = Q(exchange_until__isnull=True) | Q(exchange_until__lt=DbNow())
        with transaction.atomic(durable=True):  # inside the caller's transaction no other worker would see the lease
            won = (
                self._rows()
                .filter(free, version=used_up.version)
                .update(exchange_token=token, exchange_until=db_now_plus(config().EXCHANGE_SECONDS))
            )
        return token if won else ""

    def _fetch(self, used_up: Secret, ask: Exchange, token: str) -> Secret:
        self.step("leased")
        try:
            values = checked(self.integration, ask(used_up))
        except BaseException as error:
            self._rows().filter(exchange_token=token).update(exchange_token="", exchange_until=None)
            if isinstance(error, CredentialError) and self._was_replaced(used_up):
                return credentials.read(
                    self.tenant, self.integration
                )  # an operator has stored another version meanwhile
            raise
        self.step("answered")
        try:
            new = credentials.put(
                self.tenant, self.integration, values, cause="exchange", expected=used_up.version, note=_clear_operator
            )
        except CredentialChanged:
            logger.warning(
                "The credential for %s was changed while this worker renewed it; the stored one is used.",
                self.integration,
                extra={"tenant_id": self.tenant.id, "event": "exchange"},
            )
            return credentials.read(self.tenant, self.integration)
        self.step("stored")
        return new

    def _was_replaced(self, used_up: Secret) -> bool:
        return credentials.version(self.tenant, self.integration) not in (None, used_up.version)

    def _rows(self) -> TenantQuerySet[Credential]:
        at = Address(self.tenant, self.integration)
        return Credential.objects.for_tenant(at.tenant).filter(integration=at.integration)


def _clear_operator(row: Credential) -> None:
    """Remove the operator: none stored this version."""
    Credential.objects.for_tenant(row.tenant_id).filter(pk=row.pk).update(updated_by=None)
