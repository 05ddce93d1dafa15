"""What to run, and how long to wait after a failure."""

from collections.abc import Mapping
from dataclasses import dataclass, field

# A program that ran this long was healthy: its next failure counts as the first.
STEADY_AFTER = 30.0
LONGEST_DELAY = 30.0


@dataclass(frozen=True)
class Program:
    """What to keep running: its name in the log, its command, and what its environment has beside ours."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)


def restart_delay(failures: int) -> float:
    """Seconds to wait before the next start after so many failures in a row: 0.5, 1, 2, 4 … 30."""
    return min(LONGEST_DELAY, 0.5 * 2 ** (min(failures, 16) - 1)) if failures else 0.0
