"""Between what a declaration holds and what the guided form shows of it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from ingestion.models import Connection
from integrations.rest.config import KEY, integration_of
from integrations.rest.form_fields import shown

PAGING = ("param", "size_param", "size", "next", "more", "pages", "start", "rel", "place", "keep_origin")
ENDING = ("ends", "absent_ends", "repeat_ends", "empty_ends", "first_only", "clamped", "inclusive", "more_values",
           "last_values", "past_end", "overlap")  # fmt: skip
AUTH = ("scheme", "name", "place", "token_url", "scope", "client_auth")
WHAT = ("base_url", "path", "method", "params", "headers", "body")
RECORDS = ("records", "key", "updated", "total", "total_header")
ANSWER = ("updated_unit", "signals", "empty", "charset")
LIMITS = ("timeout", "lookback", "concurrency", "ahead", "drift", "max_pages", "max_page_bytes")
BUDGET = ("ratio", "at_least")
ALIASES = {("offset", "size"): "limit", ("offset", "size_param"): "limit_param"}
"""What the form's one field is called in each style."""


def is_said(value: Any) -> bool:
    """Whether a field was filled in: 0 and "no" are said, nothing is not."""
    return value is not None and value != "" and value != []


def initial(connection: Connection) -> dict[str, Any]:
    """The form's values for what a connection declares now; what it does not understand is left out."""
    config = connection.config
    known = declared_in(config)
    return {"integration": integration_of(config), **dict(_initial(known))}


def declared_in(config: Mapping[str, Any]) -> dict[str, Any]:
    found = config.get(KEY)
    return found if isinstance(found, dict) else {}


def _initial(known: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name in (*WHAT, *RECORDS, *ANSWER, *LIMITS):
        value = known.get(name)
        if name in ("params", "headers") and isinstance(value, dict):
            each = [(key, one) for key, many in value.items() for one in (many if isinstance(many, list) else [many])]
            yield name, "\n".join(f"{key}={str(one).lower() if isinstance(one, bool) else one}" for key, one in each)
        elif name in ("body", "signals") and value is not None:
            yield name, json.dumps(value, indent=2, ensure_ascii=False)
        elif name == "key":
            yield name, "id" if value is None else shown(value)
        elif value is not None:
            yield name, shown(value)
    budget = known.get("error_budget")
    if isinstance(budget, dict):
        yield from ((f"error_budget_{name}", budget.get(name, "")) for name in BUDGET)
    for group, tag, fields in (("pagination", "style", (*PAGING, *ENDING)), ("auth", "kind", AUTH)):
        chosen = known.get(group)
        if isinstance(chosen, dict):
            yield f"{group}_{tag}", chosen.get(tag, "")
            for one in fields:
                value = chosen.get(ALIASES.get((str(chosen.get(tag)), one), one), "")
                yield f"{group}_{one}", value if one == "keep_origin" else shown(value)
