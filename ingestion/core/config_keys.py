"""Which keys a connection's config may have: any other would do nothing, and nobody would notice."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

from ingestion.core.errors import ConfigurationError

_LONGEST = 50


def refuse_unknown_keys(
    config: Mapping[str, Any],
    keys: Collection[str],
    *,
    advice: Callable[[str], str] = lambda name: "",
    more: str = "",
) -> None:
    """Raise ConfigurationError for a key that is none of `keys`, with the nearest one and how it is taken away.

    What a source's `check_config` calls with all keys that it and its pipeline read. `advice` may know better what was
    meant: it goes on in the sentence, and ends it. `more` goes on behind the list of keys.
    """
    for name in config:
        if name not in keys:
            shown = str(name)[:_LONGEST]
            near = did_you_mean(str(name), keys) or "."
            meant = advice(str(name)) or f"{near} It has {', '.join(sorted(keys))}{more}."
            error = ConfigurationError(
                f"`{shown}` is no key of the connection's config{meant} Where it is stored there already, take it out."
            )
            error.in_shell = f"In a shell: --config {shown}=null."
            raise error


ENGINE_KEYS = ("integration",)
"""What the engine itself reads of every connection's config."""


def refuse_misspelt_keys(names: Iterable[str], keys: Collection[str]) -> None:
    """Raise ConfigurationError for a name that is surely one of `keys` with a letter wrong, or in another case.

    A transform may read any other key: `integration_id` and `integrations` are names of their own.
    """
    for name in names:
        near = did_you_mean(str(name), keys, cutoff=0.95)
        if near and not any(str(name).startswith(key) for key in keys):
            error = ConfigurationError(f"`{str(name)[:_LONGEST]}` is read by nobody{near} Rename it, or take it out.")
            error.in_shell = f"In a shell: --config {str(name)[:_LONGEST]}=null."
            raise error


def did_you_mean(name: str, allowed: Iterable[str], cutoff: float = 0.6) -> str:
    """A question after the nearest of the `allowed` names, which ends a sentence; '' where none is near."""
    spellings = {spelling.casefold(): spelling for spelling in allowed}
    near = difflib.get_close_matches(name.casefold(), list(spellings), n=1, cutoff=cutoff)
    return f"; did you mean `{spellings[near[0]]}`?" if near else ""
