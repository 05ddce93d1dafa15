"""Is INGESTION understood, and does Django's own configuration fit?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register
from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string

from ingestion.conf import Settings, config

TAG = "ingestion"


def valid() -> Settings | None:
    """The settings, or None when E001 has something to say; the other checks then say nothing."""
    try:
        return config()
    except ImproperlyConfigured:
        return None


@register(TAG)
def check_settings(app_configs: Sequence[Any] | None = None, **kwargs: Any) -> list[CheckMessage]:
    try:
        given = config()
    except ImproperlyConfigured as error:
        return [
            Error(str(error), hint="docs/reference/settings.md lists every key with its default.", id="ingestion.E001")
        ]
    return [*_check_function(given.TENANTS_FOR_USER), *_check_time_zone()]


def _check_function(path: str) -> list[CheckMessage]:
    if not path:
        return []
    try:
        usable = callable(import_string(path))
    except ImportError:
        usable = False
    if usable:
        return []
    return [
        Error(
            f'INGESTION["TENANTS_FOR_USER"] names {path!r}, which is not a function that can be imported.',
            hint="Write it as package.module.function, taking a user and giving the ids of the tenants they may see.",
            id="ingestion.E006",
        )
    ]


def _check_time_zone() -> list[CheckMessage]:
    if settings.USE_TZ:
        return []
    return [
        Error(
            "USE_TZ is False: windows, leases and watermarks would be off by hours and jump twice a year.",
            hint="Set USE_TZ = True. Django then stores times in UTC and shows them in TIME_ZONE.",
            id="ingestion.E004",
        )
    ]
