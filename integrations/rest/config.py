"""Reads the declaration that staff write into a connection's config, under the key "rest". It is untrusted."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from ingestion import ConfigurationError, did_you_mean, elsewhere, why_no_json
from integrations.rest import auth, paging
from integrations.rest.credential_policy import policy_violations
from integrations.rest.declaration import Declaration
from integrations.rest.secret_detection import ADVICE, secrets_in

KEY = "rest"
DEFAULT_INTEGRATION = "rest"
"""The integration of the pipeline, which a stored config without an integration uses."""
_MAX_CHARACTERS = 32 * 1024
_MAX_ERRORS = 5
DeclarationT = TypeVar("DeclarationT", bound=Declaration)

STYLES: dict[str, type[BaseModel]] = {
    cls.model_fields["style"].default: cls
    for cls in (
        paging.NoPages,
        paging.PageNumber,
        paging.Offset,
        paging.Cursor,
        paging.NextUrl,
        paging.LinkHeader,
        paging.SinceId,
    )
}
KINDS: dict[str, type[BaseModel]] = {
    cls.model_fields["kind"].default: cls
    for cls in (
        auth.NoAuth,
        auth.Bearer,
        auth.Basic,
        auth.ApiKey,
        auth.ClientCredentials,
        auth.RefreshToken,
    )
}
_UNION_TAG = re.compile(r"(str|int|bool|float)|(list|tuple|dict)\[.*\]")
"""What Pydantic adds to the location of a key whose value may have several types."""
_TAGGED = {"pagination": ("style", STYLES), "auth": ("kind", KINDS)}


def integration_of(config: Mapping[str, Any]) -> str:
    """The integration whose credential a stored config uses; '' where it declares nothing yet."""
    return str(config.get("integration") or (DEFAULT_INTEGRATION if KEY in config else ""))


def integration_for(name: str) -> str:
    """The integration of an API that names none: the integration called like its connection."""
    return name or DEFAULT_INTEGRATION


def declaration_in(declaration_class: type[DeclarationT], config: Mapping[str, Any]) -> DeclarationT:
    """The declaration in a connection's config. Raises ConfigurationError, which shows no value of it."""
    if KEY not in config:
        raise ConfigurationError(f'The connection\'s config has no "{KEY}"; declare the API there, or add it by form.')
    return from_json(declaration_class, config[KEY])


def from_json(declaration_class: type[DeclarationT], raw: Any) -> DeclarationT:
    """The declaration in `raw`. Raises ConfigurationError with every reason, but no value."""
    if not isinstance(raw, Mapping):
        raise ConfigurationError(
            f'"{KEY}" in the config must be an object, such as {{"base_url": "https://…"}}. {why_no_json(raw)}'.rstrip()
        )
    refuse_secrets(secrets_in(raw))  # first: a secret is refused as one, whatever else is wrong
    try:
        text = json.dumps(_without_nulls(raw), allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise ConfigurationError(f"The REST declaration is not JSON: {error}.") from error
    if len(text) > _MAX_CHARACTERS:
        raise ConfigurationError(f"The REST declaration has {len(text)} characters; the limit is {_MAX_CHARACTERS}.")
    declaration: DeclarationT = _parse(declaration_class, text)
    for violation in policy_violations(declaration):
        raise ConfigurationError(f"The REST declaration is wrong. {violation}")
    return declaration


def _without_nulls(raw: Mapping[str, Any]) -> dict[str, Any]:
    """The declaration without keys that are null: they take their defaults, as if left out.

    Values that are sent (params, headers, body) stay as they are.
    """
    set_keys = {name: value for name, value in raw.items() if value is not None}
    for name in ("pagination", "auth", "error_budget"):
        if isinstance(set_keys.get(name), Mapping):
            set_keys[name] = {key: value for key, value in set_keys[name].items() if value is not None}
    if isinstance(set_keys.get("signals"), list):
        set_keys["signals"] = [
            {key: value for key, value in signal.items() if value is not None}
            if isinstance(signal, Mapping)
            else signal
            for signal in set_keys["signals"]
        ]
    return set_keys


def refuse_secrets(places: Iterator[str]) -> None:
    """Raise ConfigurationError, which names the first of the places, if there is any."""
    if place := next(places, ""):
        raise ConfigurationError(f"`{place}` looks like a secret: {ADVICE}.")


@lru_cache(maxsize=200)
def _parse(declaration_class: type[DeclarationT], text: str) -> DeclarationT:
    try:
        return declaration_class.model_validate_json(text)
    except ValidationError as error:
        reasons = list(describe_problems(error))
    raise ConfigurationError("The REST declaration is wrong. " + " ".join(reasons))


def describe_problems(error: ValidationError, cls: type[BaseModel] = Declaration) -> Iterator[str]:
    """A sentence for each validation error of a `cls`, up to five. Sentences name keys, and show no values."""
    details = error.errors(include_url=False, include_input=False, include_context=True)
    for detail in details[:_MAX_ERRORS]:
        sentence = _sentence_for(detail, cls)
        yield sentence if sentence.endswith("?") else f"{sentence.rstrip('.')}."
    if len(details) > _MAX_ERRORS:
        yield f"And {len(details) - _MAX_ERRORS} more."


def _sentence_for(detail: Any, cls: type[BaseModel]) -> str:
    key, cls = _key_of(detail["loc"], cls)
    match detail["type"]:
        case "extra_forbidden":
            return f"`{key}` is no key" + _advise_unknown_key(key, cls)
        case "missing":
            return f"`{key}` is missing"
        case "union_tag_invalid" | "union_tag_not_found":
            name, choices = _TAGGED[key]
            tag = str(detail.get("ctx", {}).get("tag", ""))
            return f"`{key}.{name}` must be one of {', '.join(choices)}" + did_you_mean(tag, choices)
        case "value_error":
            message = str(detail["msg"]).removeprefix("Value error, ")
            return f"`{key}`: {message}" if key else message
        case _:
            return f"`{key}`: {detail['msg']}"


def _advise_unknown_key(key: str, cls: type[BaseModel]) -> str:
    """Where a key that a `cls` does not have belongs, or which key is near; it ends a sentence."""
    if key == "integration":
        return f": it stands beside `{KEY}`, in the connection's config"
    name = key.rpartition(".")[2]
    return elsewhere(name) or did_you_mean(name, cls.model_fields)


def _key_of(loc: Sequence[str | int], cls: type[BaseModel]) -> tuple[str, type[BaseModel]]:
    """The dotted name of a location in a `cls`, without the tags that Pydantic adds to a choice; and its class."""
    parts = [str(part) for part in loc if not _UNION_TAG.fullmatch(str(part))]
    if len(parts) > 1 and parts[0] in _TAGGED and parts[1] in _TAGGED[parts[0]][1]:
        cls = _TAGGED[parts[0]][1][parts[1]]
        del parts[1]
    return ".".join(parts), cls
