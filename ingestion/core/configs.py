"""Whether a run could use a connection's config: asked wherever one is written, and nowhere twice in two ways."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from ingestion.core.capabilities import ChecksConfig
from ingestion.core.config_keys import ENGINE_KEYS, refuse_misspelt_keys
from ingestion.core.context import overlaid
from ingestion.core.errors import ConfigurationError
from ingestion.core.pasted_secrets import BELONGS, is_certain_secret, pasted_secrets
from ingestion.core.pipeline import Pipeline

_MOST = 100_000
"""Characters of all texts and names of a config together: it is shown, and kept with every run."""
_DEEPEST = 25
"""Levels of a config: databases keep 32, and the audit trail puts it two levels deep."""
_LARGEST = 2**63
_NAME_LENGTH = 100
"""Of an integration, as the table of credentials has it."""


def check_config(pipeline: Pipeline, config: Any, stored: Collection[str] = ()) -> None:
    """Raise ConfigurationError, which names the key and shows no value, for a config that no run could use.

    What every kind's config must be is judged here, the rest by the source's own `check_config`. `stored` are keys that
    the connection has already: one of these that is nearly the engine's own was taken before, and hinders nothing.
    """
    require_json(config)
    _require_integration(config.get("integration"))
    in_force = overlaid(config)
    judges = isinstance(pipeline.source, ChecksConfig)
    if isinstance(pipeline.source, ChecksConfig):
        pipeline.source.check_config(in_force)
    # A name that a source reads is a developer's choice; one that nobody declared is a paste.
    for place in pasted_secrets("", in_force, by_name=not judges, looks=is_certain_secret):
        raise ConfigurationError(f"`{place}` of the connection's config looks like a secret: {BELONGS}.")
    refuse_misspelt_keys(in_force.keys() - set(stored), ENGINE_KEYS)


def require_json(config: Any) -> None:
    """Raise ConfigurationError unless `config` is an object of JSON that every database gives back as it is."""
    if not isinstance(config, Mapping):
        raise ConfigurationError('A connection\'s config is an object with keys, such as {"account": "12345678"}.')
    size = 0
    for place, fault, weight in _walked("", config, 0):
        size += weight
        if fault:
            raise ConfigurationError(f"`{place[:200]}` of the connection's config {fault}.")
        if size > _MOST:
            raise ConfigurationError(f"The connection's config has more than {_MOST} characters; no source reads that.")


def _walked(at: str, value: Any, depth: int) -> Iterator[tuple[str, str, int]]:
    """Each value inside `value`: its place, what is wrong with it ('' for nothing), and how long it is."""
    if depth > _DEEPEST:
        yield at, f"lies more than {_DEEPEST} levels deep", 0
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            place = f"{at}.{name}" if at else str(name)
            yield place, _fault_of_name(name), len(str(name))
            yield from _walked(place, inner, depth + 1)
    elif isinstance(value, list | tuple):
        for index, inner in enumerate(value):
            yield from _walked(f"{at}.{index}", inner, depth + 1)
    else:
        yield at, _fault(value), len(value) if isinstance(value, str) else 8


def _fault_of_name(name: object) -> str:
    if not isinstance(name, str):
        return f"is a name of type {type(name).__name__}; names are texts"
    return _fault(name) if name.strip() else "has a name of blanks, or none"


def _fault(value: object) -> str:
    match value:
        case None | bool():
            return ""
        case str():
            if "\0" in value:
                return "holds NUL, which PostgreSQL cannot store"
            return "holds half a character" if any("\ud800" <= sign <= "\udfff" for sign in value) else ""
        case int():
            return "" if abs(value) < _LARGEST else "has more than 18 digits; write it as a text"
        case float():
            return "" if math.isfinite(value) else "is no number that JSON has"
    return f"is a {type(value).__name__}, which JSON has not; write it as a text"


def _require_integration(name: object) -> None:
    if name is None or name == "":
        return
    good = isinstance(name, str) and len(name) <= _NAME_LENGTH and name.isprintable() and name == name.strip()
    if not good:
        raise ConfigurationError(
            "`integration` of the connection's config names the credential that the source uses: a text of at most "
            f"{_NAME_LENGTH} characters without blanks around it, as `manage.py ingest credential list` shows it."
        )
