"""Time zones by name, with a message that helps when there is none of that name."""

from __future__ import annotations

import difflib
from datetime import UTC, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones

from ingestion.core.errors import ConfigurationError


@lru_cache(maxsize=512)
def zone_named(name: str) -> tzinfo:
    """The zone `name` of the IANA database, for example "Europe/Amsterdam". Raises ConfigurationError."""
    if name == "UTC":
        return UTC
    # Asked before it is opened: the database is a folder of files, and names may come from a form.
    if name not in _names():
        near = difflib.get_close_matches(name, _names(), n=1, cutoff=0.5)
        hint = f"did you mean {near[0]!r}?" if near else 'write one like "Europe/Amsterdam" or "UTC".'
        raise ConfigurationError(f"There is no time zone {name!r}; {hint}")
    return ZoneInfo(name)


@lru_cache(maxsize=1)
def _names() -> frozenset[str]:
    return frozenset(available_timezones())
