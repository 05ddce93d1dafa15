"""The rows that sources of every paging style have."""

from __future__ import annotations

ROWS = [{"id": number, "name": f"thing {number}"} for number in range(1, 24)]
