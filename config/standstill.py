"""A process that was stopped, swapped out or starved for a while says so afterwards: nobody else can.

For the web process. A run's lease and the tick's heartbeat show the same of workers and of the tick.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

logger = logging.getLogger("ingestion")
EVERY = 5.0
MOST = 10.0
"""Seconds between two looks from which on it is told; a busy machine is late by less."""


def watch() -> threading.Thread:
    """Look at the clock for as long as the process lives."""
    thread = threading.Thread(target=look_for_ever, name="standstill", daemon=True)
    thread.start()
    return thread


def look_for_ever(sleep: Callable[[float], object] = time.sleep, clock: Callable[[], float] = time.monotonic) -> None:
    """Until `sleep` raises, as it does in a test."""
    before = clock()
    while True:
        sleep(EVERY)
        now = clock()
        if now - before > MOST:
            text = "This process stood still for %.0f s: it was stopped, swapped out or starved, and answered nobody."
            logger.warning(text, now - before, extra={"event": "standstill"})
        before = now
