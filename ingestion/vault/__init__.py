"""Credentials: sealed at rest, one tenant's own and no other's, replaced while work goes on.

stores        the Protocol SecretStore, and which one the settings choose
database      the default store: AES-256-GCM in the credential's row
hashicorp     a Vault server, KV version 2
sealing       what is bound to a ciphertext     master_keys, data_keys   what it is sealed under
credentials   read, store, delete               values                   what may be stored
holding       one run's credential              exchange                 token for token, by one worker at a time
rotation      replacing keys                    holders                  which processes have which master keys
expiry        warnings
"""

from ingestion.vault.credential_cache import CredentialCache
from ingestion.vault.database import DatabaseStore
from ingestion.vault.hashicorp import HashicorpStore
from ingestion.vault.stores import Address, SecretStore

__all__ = ["Address", "CredentialCache", "DatabaseStore", "HashicorpStore", "SecretStore"]
