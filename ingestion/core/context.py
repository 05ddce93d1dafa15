"""What a run tells its source and its transform. Values only: a parser or source reaches no model through it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ingestion.core.windows import Window


@dataclass(frozen=True, slots=True)
class TenantRef:
    """Which tenant the run works for."""

    id: int
    key: str


@dataclass(frozen=True, slots=True)
class File:
    """An input file of the run: `artifact_id` finds its bytes, `sha256` is hexadecimal, `size` in bytes."""

    artifact_id: int
    name: str
    sha256: str
    size: int


def _no_file(file: File) -> bytes:
    raise LookupError(f"{file.name} is not in this run's inbox.")


def _quiet() -> None:
    return None


@dataclass(frozen=True, slots=True)
class Context:
    """One run as its source and transform see it."""

    tenant: TenantRef
    pipeline: str
    run_id: int
    now: datetime
    """When the run was created; the same on every attempt."""
    window: Window | None = None
    config: Mapping[str, Any] = field(default_factory=dict)
    """The connection's config, overlaid with what this run was given."""
    inbox: tuple[File, ...] = ()
    read: Callable[[File], bytes] = field(default=_no_file, repr=False)
    """The bytes of a file of this run's inbox."""
    beat: Callable[[], None] = field(default=_quiet, repr=False)
    """Renews the run's lease during slow work between pages; raises Fenced or Cancelled when it must stop."""

    @property
    def correlation_id(self) -> str:
        """`tenant:run`, the prefix of every log line and outgoing call of this run."""
        return f"{self.tenant.key}:{self.run_id}"
