"""Is INGESTION understood, and does Django's own configuration fit?"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Sequence
from typing import Any

from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Error
from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string

from ingestion import retention
from ingestion.checks.guarding import check
from ingestion.conf import Settings, config
from ingestion.core import meters


def valid() -> Settings | None:
    """The settings, or None when E001 has something to say; the other checks then say nothing."""
    try:
        return config()
    except ImproperlyConfigured:
        return None


@check()
def check_settings(app_configs: Sequence[Any] | None = None, **kwargs: Any) -> list[CheckMessage]:
    try:
        options = config()
    except ImproperlyConfigured as error:
        hint = "Every key with its default: https://github.com/sluicegate/django-sluicegate/blob/main/docs/reference/settings.md"
        return [Error(str(error), hint=hint, id="ingestion.E001")]
    return [
        *_check_function(
            "TENANTS_FOR_USER", options.TENANTS_FOR_USER, "a user and giving the ids of the tenants they may see"
        ),
        *_check_function(
            "DELIVERY_LIMIT", options.DELIVERY_LIMIT, "a connection and giving the seconds its sender must wait"
        ),
        *_check_time_zone(),
        *_check_quotas(options.QUOTAS),
        *_check_keeping(options.KEEP_DAYS),
    ]


def _check_keeping(days: Collection[str]) -> list[CheckMessage]:
    names = [kept.name for kept in retention.retentions()]
    return [
        checks.Warning(
            f'INGESTION["KEEP_DAYS"] names {name!r}, but no installed app retains rows under that name.',
            hint=f"Declared: {', '.join(difflib.get_close_matches(name, names, n=1) or names)}.",
            id="ingestion.W031",
        )
        for name in days
        if name not in names
    ]


def _check_quotas(quotas: Collection[str]) -> list[CheckMessage]:
    names = [meter.name for meter in meters.registered()]
    return [
        checks.Warning(
            f'INGESTION["QUOTAS"] limits {name!r}, but no installed app declares such a meter.',
            hint=f"Declared: {', '.join(difflib.get_close_matches(name, names, n=1) or names) or 'none'}.",
            id="ingestion.W030",
        )
        for name in quotas
        if name not in names
    ]


def _check_function(setting: str, path: str, does: str) -> list[CheckMessage]:
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
            f'INGESTION["{setting}"] names {path!r}, which is not a function that can be imported.',
            hint=f"Write it as package.module.function, taking {does}.",
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
