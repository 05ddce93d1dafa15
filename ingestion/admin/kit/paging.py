"""Pages of tables too large to be counted."""

from __future__ import annotations

from typing import Any

from django.core.paginator import Paginator
from django.utils.functional import cached_property

COUNT_LIMIT = 10_000


def bounded_count(queryset: Any, limit: int = COUNT_LIMIT) -> tuple[int, bool]:
    """How many rows, up to `limit`, and whether there are more; reads at most `limit` + 1 index entries."""
    count = queryset.order_by().values("pk")[: limit + 1].count()
    return min(count, limit), count > limit


class BoundedPaginator(Paginator):  # type: ignore[type-arg]  # generic in the stubs only
    """Counts no further than `limit`. `more` says that there are rows beyond; filters lead to them."""

    limit = COUNT_LIMIT

    @cached_property
    def _counted(self) -> tuple[int, bool]:
        return bounded_count(self.object_list, self.limit)

    @cached_property
    def count(self) -> int:
        return self._counted[0]

    @property
    def more(self) -> bool:
        return self._counted[1]
