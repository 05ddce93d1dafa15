"""Is somebody let in who should not be: to the queues, or under a name that is not ours?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.conf import settings
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


@check(deploy=True)
def check_hosts(app_configs: Sequence[Any] | None = None, **kwargs: Any) -> list[CheckMessage]:
    """Only with --deploy: on one's own machine any name may do."""
    if "*" not in settings.ALLOWED_HOSTS:
        return []
    return [
        checks.Warning(
            "ALLOWED_HOSTS holds '*': whoever makes a request decides which address the site believes to be its own.",
            hint="Name the hosts that the site is reached under, such as ALLOWED_HOSTS=console.example.com.",
            id="ingestion.W015",
        )
    ]
