"""Builders for the tests of credentials: tenants with one, master keys, and every row of the tables as text."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Iterator
from typing import Any

from ingestion import actions
from ingestion.models import Credential, Tenant
from tests.ingestion.runs import configured, new_tenant

OPERATOR = actions.Actor()
STORE = "stripe"


def master_key() -> str:
    return secrets.token_urlsafe(32)


@contextlib.contextmanager
def under(**keys: str) -> Iterator[None]:
    """MASTER_KEYS as given, the first one in force."""
    with configured(MASTER_KEYS=dict(keys)):
        yield


def stored(tenant: Tenant | None = None, integration: str = STORE, **values: str) -> Credential:
    """A stored credential of `tenant`, or of one that no other test has."""
    return actions.set_credential(OPERATOR, tenant or new_tenant(), integration, values or {"api_key": "sk-first"})


def of(credential: Credential) -> Any:
    """The credential's row, for tampering with it as somebody who can write to the database."""
    return Credential.unscoped.filter(pk=credential.pk)
