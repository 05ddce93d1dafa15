"""Is somebody let into the queues who should not be?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.core import checks
from django.core.checks import CheckMessage

from ingestion.checks.guarding import check
from ingestion.endpoints import addresses


@check()
def check_dashboard(app_configs: Sequence[Any] | None = None, **kwargs: Any) -> list[CheckMessage]:
    """django-rq's pages let any member of staff, without a permission, read job arguments and empty queues."""
    if not any(pattern.callback.__module__.startswith("django_rq.") for _, pattern in addresses()):
        return []
    return [
        checks.Warning(
            "django-rq's pages are reachable: any member of staff can read job arguments and empty queues.",
            hint="Set RQ_SHOW_ADMIN_LINK = False and do not include django_rq.urls; the console shows the runs.",
            id="ingestion.W003",
        )
    ]
