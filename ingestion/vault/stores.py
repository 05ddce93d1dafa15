"""The secret store, where the values of credentials are: its Protocol, and the one that the settings name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from django.utils.module_loading import import_string

from ingestion.conf import config
from ingestion.core.context import Secret, TenantRef
from ingestion.core.errors import ConfigurationError, CredentialChanged, KeysUnusable
from ingestion.vault.values import INTEGRATION


@dataclass(frozen=True, slots=True)
class Address:
    """The tenant and integration of a credential. Every address has a tenant, so tenants share no credential."""

    tenant: TenantRef
    integration: str

    def __post_init__(self) -> None:
        """Raises ConfigurationError for a name that could mean several: MariaDB takes `stripe ` for `stripe`."""
        if not INTEGRATION.fullmatch(self.integration):
            raise ConfigurationError(f"{self.integration[:100]!r} cannot name an integration.")


@runtime_checkable
class SecretStore(Protocol):
    """Keeps the newest version of each credential."""

    remote: bool
    """Whether it is reached over a network: then it is never called inside a transaction."""

    def read(self, at: Address) -> Secret | None:
        """The newest version, None when there is none. Raises CredentialDamaged, SecretStoreUnavailable."""
        ...

    def write(self, at: Address, values: Mapping[str, str], expected: int | None) -> int:
        """Store `values` over the version `expected`; the new version, higher than every one before.

        `expected` 0 stores where nothing is, None over any version. Raises CredentialChanged (see `changed_error`) when
        another version is there by now.
        """
        ...

    def delete(self, at: Address) -> None:
        """Remove every version beyond recovery; nothing happens where there is none."""
        ...


def changed_error(at: Address) -> CredentialChanged:
    return CredentialChanged(f"The credential for {at.integration} was changed by somebody else; look again.")


def configured_store() -> SecretStore:
    """The store of INGESTION["SECRET_STORE"]. Raises KeysUnusable when there is no such class."""
    path = config().SECRET_STORE
    try:
        store = import_string(path)()
    except ImportError as error:
        raise KeysUnusable(f'INGESTION["SECRET_STORE"] cannot be imported: {error}') from error
    if not isinstance(store, SecretStore):
        raise KeysUnusable(f'INGESTION["SECRET_STORE"] names {path}, which is no SecretStore.')
    return store
