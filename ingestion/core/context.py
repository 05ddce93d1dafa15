"""What a run tells its source and its transform. Values only: a parser or source reaches no model through it."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ingestion.core.errors import CredentialError
from ingestion.core.windows import Window


@dataclass(frozen=True, slots=True)
class TenantRef:
    """Which tenant the run works for."""

    id: int
    """The row's number, as in the database."""
    key: str
    """Its name in commands, addresses and paths, such as "acme"."""


@dataclass(frozen=True, slots=True)
class File:
    """An input file of the run: `artifact_id` finds its bytes, `sha256` is hexadecimal, `size` in bytes."""

    artifact_id: int
    """Of the stored bytes, which `ctx.read(file)` gives."""
    name: str
    """As it was uploaded, for people."""
    sha256: str
    """Of its bytes, hexadecimal."""
    size: int
    """In bytes."""


@dataclass(frozen=True, slots=True)
class Secret:
    """A tenant's credential for one integration, in the clear. Held for one run only; its values have no repr."""

    values: Mapping[str, str] = field(default_factory=dict, repr=False)
    """What is stored of the credential, by name: {"api_key": "…"}."""
    version: int = 0
    """Counts up with every change, so that whoever holds an older one knows."""


Exchange = Callable[[Secret], Mapping[str, str]]
"""Asks the source for a new credential in exchange for the old one, for example a refresh token."""


def _no_file(file: File) -> bytes:
    raise LookupError(f"{file.name} is not in this run's inbox.")


def _quiet() -> None:
    return None


def _no_credential() -> Secret:
    raise CredentialError("No credential is stored for this tenant and integration; store one, then run again.")


def _no_exchange(used_up: Secret, exchange: Exchange) -> Secret:
    return Secret(exchange(used_up), used_up.version + 1)


def _for_ever() -> float:
    return math.inf


def _unlimited(amount: float = 1.0) -> None:
    return None


def _unmetered(meter: str, amount: int) -> None:
    return None


def _at_once(ask: Callable[[], Any]) -> Any:
    return ask()


def _numbers() -> Iterator[int]:
    return itertools.count(1)


def overlaid(config: Mapping[str, Any], run_config: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """A connection's `config` overlaid with a `run_config`. A null at the top is absent: a run can undo a key."""
    return {name: value for name, value in {**config, **(run_config or {})}.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Context:
    """One run as its source and transform see it."""

    tenant: TenantRef
    """Whose run it is."""
    pipeline: str
    """The pipeline's stored name."""
    run_id: int
    """The run's number, as in `ingest show run`."""
    now: datetime
    """When the run was created; the same on every attempt."""
    window: Window | None = None
    """The part of the source's time to read; None for uploads, deliveries and replays."""
    backfill: bool = False
    """Whether the run reads a part of the past again and moves no watermark."""
    config: Mapping[str, Any] = field(default_factory=dict)
    """The connection's config, overlaid with what this run was given. Holds no null at its top: null means absent."""
    connection: str = ""
    """The connection's name, which tells several of one pipeline apart; '' where there is only one."""
    inbox: tuple[File, ...] = ()
    """The files that were uploaded for this run."""
    read: Callable[[File], bytes] = field(default=_no_file, repr=False)
    """The bytes of a file of this run's inbox."""
    reserved: bool = False
    """Whether the pipeline names the tenants it is for: only then may a source hold nothing against the tenant."""
    beat: Callable[[], None] = field(default=_quiet, repr=False)
    """Renews the run's lease during slow work between pages; raises Fenced or Cancelled when it must stop."""
    integration: str = ""
    """Whose credential, rate limit and circuit breaker the source uses: config["integration"], else the pipeline's."""
    credential: Callable[[], Secret] = field(default=_no_credential, repr=False)
    """The tenant's own credential for `integration`, read once a run. Raises CredentialError; none is shared."""
    exchange: Callable[[Secret, Exchange], Secret] = field(default=_no_exchange, repr=False)
    """Replaces a used-up credential: across all workers one calls the given function, and what it returns is stored
    before anybody uses it; the others get that. Raises CredentialError when the source refuses.
    """
    throttle: Callable[[float], None] = field(default=_unlimited, repr=False)
    """Waits until the tenant and integration may make calls of this weight (1: one ordinary call).

    Raises Transient when that takes too long to wait for, ConfigurationError when the weight is above the burst.
    """
    hold_off: Callable[[float], None] = field(default=_unlimited, repr=False)
    """Tells every worker that the source asked this tenant and integration to wait so many seconds."""
    left: Callable[[], float] = field(default=_for_ever, repr=False)
    """Seconds that are left for all that is done with this context: few where somebody waits for a page."""
    dry_run: bool = False
    """A dry run: nothing is kept of what is read, so the source must leave no trace at its origin either."""
    spend: Callable[[str, int], None] = field(default=_unmetered, repr=False)
    """Counts an amount on a meter, before it is used. Raises QuotaExceeded, and counts nothing, when the tenant's quota
    does not allow it. A batch that is tried again is not counted twice.
    """
    loads_again: bool = False
    """Whether a batch of which the database refuses a row is rolled back and loaded again by whoever loads it, with
    False here: only then is there to be a savepoint. False unless a run's own transaction is open.
    """
    between_batches: Callable[[Callable[[], Any]], Any] = field(default=_at_once, repr=False)
    """Calls a function without arguments, and returns what it returns, when every page before is committed and in the
    thread that owns the run's database connection. A source that is read ahead asks a database through it only.
    """
    private_networks: tuple[str, ...] = ()
    """Networks (CIDR) inside the private ranges that this deployment allows calls to."""
    _calls: Iterator[int] = field(default_factory=_numbers, repr=False, compare=False)

    def __post_init__(self) -> None:
        if None in self.config.values():
            object.__setattr__(self, "config", overlaid(self.config))

    @property
    def correlation_id(self) -> str:
        """`tenant:run`, the prefix of every log line and outgoing call of this run."""
        return f"{self.tenant.key}:{self.run_id}"

    def next_call_id(self) -> str:
        """`tenant:run:number` for the next outgoing call, the same in its header and its log lines."""
        return f"{self.correlation_id}:{next(self._calls)}"
