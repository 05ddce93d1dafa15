"""What `manage.py demo` shows: data brought in through the engine, and one row of its summary for each connection."""

from dataclasses import dataclass


@dataclass(frozen=True)
class DemoRow:
    """One connection's first run."""

    connection: str
    outcome: str
    read: int
    loaded: int
    skipped: int
    dead: int


def load() -> list[DemoRow]:
    """Bring the demonstration data in, for the first time or once more: the same end state either way."""
    return []
