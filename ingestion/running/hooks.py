"""The test hooks of an execution: crashes, clocks and signals are injected here and never patched."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from ingestion import null_hooks
from ingestion.running.claims import Claim


@dataclass(frozen=True, slots=True)
class Hooks:
    """What tests put in the place of the real world."""

    at: Callable[[str], None] = null_hooks.ignore
    """Called with the name of every gap between two durable writes; crash tests end the process there."""
    stop: Callable[[], bool] = null_hooks.never
    """True when this process was asked to stop: the run is requeued at the next batch boundary."""
    sleep: Callable[[float], None] = time.sleep
    on_progress: Callable[[Claim], None] = null_hooks.ignore
    """Called whenever the run has made progress; a worker's child reports it to its parent."""
