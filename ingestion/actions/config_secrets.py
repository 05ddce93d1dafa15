"""Configs are shown to staff, kept with every run and audited in the clear: a credential must not be in one."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from ingestion.core.configs import require_json
from ingestion.core.context import TenantRef
from ingestion.core.errors import ActionRefused, IngestionError, SecretStoreUnavailable
from ingestion.models import Connection, Credential
from ingestion.redaction import spellings
from ingestion.vault import credentials
from ingestion.vault.values import secret

_TELLING = 16
"""Shorter values may stand in a config by chance: a user name, a region."""


def refuse_secrets(connection: Connection, config: Mapping[str, Any] | None) -> None:
    """Raise ActionRefused when `config` holds a value of any of the tenant's credentials, however spelled.

    ConfigurationError for what can be neither written out nor kept.
    """
    if not config:
        return
    require_json(config)
    text = json.dumps(config, ensure_ascii=False, default=str)
    for integration, name, value in _values(connection.tenant.ref):
        if len(value) >= _TELLING and any(
            spelling in text for spelling in spellings(value) if len(spelling) >= _TELLING
        ):
            raise ActionRefused(
                f"The config holds the value {name!r} of the credential stored for {integration}, where everybody who "
                "may look can read it. Take it out; the source gets it from the credential."
            )


def _values(tenant: TenantRef) -> Iterator[tuple[str, str, str]]:
    """Integration, name and value of whatever is secret in the tenant's credentials."""
    integrations = Credential.objects.for_tenant(tenant).order_by("integration").values_list("integration", flat=True)
    for integration in list(integrations):
        # Also inside a transaction: waiting for a remote store is better than a secret that everybody may read.
        try:
            values = secret(credentials.read(tenant, integration).values)
        except SecretStoreUnavailable as error:
            raise ActionRefused(
                f"Whether the config holds a value of a credential cannot be seen now: {error} Try again later."
            ) from error
        except IngestionError:
            continue  # what cannot be opened cannot be compared; a run will say what is wrong with it
        yield from ((integration, name, value) for name, value in values.items())
