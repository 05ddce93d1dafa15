"""The secrets that this process knows, each for an hour after its last use."""

from __future__ import annotations

import os
import threading
import time
from collections import OrderedDict
from collections.abc import Iterable

from ingestion.redaction.index import Index
from ingestion.redaction.spellings import SHORTEST, spellings

_KEPT_SECONDS = 3600.0
"""After its last use a value is forgotten: a long-lived process must not gather every tenant's secrets."""
_OF_ONE = 20
"""Values of one credential that are known, the longest ones."""
_OF_TENANT = 200
"""Values of one tenant. Its oldest make place for its newest; those of other tenants stay."""
_Values = OrderedDict[str, tuple[float, tuple[bytes, ...]]]
"""The moment at which each value is forgotten, in that order, and its spellings."""


class Known:
    """The live values by tenant; `None` are those without a tenant.

    A thread that changes them holds the lock, and so does a process while it forks: a child never starts with half a
    change, nor with a lock whose holder does not exist there.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()  # a signal's handler may log while this thread remembers
        os.register_at_fork(
            before=self._lock.acquire, after_in_parent=self._lock.release, after_in_child=self._lock.release
        )
        self.changes = 0
        """Grows with each new value: a text that was masked before it may have to be masked again."""
        self.forget()

    def forget(self) -> None:
        with self._lock:
            self._values: dict[int | None, _Values] = {}
            self._indexes: dict[int | None, Index] = {}
            self._everybodys = Index()
            self._until = 0.0

    def __bool__(self) -> bool:
        return bool(self._values)

    def add(self, values: Iterable[str], tenant: int | None) -> None:
        longest_first = sorted({value for value in values if len(value) >= SHORTEST}, key=len, reverse=True)[:_OF_ONE]
        with self._lock:
            for value in longest_first:
                self._add(value, tenant)

    def indexes(self, tenant: int | None) -> tuple[Index, ...]:
        """The indexes to mask with: of all values, or only of `tenant`'s and those without a tenant."""
        if not self._values:
            return ()
        if (now := time.monotonic()) > self._until:
            with self._lock:
                self._expire(now)
        if tenant is None:
            return (self._everybodys,)
        return tuple(index for owner in (tenant, None) if (index := self._indexes.get(owner)))

    def _add(self, value: str, tenant: int | None) -> None:
        until = time.monotonic() + _KEPT_SECONDS
        owned = self._values.setdefault(tenant, OrderedDict())
        if value in owned:
            owned[value] = (until, owned[value][1])
            owned.move_to_end(value)
            return
        texts = tuple(spelling.encode("utf-8", "surrogatepass") for spelling in spellings(value))
        index = self._indexes.setdefault(tenant, Index())
        for text in texts:
            index.add(text)
            self._everybodys.add(text)
        owned[value] = (until, texts)
        self._until = min(self._until or until, until)
        self.changes += 1
        if len(owned) > _OF_TENANT:
            self._drop_oldest(tenant)

    def _drop_oldest(self, tenant: int | None) -> None:
        _, (_, texts) = self._values[tenant].popitem(last=False)
        for text in texts:
            self._indexes[tenant].drop(text)
            self._everybodys.drop(text)

    def _expire(self, now: float) -> None:
        for tenant, owned in list(self._values.items()):
            while owned and next(iter(owned.values()))[0] <= now:
                self._drop_oldest(tenant)
            if not owned:
                del self._values[tenant], self._indexes[tenant]
        self._until = min((next(iter(owned.values()))[0] for owned in self._values.values()), default=0.0)
