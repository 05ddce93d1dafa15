"""The operations console, and what the admin pages of kinds and of your own tables are composed of.

`TenantScoped` before `admin.ModelAdmin` isolates tenants on every way in; `ConsoleAdmin` is that plus a calm, read-only
list; `OffersVerbs` adds buttons that confirm and call an action. See docs/how-to/use-the-console.md.
"""

from ingestion.admin.kit.console import ConsoleAdmin
from ingestion.admin.kit.filters import OwnChoices, OwnRelatedFilter, PipelineFilter
from ingestion.admin.kit.forms import OptionalReasonForm, ReasonForm, TenantForm
from ingestion.admin.kit.guides import guide
from ingestion.admin.kit.ownership import is_own, only_own
from ingestion.admin.kit.paging import BoundedPaginator
from ingestion.admin.kit.read_only import ReadOnly
from ingestion.admin.kit.scoped import TenantScoped, TenantScopedInline
from ingestion.admin.kit.verbs import Done, OffersVerbs, Verb
from ingestion.admin.pages.previews import fetch as fetch_preview

from ingestion.admin.pages import artifacts  # isort: skip  # noqa: F401  they
from ingestion.admin.pages import audit  # isort: skip  # noqa: F401  they
from ingestion.admin.pages import connections  # isort: skip  # noqa: F401  they
from ingestion.admin.pages import credentials  # isort: skip  # noqa: F401  they
from ingestion.admin.pages import dead_letters  # isort: skip  # noqa: F401  they
from ingestion.admin.pages import deliveries  # isort: skip  # noqa: F401  register
from ingestion.admin.pages import quotas  # isort: skip  # noqa: F401  register
from ingestion.admin.pages import reconciliations  # isort: skip  # noqa: F401  register
from ingestion.admin.pages import runs  # isort: skip  # noqa: F401  register
from ingestion.admin.pages import shapes  # isort: skip  # noqa: F401  register
from ingestion.admin.pages import tenants  # isort: skip  # noqa: F401  themselves
from ingestion.admin.pages import watermarks  # isort: skip  # noqa: F401  themselves

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
