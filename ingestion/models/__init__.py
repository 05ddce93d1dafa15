"""The engine's tables, one noun a file."""

from ingestion.models.artifacts import Artifact, RunArtifact
from ingestion.models.audit import AuditEntry
from ingestion.models.connections import Connection
from ingestion.models.credentials import Credential, CredentialVersion, DataKey
from ingestion.models.dead_letters import DeadLetter
from ingestion.models.deliveries import Delivery
from ingestion.models.fields import ExternalIdField
from ingestion.models.heartbeats import Heartbeat
from ingestion.models.ingested import Ingested
from ingestion.models.reconciliations import ReconciledPeriod
from ingestion.models.runs import Event, Run
from ingestion.models.scoping import TenantManager, TenantOwned, TenantQuerySet
from ingestion.models.shapes import KnownShape
from ingestion.models.tenants import Tenant, TenantGrant
from ingestion.models.usage import QuotaOverride, Spending, Usage
from ingestion.models.watermarks import Watermark

__all__ = [
    "Artifact",
    "AuditEntry",
    "Connection",
    "Credential",
    "CredentialVersion",
    "DataKey",
    "DeadLetter",
    "Delivery",
    "Event",
    "ExternalIdField",
    "Heartbeat",
    "Ingested",
    "KnownShape",
    "QuotaOverride",
    "ReconciledPeriod",
    "Run",
    "RunArtifact",
    "Spending",
    "Tenant",
    "TenantGrant",
    "TenantManager",
    "TenantOwned",
    "TenantQuerySet",
    "Usage",
    "Watermark",
]
