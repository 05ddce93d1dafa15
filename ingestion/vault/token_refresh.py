"""Exchanging a used-up token for a new one, by one worker at a time across all of them.

A lease in the credential's row, in the database's time, decides who asks the source; no transaction is open while it
answers. The new values are committed before anybody uses them. Whoever loses waits and gets the winner's.

What no one can close: a source that hands out a new refresh token makes the old one worthless at that moment. A worker
that dies after the source answered and before the commit loses the new one; the credential must then be stored again.
"""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass

from django.db import transaction
from django.db.models import Q

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


def _quiet() -> None:
    return None


def _pass(point: str) -> None:
    return None


@dataclass(frozen=True, slots=True)
class Exchanging:
    """One integration of one tenant, and what happens while another worker is at it."""

    tenant: TenantRef
    integration: str
    beat: Callable[[], None] = _quiet
    sleep: Callable[[float], None] = time.sleep
    step: Callable[[str], None] = _pass
    """Called in every gap between two durable steps; crash tests end the process there."""

    def exchange(self, used_up: Secret, ask: Exchange) -> Secret:
        """The version after `used_up`: asked for by this worker, or by the one that was first.

        Raises CredentialError when the source refuses, Transient when another worker is at it for too long.
        """
        waited, pause = 0.0, _POLL[0]
        while waited < 2 * config().EXCHANGE_SECONDS:
            stored = credentials.version(self.tenant, self.integration)
            if stored is None:
                raise CredentialMissing(f"The credential for {self.integration} was deleted meanwhile.")
            if stored != used_up.version:
                return credentials.read(self.tenant, self.integration)
            if token := self._lease(used_up):
                return self._ask(used_up, ask, token)
            self.beat()
            self.sleep(pause)
            waited, pause = waited + pause, min(2 * pause, _POLL[1])
        raise Transient(f"Another worker has been renewing the credential for {self.integration} for too long.")

    def _lease(self, used_up: Secret) -> str:
        """A token that names us as the one who asks; '' while somebody else is."""
        token = secrets.token_hex(16)
        free = Q(exchange_until__isnull=True) | Q(exchange_until__lt=DbNow())
        with transaction.atomic(durable=True):  # inside somebody's transaction the lease would be seen by nobody
            won = (
                self._mine()
                .filter(free, version=used_up.version)
                .update(exchange_token=token, exchange_until=db_now_plus(config().EXCHANGE_SECONDS))
            )
        return token if won else ""

    def _ask(self, used_up: Secret, ask: Exchange, token: str) -> Secret:
        self.step("leased")
        try:
            values = checked(self.integration, ask(used_up))
        except BaseException as error:
            self._mine().filter(exchange_token=token).update(exchange_token="", exchange_until=None)
            if isinstance(error, CredentialError) and self._moved_on(used_up):
                return credentials.read(self.tenant, self.integration)  # an operator stored another one meanwhile
            raise
        self.step("answered")
        try:
            new = credentials.put(
                self.tenant, self.integration, values, cause="exchange", expected=used_up.version, note=_unsigned
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

    def _moved_on(self, used_up: Secret) -> bool:
        return credentials.version(self.tenant, self.integration) not in (None, used_up.version)

    def _mine(self) -> TenantQuerySet[Credential]:
        at = Address(self.tenant, self.integration)
        return Credential.objects.for_tenant(at.tenant).filter(integration=at.integration)


def _unsigned(row: Credential) -> None:
    """No operator stored this version."""
    Credential.objects.for_tenant(row.tenant_id).filter(pk=row.pk).update(updated_by=None)
