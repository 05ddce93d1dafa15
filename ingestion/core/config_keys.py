"""Which keys a connection's config may have: any other would do nothing, and nobody would notice."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from ingestion.core.declarations import require
from ingestion.core.errors import ConfigurationError
from ingestion.core.pasted_secrets import BELONGS, is_secret_name

_LONGEST = 50

Keys = Collection[str] | type[BaseModel]
"""What a project's own functions read of a config: names, or a model whose fields they are and which judges values."""

ENGINE_KEYS = ("integration",)
"""What the engine itself reads of every connection's config."""

_SCHEDULE = ": when a connection is due is its schedule (ingest schedule), not its config."
_PIPELINE = ": the pipeline's declaration says it, for all of its connections."
_NAMED = ": it names the connection, and is no part of its config."
_ELSEWHERE = {
    **dict.fromkeys(("schedule", "every", "cron", "zone", "spread"), _SCHEDULE),
    **dict.fromkeys(("lag", "catch_up", "error_budget", "drift", "reconciliations", "periods", "version"), _PIPELINE),
    **dict.fromkeys(("destination", "schema", "source", "transform", "reader", "max_payload_bytes"), _PIPELINE),
    **dict.fromkeys(("tenant", "pipeline"), _NAMED),
    "tier": ": it is the tenant's own, and is set with the tenant.",
    "time_zone": ": it is the tenant's (ingest tenant time-zone), or that of a schedule.",
}
"""Settings that are declared elsewhere, by the name under which they are looked for in a config."""


def check_keys(
    config: Mapping[str, Any],
    own: Collection[str],
    keys: Keys = (),
    *,
    source: object = None,
    advice: Callable[[str], str] = lambda name: "",
    more: str = "",
) -> None:
    """Raise ConfigurationError for a key that is neither the source's `own` nor of the project's `keys`.

    Where `keys` is a model, also for one that it misses or whose value it refuses. What `source` declares in code under
    the key's name is said to stand there. `advice` and `more` are those of `refuse_unknown_keys`.
    """

    def meant(name: str) -> str:
        return advice(name) or _declared(source, name)

    further = f"; keys= of {type(source).__name__} names what functions of your own read" if source is not None else ""
    refuse_unknown_keys(config, (*own, *key_names(keys)), advice=meant, more=more or further)
    if isinstance(keys, type):
        _judge(config, keys)


def require_keys(kind: str, keys: object) -> None:
    """Raise ConfigurationError unless `keys`, as a source of this `kind` declares them, are names or a model."""
    is_model = isinstance(keys, type) and issubclass(keys, BaseModel)
    is_names = isinstance(keys, list | tuple | set | frozenset) and all(isinstance(name, str) and name for name in keys)
    expected = "names of a config's keys, such as [\"team\"], or a model of pydantic's with a field for each"
    require(is_model or is_names, f"keys of {kind}", keys, expected)


def key_names(keys: Keys) -> tuple[str, ...]:
    """The names of `keys`, as a config has them."""
    if not isinstance(keys, type):
        return tuple(keys)
    fields = keys.model_fields.items()
    return tuple(
        field.validation_alias if isinstance(field.validation_alias, str) else field.alias or name
        for name, field in fields
    )


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
            key = str(name)[:_LONGEST]
            near = did_you_mean(str(name), keys) or "."
            has = f" It has {', '.join(sorted(keys))}{more}." if keys else " It has none."
            meant = advice(str(name)) or elsewhere(str(name)) or f"{near}{has}"
            error = ConfigurationError(
                f"`{key}` is no key of the connection's config{meant} Where it is stored there already, take it out."
            )
            error.in_shell = f"In a shell: --config {key}=null."
            raise error


def elsewhere(name: str) -> str:
    """Where the setting `name` belongs instead of a config, as the end of a sentence; '' if that is unknown."""
    return _ELSEWHERE.get(name) or (f": {BELONGS}." if is_secret_name(name) else "")


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


def _declared(source: object, name: str) -> str:
    """That code says what somebody wrote into a config as `name`, where `source` is declared with it."""
    if source is None or not dataclasses.is_dataclass(source):
        return ""
    declares = name in {field.name for field in dataclasses.fields(source)}
    return f": the pipeline's code says it, as `{name}` of {type(source).__name__}." if declares else ""


def _judge(config: Mapping[str, Any], model: type[BaseModel]) -> None:
    """Raise ConfigurationError, which names keys and shows no value, for what `model` refuses of its own keys."""
    try:
        model.model_validate({name: config[name] for name in key_names(model) if name in config})
    except ValidationError as error:
        raise ConfigurationError(f"The connection's config is wrong. {' '.join(_sentences(error))}") from None


def _sentences(error: ValidationError) -> Iterator[str]:
    for detail in error.errors(include_url=False, include_input=False, include_context=False):
        where = ".".join(map(str, detail["loc"]))
        text = str(detail["msg"]).removeprefix("Value error, ").rstrip(".")
        named = f"`{where}`: {text}" if where else text
        yield f"`{where}` is missing." if detail["type"] == "missing" else f"{named}."
