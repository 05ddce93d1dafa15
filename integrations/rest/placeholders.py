"""The few placeholders that a declaration may use. Anything else in braces is refused, never passed on.

`{window.start}` and `{window.end}` take a format: none (ISO 8601), `:seconds`, `:milliseconds` (since 1970) or `:date`.
`{config.NAME}` is a value of the connection's config, for what differs between tenants (a shop's name in the address).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from ingestion import ConfigurationError, Window

_PLACEHOLDER = re.compile(r"\{\s*([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+)(?::(\w*))?\s*\}")
_WINDOW_ENDS = ("window.start", "window.end")
_MAX_CONFIG_VALUE = 200
_SECOND = timedelta(seconds=1)

FORMATS: dict[str, Callable[[datetime], str]] = {
    "": lambda at: at.strftime("%Y-%m-%dT%H:%M:%SZ"),
    "seconds": lambda at: str(int(at.timestamp())),
    "milliseconds": lambda at: str(int(at.timestamp()) * 1000),
    "date": lambda at: at.strftime("%Y-%m-%d"),
}
PLACEHOLDERS = tuple(f"{{{window_end}{f':{name}' if name else ''}}}" for window_end in _WINDOW_ENDS for name in FORMATS)
"""All placeholders for a time, for messages and docs."""


def problems(text: str, *, strict: bool = True) -> Iterator[str]:
    """Problems of the placeholders in a text. `strict` refuses other braces too, which GraphQL in a body needs."""
    for match in _PLACEHOLDER.finditer(text):
        name, form = match[1], match[2] or ""
        if name.startswith("config.") and name.count(".") == 1 and not form:
            continue
        if name not in _WINDOW_ENDS or form not in FORMATS:
            yield f"{match[0]} is no placeholder; there are {', '.join(PLACEHOLDERS)} and {{config.NAME}}"
    if strict and re.search(r"[{}]", _PLACEHOLDER.sub("", text)):
        yield f"braces mark placeholders ({PLACEHOLDERS[0]}, {{config.NAME}}, …); this text has others"


def window_ends(text: str) -> set[str]:
    """The ends of the window that a text names: "window.start", "window.end"."""
    return {match[1] for match in _PLACEHOLDER.finditer(text) if match[1] in _WINDOW_ENDS}


def config_names(text: str) -> set[str]:
    """The keys of the connection's config that a text names."""
    return {match[1].removeprefix("config.") for match in _PLACEHOLDER.finditer(text) if match[1].startswith("config.")}


def fill(text: str, window: Window, config: Mapping[str, Any], encode: Callable[[str], str] = str) -> str:
    """The text with its placeholders filled in; values of the config go through `encode`.

    Raises ConfigurationError for a value that the config does not have, or that `encode` refuses.
    """

    def value(match: re.Match[str]) -> str:
        name, form = match[1], match[2] or ""
        if name == "window.start":
            return FORMATS[form](window.start.replace(microsecond=0))
        if name == "window.end":  # rounded up: a second read twice is harmless, one left out is lost
            end = window.end
            return FORMATS[form](end if not end.microsecond else end.replace(microsecond=0) + _SECOND)
        if name.startswith("config."):
            config_value = _config_value(name.removeprefix("config."), config)
            try:
                return encode(config_value)
            except ConfigurationError as error:
                raise ConfigurationError(f"The declaration uses {{{name}}}. {error}") from None
        return match[0]

    return _PLACEHOLDER.sub(value, text)


def with_config(text: str, config: Mapping[str, Any]) -> str:
    """The text for people, with the values of the config. The window stays a placeholder: each run has its own.

    A config holds no secret: staff see it, and it is refused where it repeats a credential.
    """
    return _PLACEHOLDER.sub(
        lambda match: (
            str(config.get(match[1].removeprefix("config."), match[0])) if match[1].startswith("config.") else match[0]
        ),
        text,
    )


def require(source_texts: Iterable[str], config: Mapping[str, Any]) -> None:
    """Raise ConfigurationError unless the config has a usable value for every key that the texts name."""
    for name in sorted({name for text in source_texts for name in config_names(text)}):
        _config_value(name, config)


def fill_all(value: Any, window: Window, config: Mapping[str, Any]) -> Any:
    """A JSON value with the placeholders in all its texts filled in."""
    if isinstance(value, str):
        return fill(value, window, config)
    if isinstance(value, Mapping):
        return {key: fill_all(child, window, config) for key, child in value.items()}
    if isinstance(value, list | tuple):
        return [fill_all(child, window, config) for child in value]
    return value


def texts(value: Any) -> Iterator[str]:
    """All texts within a JSON value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for child in value.values():
            yield from texts(child)
    elif isinstance(value, list | tuple):
        for child in value:
            yield from texts(child)


def _config_value(name: str, config: Mapping[str, Any]) -> str:
    value = config.get(name)
    if isinstance(value, bool) or not isinstance(value, str | int) or not 0 < len(str(value)) <= _MAX_CONFIG_VALUE:
        raise ConfigurationError(
            f"The declaration uses {{config.{name}}}: set {name!r} in the connection's config, a text or whole number "
            f"of at most {_MAX_CONFIG_VALUE} characters."
        )
    return str(value)


def has_placeholder_as_port(address: str) -> bool:
    """Whether an address has a placeholder where its port stands."""
    host = re.split(r"[/?#]", address.partition("://")[2], maxsplit=1)[0]
    return any(_PLACEHOLDER.search(part) for part in re.split(r":(?![^{]*\})", host)[1:])


def without_config(text: str) -> str:
    """The text as an address that can be parsed: a word stands for each `{config.NAME}`."""
    return _PLACEHOLDER.sub("word", text)
