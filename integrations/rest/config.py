"""A declaration from JSON: what staff write into a connection's config, under the key "rest". It is untrusted."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from ingestion import ConfigurationError, did_you_mean, elsewhere, why_no_json
from integrations.rest import auth, paging
from integrations.rest.credential_policy import reaching
from integrations.rest.declaration import Declaration
from integrations.rest.secret_detection import ADVICE, secrets_in

KEY = "rest"
PIPELINES_OWN = "rest"
"""The integration of the pipeline, which a stored config without one uses."""
_LONGEST = 32 * 1024
_ERRORS = 5
D = TypeVar("D", bound=Declaration)

STYLES: dict[str, type[BaseModel]] = {
    cls.model_fields["style"].default: cls
    for cls in (
        paging.NoPages, paging.PageNumber, paging.Offset, paging.Cursor, paging.NextUrl, paging.LinkHeader,
        paging.SinceId,
    )
}  # fmt: skip
KINDS: dict[str, type[BaseModel]] = {
    cls.model_fields["kind"].default: cls
    for cls in (
        auth.NoAuth, auth.Bearer, auth.Basic, auth.ApiKey, auth.ClientCredentials, auth.RefreshToken,
    )
}  # fmt: skip
_CHOICE = re.compile(r"(str|int|bool|float)|(list|tuple|dict)\[.*\]")
"""What Pydantic puts behind the name of a key that takes values of several types."""
_TAGGED = {"pagination": ("style", STYLES), "auth": ("kind", KINDS)}


def integration_of(config: Mapping[str, Any]) -> str:
    """The integration whose credential a stored config uses; '' where it declares nothing yet."""
    return str(config.get("integration") or (PIPELINES_OWN if KEY in config else ""))


def integration_for(name: str) -> str:
    """The integration of an API that is declared under a connection's `name` and names none: the one called so."""
    return name or PIPELINES_OWN


def declared(kind: type[D], config: Mapping[str, Any]) -> D:
    """The declaration under "rest" of a connection's config. Raises ConfigurationError, which shows no value of it."""
    if KEY not in config:
        raise ConfigurationError(f'The connection\'s config has no "{KEY}"; declare the API there, or add it by form.')
    return from_json(kind, config[KEY])


def from_json(kind: type[D], raw: Any) -> D:
    """`raw` as a declaration of class `kind`. Raises ConfigurationError with every reason, but no value."""
    if not isinstance(raw, Mapping):
        raise ConfigurationError(
            f'"{KEY}" in the config must be an object, such as {{"base_url": "https://…"}}. {why_no_json(raw)}'.rstrip()
        )
    refuse_secrets(secrets_in(raw))
    try:
        text = json.dumps(_without_nulls(raw), allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise ConfigurationError(f"The REST declaration is not JSON: {error}.") from error
    if len(text) > _LONGEST:
        raise ConfigurationError(f"The REST declaration has {len(text)} characters; the limit is {_LONGEST}.")
    found: D = _parsed(kind, text)
    for trouble in reaching(found):
        raise ConfigurationError(f"The REST declaration is wrong. {trouble}")
    return found


def _without_nulls(raw: Mapping[str, Any]) -> dict[str, Any]:
    """`raw` without the keys of a declaration that are null: they are at their defaults, as if left out.

    What is sent (params, headers, body) is left as it is.
    """
    known = {name: value for name, value in raw.items() if value is not None}
    for name in ("pagination", "auth", "error_budget"):
        if isinstance(known.get(name), Mapping):
            known[name] = {key: value for key, value in known[name].items() if value is not None}
    if isinstance(known.get("signals"), list):
        known["signals"] = [
            {key: value for key, value in one.items() if value is not None} if isinstance(one, Mapping) else one
            for one in known["signals"]
        ]
    return known


def refuse_secrets(found: Iterator[str]) -> None:
    """Raise ConfigurationError, which names the first place, if there is any."""
    if place := next(found, ""):
        raise ConfigurationError(f"`{place}` looks like a secret: {ADVICE}.")


@lru_cache(maxsize=200)
def _parsed(kind: type[D], text: str) -> D:
    try:
        return kind.model_validate_json(text)
    except ValidationError as error:
        reasons = list(problems(error))
    raise ConfigurationError("The REST declaration is wrong. " + " ".join(reasons))


def problems(error: ValidationError, cls: type[BaseModel] = Declaration) -> Iterator[str]:
    """A sentence for each error of a `cls`, up to five. They name keys, and never what stands there."""
    details = error.errors(include_url=False, include_input=False, include_context=True)
    for detail in details[:_ERRORS]:
        sentence = _sentence(detail, cls)
        yield sentence if sentence.endswith("?") else f"{sentence.rstrip('.')}."
    if len(details) > _ERRORS:
        yield f"And {len(details) - _ERRORS} more."


def _sentence(detail: Any, cls: type[BaseModel]) -> str:
    where, cls = _place(detail["loc"], cls)
    match detail["type"]:
        case "extra_forbidden":
            return f"`{where}` is no key" + _meant(where, cls)
        case "missing":
            return f"`{where}` is missing"
        case "union_tag_invalid" | "union_tag_not_found":
            name, known = _TAGGED[where]
            tag = str(detail.get("ctx", {}).get("tag", ""))
            return f"`{where}.{name}` must be one of {', '.join(known)}" + did_you_mean(tag, known)
        case "value_error":
            said = str(detail["msg"]).removeprefix("Value error, ")
            return f"`{where}`: {said}" if where else said
        case _:
            return f"`{where}`: {detail['msg']}"


def _meant(where: str, cls: type[BaseModel]) -> str:
    """What somebody meant by a key that a `cls` has not, as the end of a sentence."""
    if where == "integration":
        return f": it stands beside `{KEY}`, in the connection's config"
    name = where.rpartition(".")[2]
    return elsewhere(name) or did_you_mean(name, cls.model_fields)


def _place(loc: Sequence[str | int], cls: type[BaseModel]) -> tuple[str, type[BaseModel]]:
    """The dotted name of a location in a `cls`, without the tag that Pydantic puts behind a choice; and the class it
    lies in.
    """
    parts = [str(part) for part in loc if not _CHOICE.fullmatch(str(part))]
    if len(parts) > 1 and parts[0] in _TAGGED and parts[1] in _TAGGED[parts[0]][1]:
        cls = _TAGGED[parts[0]][1][parts[1]]
        del parts[1]
    return ".".join(parts), cls
