"""The operations console, and what the admin pages of kinds and of your own tables are composed of.

`TenantScoped` before `admin.ModelAdmin` isolates tenants on every way in; `ConsoleAdmin` is that plus a calm, read-only
list; `OffersVerbs` adds buttons that confirm and call an action. See docs/how-to/use-the-console.md.
"""

from ingestion.admin.console import ConsoleAdmin
from ingestion.admin.filters import OwnChoices, OwnRelatedFilter, PipelineFilter
from ingestion.admin.forms import OptionalReasonForm, ReasonForm, TenantForm
from ingestion.admin.guides import guide
from ingestion.admin.ownership import is_own, only_own
from ingestion.admin.paging import BoundedPaginator
from ingestion.admin.previewing import fetch as fetch_preview
from ingestion.admin.read_only import ReadOnly
from ingestion.admin.scoped import TenantScoped, TenantScopedInline
from ingestion.admin.verbs import Done, OffersVerbs, Verb

from ingestion.admin import artifacts, audit, connections, credentials, dead_letters  # isort: skip  # noqa: F401  they
from ingestion.admin import deliveries, quotas, reconciliations, runs, shapes  # isort: skip  # noqa: F401  register
from ingestion.admin import tenants, watermarks  # isort: skip  # noqa: F401  themselves

__all__ = [
    "BoundedPaginator",
    "ConsoleAdmin",
    "Done",
    "OffersVerbs",
    "OptionalReasonForm",
    "OwnChoices",
    "OwnRelatedFilter",
    "PipelineFilter",
    "ReadOnly",
    "ReasonForm",
    "TenantForm",
    "TenantScoped",
    "TenantScopedInline",
    "Verb",
    "fetch_preview",
    "guide",
    "is_own",
    "only_own",
]
