"""Every error the engine answers to, sorted by who has to act.

IngestionError
├── Transient                     nobody: retried with backoff, watermark unmoved
│   ├── DestinationUnavailable
│   ├── CircuitOpen
│   ├── HeldOff
│   └── SecretStoreUnavailable
├── CredentialError               operator: the run fails and the connection is paused
│   ├── CredentialMissing
│   └── CredentialDamaged
├── QuotaExceeded                 operator: the run fails until the quota is raised or a new month begins
├── SourceChanged                 developer: the run stops before the watermark
│   └── SchemaDrift               operator: accept the new shape, or wait until the source is mended
├── SourceFailed                  operator: the source says that it failed; the run stops before the watermark
├── FileRefused                   uploader: the file as a whole cannot be used
│   ├── FileTooLarge
│   ├── UnreadableFile
│   ├── UnknownFormat
│   ├── AmbiguousFormat
│   └── HostileFile
├── RunRefused                    steward: the run as a whole must not be believed
│   ├── ReconciliationError
│   ├── ErrorBudgetExceeded
│   └── ShardsFailed
├── RecordError                   steward, through the dead letter; the run goes on
│   ├── StatementImbalance
│   ├── PayloadTooLarge
│   ├── PoisonRecord
│   └── PoisonDelivery
├── WorkerLost                    developer: the work keeps killing its worker
├── ConfigurationError            developer: a pipeline, setting or connection is wrong
│   ├── UnknownPipeline
│   ├── TenantNotServed
│   ├── PrivateAddress
│   └── KeysUnusable
├── Unverifiable                  nobody: a period stays unverifiable, for the reason in the message
├── TenantScopeError              developer: a tenant-owned table was asked without a tenant
├── ActionRefused                 operator: the action does not apply now; the message says why
│   ├── CredentialChanged
│   ├── FilesNotTaken
│   └── DeliveriesNotTaken
└── Interrupted                   not a failure: the run's owner must stop here
    ├── Fenced                    somebody else owns the run now
    ├── Cancelled
    └── Paused

Anything else is our bug: the run fails and the traceback is kept.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FieldError:
    """One reason a record was rejected: dotted field path ('' for the whole record), stable code, message."""

    path: str
    """Dotted; '' for the whole record."""
    code: str
    """Stable, for programs: "missing", "too_long"."""
    message: str
    """For people; it shows no value."""


class IngestionError(Exception):
    """Base of every error raised on purpose by the engine or a kind."""

    in_shell: str = ""
    """What mends it on the command line: said there, behind the message, and nowhere else."""


class Transient(IngestionError):
    """Goes away by itself: the run is queued again with exponential backoff until its attempts are used up."""

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        """Seconds the source asked us to wait, when it said so."""


class DestinationUnavailable(Transient):
    """The database did not take a batch after several tries: the run is retried, its watermark kept."""


class CircuitOpen(Transient):
    """A host kept failing, so it is left alone for a while; the run is tried again when one call has succeeded."""


class HeldOff(Transient):
    """The source asked to be left alone, or the rate of calls is used up: the run goes on when that time is over."""

    def __init__(self, message: str, *, retry_after: float | None = None, host: str = "") -> None:
        super().__init__(message, retry_after=retry_after)
        self.host = host
        """Which host asked; '' where the run only waits for its tenant's turn."""


class SecretStoreUnavailable(Transient):
    """The store of credentials does not answer: the run is tried again, its watermark kept."""


class CredentialError(IngestionError):
    """The source refused our credential: the run fails and its connection is paused until an operator mends it."""


class QuotaExceeded(IngestionError):
    """The tenant's quota for this month is used up: the run fails, its checkpoint stays. Override it, or wait."""

    code = "quota_exceeded"
    """Stable, for programs that show the refusal to others."""


class CredentialMissing(CredentialError):
    """No credential is stored for this tenant and integration, and none of another tenant is ever used instead."""


class CredentialDamaged(CredentialError):
    """A stored credential was changed, moved or put back to an older version: it is not used. Store it again."""


class SourceChanged(IngestionError):
    """The source no longer has the agreed shape: the run stops before the watermark and a developer must look."""


class SchemaDrift(SourceChanged):
    """Records lost a field or changed its type: the run stops before the page.

    Accept the new shape, then retry; or dismiss it when the source is mended.
    """


