"""Turns a stored declaration into the initial values of the guided form, and names the form's groups of fields."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from ingestion.models import Connection
from integrations.rest.config import KEY, integration_of
from integrations.rest.form_fields import field_value

PAGING = ("param", "size_param", "size", "next", "more", "pages", "start", "rel", "place", "keep_origin")
ENDING = (
    "ends",
    "absent_ends",
    "repeat_ends",
    "empty_ends",
    "first_only",
    "clamped",
    "inclusive",
    "more_values",
    "last_values",
    "past_end",
    "overlap",
)
AUTH = ("scheme", "name", "place", "token_url", "scope", "client_auth")
REQUEST = ("base_url", "path", "method", "params", "headers", "body")
RECORDS = ("records", "key", "updated", "total", "total_header")
ANSWER = ("updated_unit", "signals", "empty", "charset")
LIMITS = ("timeout", "lookback", "concurrency", "ahead", "drift", "max_pages", "max_page_bytes")
BUDGET = ("ratio", "at_least")
ALIASES = {("offset", "size"): "limit", ("offset", "size_param"): "limit_param"}
"""The name in a style of a setting for which the form has one field only."""


def is_filled_in(value: Any) -> bool:
    """Whether a field has a value; 0 and "no" are values."""
    return value is not None and value != "" and value != []


def initial(connection: Connection) -> dict[str, Any]:
    """The form's values for a connection's declaration; values that the form has no field for are left out."""
    config = connection.config
    declaration = declaration_of(config)
    return {"integration": integration_of(config), **dict(_initial(declaration))}


def declaration_of(config: Mapping[str, Any]) -> dict[str, Any]:
    """The declaration in a stored config; empty where there is none."""
    declaration = config.get(KEY)
    return declaration if isinstance(declaration, dict) else {}


def _initial(declaration: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name in (*REQUEST, *RECORDS, *ANSWER, *LIMITS):
        value = declaration.get(name)
        if name in ("params", "headers") and isinstance(value, dict):
            yield name, "\n".join(_lines_of(value))
        elif name in ("body", "signals") and value is not None:
            yield name, json.dumps(value, indent=2, ensure_ascii=False)
        elif name == "key":
            yield name, "id" if value is None else field_value(value)
        elif value is not None:
            yield name, field_value(value)
    budget = declaration.get("error_budget")
    if isinstance(budget, dict):
        yield from ((f"error_budget_{name}", budget.get(name, "")) for name in BUDGET)
    for group, tag, fields in (("pagination", "style", (*PAGING, *ENDING)), ("auth", "kind", AUTH)):
        chosen = declaration.get(group)
        if isinstance(chosen, dict):
            yield f"{group}_{tag}", chosen.get(tag, "")
            for field in fields:
                value = chosen.get(ALIASES.get((str(chosen.get(tag)), field), field), "")
                yield f"{group}_{field}", value if field == "keep_origin" else field_value(value)


def _lines_of(params: Mapping[str, Any]) -> Iterator[str]:
    """Parameters as `name=value` lines; a parameter of several values has several lines."""
    for name, value in params.items():
        for single_value in value if isinstance(value, list) else [value]:
            yield f"{name}={str(single_value).lower() if isinstance(single_value, bool) else single_value}"
