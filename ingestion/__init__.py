"""Sluicegate's engine: bring outside data into a multi-tenant Django project, safely.

This module is the public API; everything else may move. See docs/reference/api.md.
"""

from ingestion.core.capabilities import (
    AnswersDrift,
    ChecksConfig,
    CompletesConfig,
    DeclaresDrift,
    DeclaresTotals,
    Fed,
    NeedsTenants,
    Previewable,
    ReadsAhead,
    Receives,
    Streams,
    TakesFiles,
    Testable,
    Windowed,
)
from ingestion.core.config_keys import did_you_mean, refuse_unknown_keys
from ingestion.core.context import Context, Exchange, File, Secret, TenantRef
from ingestion.core.destinations import Destination, Loaded, Stored
from ingestion.core.doubled import doubled_error, names_stand_once
from ingestion.core.drift import OnDrift
from ingestion.core.errors import (
    AmbiguousFormat,
    CircuitOpen,
    ConfigurationError,
    CredentialError,
    ErrorBudgetExceeded,
    FieldError,
    FileRefused,
    FileTooLarge,
    HeldOff,
    HostileFile,
    IngestionError,
    PayloadTooLarge,
    PrivateAddress,
    QuotaExceeded,
    ReconciliationError,
    RecordError,
    SchemaDrift,
    SourceChanged,
    SourceFailed,
    StatementImbalance,
    TenantScopeError,
    Transient,
    UnknownFormat,
    UnreadableFile,
    Unverifiable,
)
from ingestion.core.json_items import json_items
from ingestion.core.json_records import json_page
from ingestion.core.meters import Meter, meter
from ingestion.core.periods import Countable, Figure, Periods, Reconcilable
from ingestion.core.pipeline import ErrorBudget, Pipeline, Skip
from ingestion.core.reconciliation import CountsAgree, Reconciliation, SumAgrees
from ingestion.core.records import Json, Page, Proof, Ready, Record, Refusal, Rejected, Stage
from ingestion.core.registry import pipeline
from ingestion.core.schedules import Cron, Every, Place, Schedule
from ingestion.core.sources import JsonLines, JsonPages, Source
from ingestion.core.text import counted
from ingestion.core.windows import Window
from ingestion.loading.plans import joined_key
from ingestion.loading.upsert import Upsert

__all__ = [
    "AmbiguousFormat",
    "AnswersDrift",
    "ChecksConfig",
    "CircuitOpen",
    "CompletesConfig",
    "ConfigurationError",
    "Context",
    "Countable",
    "CountsAgree",
    "CredentialError",
    "Cron",
    "DeclaresDrift",
    "DeclaresTotals",
    "Destination",
    "ErrorBudget",
    "ErrorBudgetExceeded",
    "Every",
    "Exchange",
    "Fed",
    "FieldError",
    "Figure",
    "File",
    "FileRefused",
    "FileTooLarge",
    "HeldOff",
    "HostileFile",
    "IngestionError",
    "Json",
    "JsonLines",
    "JsonPages",
    "Loaded",
    "Meter",
    "NeedsTenants",
    "OnDrift",
    "Page",
    "PayloadTooLarge",
    "Periods",
    "Pipeline",
    "Place",
    "Previewable",
    "PrivateAddress",
    "Proof",
    "QuotaExceeded",
    "ReadsAhead",
    "Ready",
    "Receives",
    "Reconcilable",
    "Reconciliation",
    "ReconciliationError",
    "Record",
    "RecordError",
    "Refusal",
    "Rejected",
    "Schedule",
    "SchemaDrift",
    "Secret",
    "Skip",
    "Source",
    "SourceChanged",
    "SourceFailed",
    "Stage",
    "StatementImbalance",
    "Stored",
    "Streams",
    "SumAgrees",
    "TakesFiles",
    "TenantRef",
    "TenantScopeError",
    "Testable",
    "Transient",
    "UnknownFormat",
    "UnreadableFile",
    "Unverifiable",
    "Upsert",
    "Window",
    "Windowed",
    "counted",
    "did_you_mean",
    "doubled_error",
    "joined_key",
    "json_items",
    "json_page",
    "meter",
    "names_stand_once",
    "pipeline",
    "refuse_unknown_keys",
]
