"""Whether the parts of a pipeline's declaration are what they must be. Each fault says what is expected and what is.

Found where it is written, not by the first record of the first run: ConfigurationError.
"""

from __future__ import annotations

import inspect
import unicodedata
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from pydantic import BaseModel

from ingestion.core.errors import ConfigurationError

_LOADS = ("stored", "empty", "key_of", "version_of", "load", "total", "problems")
_SHOWN = 60


def check(pipeline: Any, modes: Sequence[str], catch_ups: Sequence[str]) -> None:
    """Raise ConfigurationError for the first part of `pipeline` that makes it impossible to run."""
    _check_name(pipeline.name)
    at = f" of {pipeline.name}"
    _value("source" + at, pipeline.source, ("extract",), "a source, such as JsonLines(path)")
    plain(pipeline.source.extract, f"extract of the source{at}", "(ctx, checkpoint)", generates=True)
    _value("destination" + at, pipeline.destination, _LOADS, 'a destination, such as Upsert(Model, key=["id"])')
    schema = pipeline.schema
    require(
        isinstance(schema, type) and issubclass(schema, BaseModel),
        "schema" + at,
        schema,
        "a class of pydantic's BaseModel",
    )
    plain(pipeline.transform, "transform" + at, "(record, ctx)")
    if pipeline.reader is not None:
        plain(pipeline.reader, "reader" + at, "(body, ctx)")
    require(isinstance(pipeline.integration, str), "integration" + at, pipeline.integration, 'a text, such as "stripe"')
    _check_totals("reconciliations" + at, pipeline.reconciliations)
    if pipeline.schedule is not None:
        expected = 'a schedule, such as Every(minutes=15) or Cron("0 3 * * *")'
        _value("schedule" + at, pipeline.schedule, ("after",), expected)
    _one_of("catch_up" + at, pipeline.catch_up, catch_ups)
    if pipeline.drift is not None:
        _one_of("drift" + at, pipeline.drift, modes)
    lag = pipeline.lag
    require(
        isinstance(lag, timedelta) and lag >= timedelta(),
        "lag" + at,
        lag,
        "a timedelta of 0 or more: timedelta(minutes=5)",
    )
    version = pipeline.version
    require(
        isinstance(version, str) and 0 < len(version) <= 50,
        "version" + at,
        version,
        'a text of 1 to 50 characters: "2"',
    )
    _check_tenants("tenants" + at, pipeline.tenants)
    require_count("max_payload_bytes" + at, pipeline.max_payload_bytes)


def require(good: bool, part: str, value: object, expected: str) -> None:
    """Raise ConfigurationError unless `good`: which `part` of the declaration, what it is, what it must be."""
    if not good:
        raise ConfigurationError(f"{part} must be {expected}; it is {shown(value)}.")


def shown(value: object) -> str:
    """`value` as an error message names it: its repr, shortened; a class is called a class."""
    if isinstance(value, type):
        return f"the class {value.__name__}, not a value of it"
    try:
        text = repr(value)
    except Exception:  # noqa: BLE001  somebody's own repr; what is wrong must be said all the same
        text = f"a {type(value).__name__}"
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def contradiction(name: str, declared: str, configured: str, where: str) -> ConfigurationError:
    """The error for two explicit and different declarations about drift."""
    return ConfigurationError(
        f"{name} declares drift={declared!r}, and {where} says {configured!r}. Say it in one of the two places only."
    )


def is_share(value: object) -> bool:
    """Whether `value` is a number from 0 to 1."""
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1


def require_count(part: str, value: object, least: int = 1) -> None:
    """Raise ConfigurationError unless `value` is a whole number of at least `least`."""
    good = isinstance(value, int) and not isinstance(value, bool) and value >= least
    require(good, part, value, f"a whole number, {least} or more")


def _check_name(name: object) -> None:
    parts = name.split(".") if isinstance(name, str) and 0 < len(name) <= 100 else [""]
    if not all(map(str.isidentifier, parts)) or name != unicodedata.normalize("NFKC", str(name)):
        raise ConfigurationError(f'{shown(name)} is not a pipeline name; use "app.noun", at most 100 characters.')


def _value(part: str, value: object, methods: Sequence[str], expected: str) -> None:
    """Require a value, and not its class, with all of `methods`."""
    require(not isinstance(value, type), part, value, expected)
    missing = [name for name in methods if not callable(getattr(value, name, None))]
    if missing:
        raise ConfigurationError(f"{part} must be {expected}; {shown(value)} has no {', '.join(missing)}.")


def plain(function: Any, part: str, arguments: str, *, generates: bool = False) -> None:
    """Require a function that can be called with `arguments`: not async and, unless `generates`, no generator."""
    require(callable(function) and not isinstance(function, type), part, function, f"a function of {arguments}")
    body = function if inspect.isroutine(function) else type(function).__call__
    for candidate in (function, body):
        if inspect.iscoroutinefunction(candidate) or inspect.isasyncgenfunction(candidate):
            raise ConfigurationError(f"{part} is async, and nobody awaits it: write it with def, not async def.")
        if inspect.isgeneratorfunction(candidate) and not generates:
            raise ConfigurationError(f"{part} is a generator (it has a yield): return one row, or raise Skip(reason).")
    try:
        inspect.signature(function).bind(*arguments.split(","))
    except TypeError as error:
        raise ConfigurationError(f"{part} cannot be called with {arguments}: {error}.") from error
    except ValueError:
        return  # a callable without a signature; the first record will tell


def _check_totals(part: str, totals: Any) -> None:
    expected = "a list of control totals, such as [CountsAgree()]"
    require(isinstance(totals, list | tuple), part, totals, expected)
    for total in totals:
        require(not isinstance(total, type), part, total, expected)
        if not isinstance(getattr(total, "name", None), str) or not callable(getattr(total, "measure", None)):
            raise ConfigurationError(
                f"{part} must be {expected}; {shown(total)} has no name and measure(counts, total)."
            )


def _one_of(part: str, value: object, words: Sequence[str]) -> None:
    require(isinstance(value, str) and value in words, part, value, f"one of {', '.join(words)}")


def _check_tenants(part: str, tenants: Any) -> None:
    if tenants is None:
        return
    good = bool(tenants) and isinstance(tenants, list | tuple | set | frozenset)
    if not good or not all(isinstance(key, str) and key for key in tenants):
        raise ConfigurationError(f'{part} must name the keys of tenants, for example ["acme"]; it is {shown(tenants)}.')
