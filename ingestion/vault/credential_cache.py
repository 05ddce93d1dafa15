"""One run's credential: read once, cached for this run only, and forgotten when another version is stored."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from ingestion import null_hooks
from ingestion.core.context import Exchange, Secret, TenantRef
from ingestion.core.errors import ConfigurationError
from ingestion.vault import credentials
from ingestion.vault.token_refresh import TokenRefresh


class CredentialCache:
    """Behind `Context.credential` and `Context.exchange`. Sources may call it from several threads."""

    def __init__(
        self,
        tenant: TenantRef,
        integration: str,
        beat: Callable[[], None] = null_hooks.ignore,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.tenant, self.integration = tenant, integration
        self._token_refresh = TokenRefresh(tenant, integration, beat, sleep)
        self._lock = threading.RLock()
        self._secret: Secret | None = None

    def credential(self) -> Secret:
        with self._lock:
            if self._secret is None:
                self._require_integration()
                self._secret = credentials.read(self.tenant, self.integration)
            return self._secret

    def cached(self) -> Secret | None:
        """The credential if it was read already. Needs no database."""
        with self._lock:
            return self._secret

    def exchange(self, used_up: Secret, ask: Exchange) -> Secret:
        with self._lock:
            self._require_integration()
            self._secret = None
            self._secret = self._token_refresh.exchange(used_up, ask)
            return self._secret

    def forget_if_replaced(self) -> None:
        """Forget the credential when another version of it is stored, or none. Called at batch boundaries."""
        with self._lock:
            secret = self._secret
            if secret is not None and credentials.version(self.tenant, self.integration) != secret.version:
                self._secret = None

    def _require_integration(self) -> None:
        if not self.integration:
            raise ConfigurationError(
                'The pipeline names no integration whose credential to use: declare integration="…", or set '
                '"integration" in the connection\'s config.'
            )
