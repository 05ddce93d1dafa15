"""What the killer did, a JSON line each, apart from the log that is to tell it by itself."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.db import DatabaseError, connection

from ingestion.models import Run


class Diary:
    def __init__(self, path: Path) -> None:
        self.path = path
        self.kinds: Counter[str] = Counter()

    def write(self, kind: str, **what: Any) -> None:
        """One disaster, with the runs that were under way."""
        self.kinds[kind] += 1
        line = {"at": datetime.now(UTC).isoformat(), "kind": kind, **what, "under_way": running()}
        with self.path.open("a") as file:
            file.write(json.dumps(line) + "\n")

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.path.read_text().splitlines()]


def running() -> list[dict[str, Any]] | None:
    """Runs that a worker has; None when the database cannot say."""
    columns = ("pk", "connection_id", "worker_pid", "fence", "batches")
    try:
        return list(Run.unscoped.filter(state=Run.State.RUNNING).order_by("pk").values(*columns))
    except DatabaseError:
        connection.close()
        return None
