"""The external id that an entry would have under another name of its account."""

from __future__ import annotations

from collections import defaultdict

from integrations.bank.identity import Ids, bank_id, key_of, look_of, trusted_key
from integrations.bank.schema import BankEntry

_MOST_TWINS = 1000
"""How many equal entries of other statements are searched for the entry."""


class AccountRenaming:
    """Gives the entries of a batch their keys under another account name. The ordinals of each look are computed
    once.
    """

    def __init__(self, ids: Ids) -> None:
        self._ids = ids
        self._ordinals: dict[str, dict[str, int]] = defaultdict(dict)

    def key(self, key: str, entry: BankEntry, name: str, new_name: str) -> str:
        """The key under `new_name` of an entry whose key is `key` under `name`; '' if `key` is not made of `name`."""
        if key == trusted_key(name, bank_id(entry)):
            return trusted_key(new_name, bank_id(entry))
        look = look_of(name, entry.currency, entry, self._ids)
        keys = self._ordinals[look]
        while key not in keys and len(keys) < entry.statement.entries + _MOST_TWINS:
            keys[key_of(look, len(keys))] = len(keys)
        ordinal = keys.get(key)
        return "" if ordinal is None else key_of(look_of(new_name, entry.currency, entry, self._ids), ordinal)
