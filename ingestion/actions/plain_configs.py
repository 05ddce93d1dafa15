"""Configs are shown to staff, kept with every run and audited in the clear: a credential must not be in one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ingestion.core import registry
from ingestion.core.errors import ActionRefused, IngestionError, SecretStoreUnavailable, UnknownPipeline
from ingestion.models import Connection
from ingestion.redaction import spellings
from ingestion.vault import credentials
from ingestion.vault.values import secret

_TELLING = 16
"""Shorter values may stand in a config by chance: a user name, a region."""


def refuse_secrets(connection: Connection, config: Mapping[str, Any] | None) -> None:
    """Raise ActionRefused when `config` holds a value of the credential that the connection uses, however spelled."""
    if not config:
        return
    text = json.dumps(config, ensure_ascii=False, default=str)
    for name, value in _values(connection, config).items():
        if len(value) >= _TELLING and any(one in text for one in spellings(value) if len(one) >= _TELLING):
            raise ActionRefused(
                f"The config holds the value {name!r} of the stored credential, where everybody who may look can read "
                "it. Take it out; the source gets it from the credential."
            )


def _values(connection: Connection, config: Mapping[str, Any]) -> Mapping[str, str]:
    try:
        integration = str(config.get("integration") or registry.get(connection.pipeline).integration)
    except UnknownPipeline:
        return {}
    if not integration or credentials.version(connection.tenant.ref, integration) is None:
        return {}
    try:  # also inside a transaction: waiting for a remote store is better than a secret that everybody may read
        return secret(credentials.read(connection.tenant.ref, integration).values)
    except SecretStoreUnavailable as error:
        raise ActionRefused(
            f"Whether the config holds a value of the credential cannot be seen now: {error} Try again later."
        ) from error
    except IngestionError:
        return {}  # what cannot be opened cannot be compared; a run will say what is wrong with it