class SourceFailed(IngestionError):
    """The source answered, and its answer says that it failed: nothing of it is believed, the watermark stays.

    The message has what it said. Run again when that has passed, or declare what such an answer means.
    """


class FileRefused(IngestionError):
    """A file cannot be used as a whole: the upload is refused or the run fails; the bytes are kept for review."""


class FileTooLarge(FileRefused):
    """The file, or one line or value in it, is above its limit. Split it or raise the limit named in the message."""


class UnreadableFile(FileRefused):
    """The file claims a format and then breaks its rules so badly that no entry can be trusted."""


class UnknownFormat(FileRefused):
    """No reader recognises the file. Export it again in a listed format, or declare a layout for it."""


class AmbiguousFormat(FileRefused):
    """Several layouts fit equally well. Name the layout in the connection's config."""


class HostileFile(FileRefused):
    """The file uses a construct that is never needed and often an attack (a DTD, an entity bomb)."""


class RunRefused(IngestionError):
    """The run as a whole must not be believed: it fails and its watermark does not move. What it loaded stays."""


class ReconciliationError(RunRefused):
    """What was loaded, and stays, disagrees with what the source declared: run the window or a corrected file."""


class ErrorBudgetExceeded(RunRefused):
    """Too large a share of the records was rejected; loading the rest would be loading half the truth."""


class ShardsFailed(RunRefused):
    """Some shards of a backfill failed; what the others loaded stays. Retrying the backfill repeats the failed ones."""


class RecordError(IngestionError):
    """One record is at fault: it becomes a dead letter and the run goes on."""

    def __init__(self, message: str, *, errors: tuple[FieldError, ...] = ()) -> None:
        super().__init__(message)
        name = type(self).__name__
        self.errors = errors or (FieldError("", name, message or f"{name}, which says nothing more"),)


class StatementImbalance(RecordError):
    """Opening balance plus entries is not the closing balance: the statement is kept whole for review."""


class PayloadTooLarge(RecordError):
    """The record is above the pipeline's payload limit; what was read of it is kept with the dead letter."""


class PoisonRecord(RecordError):
    """Processing this record ended its worker process more than once; it was isolated by bisection."""


class PoisonDelivery(RecordError):
    """Taking this delivery apart ended its worker process more than once; it was isolated by bisection."""


class WorkerLost(IngestionError):
    """The workers executing this run died again and again outside any single record's processing."""


class ConfigurationError(IngestionError):
    """A pipeline, setting or connection is declared wrongly."""


class UnknownPipeline(ConfigurationError):
    """No installed app registers a pipeline of this name."""


class TenantNotServed(ConfigurationError):
    """The pipeline is not for this tenant: nothing was read. Pause the connection, or add the tenant to `tenants`."""


class PrivateAddress(ConfigurationError):
    """A source's address leads into a private network: nothing was sent. Allow the network in PRIVATE_NETWORKS."""


class KeysUnusable(ConfigurationError):
    """Our own keys open no credential: a master key is missing, unreadable or another one, or Vault refuses our token.

    The message says which. Nothing is wrong with what the tenants stored: put the right key back into the settings.
    """


class Unverifiable(IngestionError):
    """The source cannot say what belongs to a period: its reconciliation is unverifiable, with this message."""


class TenantScopeError(IngestionError):
    """A tenant-owned table was read or written without naming a tenant; add `.for_tenant(tenant)`."""


class ActionRefused(IngestionError):
    """The action does not apply to this object now."""


class CredentialChanged(ActionRefused):
    """Somebody else stored another version of the credential meanwhile; look at it and try again."""


class FilesNotTaken(ActionRefused):
    """The connection's source reads no files: nothing was stored. Upload to a connection whose source does."""


class DeliveriesNotTaken(ActionRefused):
    """The connection's source takes no deliveries: nothing was stored. Deliver to a connection whose source does."""


class Interrupted(IngestionError):
    """The owner of a run must stop at this batch boundary; nothing of the open batch was written."""


class Fenced(Interrupted):
    """Another worker claimed the run: this one's batch was rolled back."""


class Cancelled(Interrupted):
    """An operator cancelled the run."""


class Paused(Interrupted):
    """An operator paused the connection, or the process was asked to stop."""
