"""The pipelines of a night whose records are known beforehand; one record in two thousand kills its process."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import signal

from ingestion import Context, Every
from integrations.push import Pushed
from tests.app.oracle import Counting, Entry, oracle

POISON = 0.0005


def is_poison(key: str) -> bool:
    return int(hashlib.sha256(f"poison {key}".encode()).hexdigest()[:8], 16) / 0xFFFFFFFF < POISON


def carried(counting: Counting, ctx: Context) -> Entry:
    """The record as a row, unless it is one of those that no process survives."""
    if is_poison(counting.id):
        os.kill(os.getpid(), signal.SIGKILL)
    return Entry(external_id=counting.id, amount=counting.amount)


ledger = dataclasses.replace(
    oracle, name="night.ledger", transform=carried, schedule=Every(seconds=40), integration="ledger"
)
"""Numbered records, read by window, every 40 seconds."""
pushed = dataclasses.replace(
    oracle, name="night.pushed", source=Pushed(), transform=carried, reconciliations=(), integration="sender"
)
"""What a sender pushes, signed."""
