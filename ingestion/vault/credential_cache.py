"""One run's credential: read once, kept for this run only, and let go of when another version is stored."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from ingestion.core.context import Exchange, Secret, TenantRef
from ingestion.core.errors import ConfigurationError
from ingestion.vault import credentials
from ingestion.vault.token_refresh import Exchanging


def _quiet() -> None:
    return None


class CredentialCache:
    """Behind `Context.credential` and `Context.exchange`. Sources may call it from several threads."""

    def __init__(
        self,
        tenant: TenantRef,
        integration: str,
        beat: Callable[[], None] = _quiet,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.tenant, self.integration = tenant, integration
        self._exchanging = Exchanging(tenant, integration, beat, sleep)
        self._lock = threading.RLock()
        self._secret: Secret | None = None

    def credential(self) -> Secret:
        with self._lock:
            if self._secret is None:
                self._require_integration()
                self._secret = credentials.read(self.tenant, self.integration)
            return self._secret

    def at_hand(self) -> Secret | None:
        """The credential if it was read already. Asks no database."""
        with self._lock:
            return self._secret

    def exchange(self, used_up: Secret, ask: Exchange) -> Secret:
        with self._lock:
            self._require_integration()
            self._secret = None
            self._secret = self._exchanging.exchange(used_up, ask)
            return self._secret

    def look(self) -> None:
        """At a batch boundary: forget the credential when another version of it is stored, or none any more."""
        with self._lock:
            held = self._secret
            if held is not None and credentials.version(self.tenant, self.integration) != held.version:
                self._secret = None

    def _require_integration(self) -> None:
        if not self.integration:
            raise ConfigurationError(
                'The pipeline names no integration whose credential to use: declare integration="…", or set '
                '"integration" in the connection\'s config.'
            )
