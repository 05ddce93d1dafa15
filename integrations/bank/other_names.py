"""The external id that an entry would have under another name of its account."""

from __future__ import annotations

from collections import defaultdict

from integrations.bank.identity import Ids, bank_id, key_of, look_of, trusted_key
from integrations.bank.schema import BankEntry

_TWINS = 1000
"""Equal entries of other statements among which one is looked for."""


class Names:
    """Which of its twins each entry of a batch is, found once for each look."""

    def __init__(self, ids: Ids) -> None:
        self._ids = ids
        self._ordinals: dict[str, dict[str, int]] = defaultdict(dict)

    def key(self, key: str, entry: BankEntry, account: str, other: str) -> str:
        """What `key`, made of the name `account`, is with the name `other`; '' where it is not made of it."""
        if key == trusted_key(account, bank_id(entry)):
            return trusted_key(other, bank_id(entry))
        look = look_of(account, entry.currency, entry, self._ids)
        keys = self._ordinals[look]
        while key not in keys and len(keys) < entry.statement.entries + _TWINS:
            keys[key_of(look, len(keys))] = len(keys)
        ordinal = keys.get(key)
        return "" if ordinal is None else key_of(look_of(other, entry.currency, entry, self._ids), ordinal)
