"""Credentials: encrypted at rest, owned by one tenant, and replaceable during runs.

stores        the Protocol SecretStore, and which one the settings choose
database      the default store: AES-256-GCM in the credential's row
hashicorp     a Vault server, KV version 2
sealing       encryption of values              master_keys, data_keys   the keys of the encryption
credentials   read, store, delete               values                   what may be stored
credential_cache  one run's credential          token_refresh            by one worker at a time
rotation      replacing keys                    key_holders              which processes have which master keys
expiry        warnings
"""

from ingestion.vault.credential_cache import CredentialCache
from ingestion.vault.database import DatabaseStore
from ingestion.vault.hashicorp import HashicorpStore
from ingestion.vault.stores import Address, SecretStore

__all__ = ["Address", "CredentialCache", "DatabaseStore", "HashicorpStore", "SecretStore"]
