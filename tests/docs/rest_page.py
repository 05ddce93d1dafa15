"""The reference of a REST declaration, written from its Pydantic models."""

from __future__ import annotations

import json
from typing import Any

from tests.docs import docstrings


def rest_page() -> str:
    from integrations import rest
    from integrations.rest.answers import Signal
    from integrations.rest.config import KINDS, STYLES
    from integrations.rest.declaration import Declaration, ErrorBudget
    from integrations.rest.placeholders import PLACEHOLDERS

    times = ", ".join(f"`{one}`" for one in PLACEHOLDERS)
    parts = [
        "# REST declarations\n\n"
        "What stands under `rest` in the config of a `rest.records` connection, and what `Rest(...)` takes in code. How to\n"
        "use it: [load a REST API](../how-to/load-a-rest-api.md). Unknown keys are refused with the nearest known one.\n"
        "Secrets are refused: they belong to the tenant's credential.\n\n"
        "```json\n" + json.dumps(EXAMPLE, indent=2) + "\n```\n",
        f"## Keys\n\n{_table(Declaration, skip=())}",
        (
            f"## Placeholders\n\nIn `params`, `headers`, `path` and texts of the `body`: {times}. Start is rounded down and end up, to\n"
            "whole seconds in UTC. `{config.NAME}` is a value of the connection's config: a text or whole number of at most 200 characters.\n"
            "In `base_url` it may hold letters, digits, `.`, `_` and `-` only, and cannot be the port: that is written as a number. Nothing else in\n"
            "braces is taken, but for GraphQL in the body.\n"
        ),
        (
            f"## `signals`\n\n{_in_code(Signal)}{_doc(Signal)} Put the one that tells most first: a code before a truth value.\n\n"
            f"{_table(Signal, skip=())}\n"
            "Undeclared, an answer fails the run where a list or object of `errors` is not empty, `error` or `fault` holds\n"
            "something, `errorMessage` or its like has words, `hasError` or its like is true, `ok`, `success` or `succeeded`\n"
            'is false (0, "false" and "no" too), `status`, `stat`, `state` or `result` is a word such as "error", `errcode` and\n'
            "its like hold a code that is none of success, or `timed_out`, `incomplete_results` or `is_partial` is true. The same\n"
            "in an object `meta`, `header`, `response`, `status` or `result`, in any case of letters.\n\n"
            "An answer without records looks like a day on which nothing happened, so there less is enough: a `status`\n"
            "or `code` from 400 to 599, a `status` of refusal (`unauthorized`), and a `code` that is none of success beside\n"
            "words that say more than that all is well; what is above also beside the empty list, however deep it lies. Words\n"
            "alone (`message`) are noted on the run. One that is not ready, of HTTP status 202 or with a `status` such as\n"
            "`processing` or `pending`, fails too, unless a parameter was sent with that very word. What is no failure of your source is declared, as each message says:\n"
            '`{"at": "$.code", "otherwise": "success"}`.\n\n'
            "A code that means too many calls (`ratelimited`, `rateLimitExceeded`, `THROTTLED`, 429) is asked again later.\n\n"
            "```json\n" + json.dumps(SLACK, indent=2) + "\n```\n"
        ),
        f"## `error_budget`\n\n{_doc(ErrorBudget)}\n\n{_table(ErrorBudget, skip=())}",
        "## `pagination`\n\n`style` chooses one; `none` when it is left out.\n",
        *(
            f"### `{tag}`\n\n{_in_code(cls)}{_doc(cls)}\n\n{_table(cls, skip=('style',))}"
            for tag, cls in STYLES.items()
        ),
        (
            "## `auth`\n\n`kind` chooses one; `none` when it is left out. Every kind but `none` reads the credential of the\n"
            "connection's integration. What a declaration in a config may do stands in that credential too, because\n"
            "who declares must not learn the values nor send them elsewhere:\n\n"
            "| value of the credential | says | without it |\n|---|---|---|\n"
            "| `hosts` | where it may be sent, with spaces or commas between: `api.example.com` is https on its usual port; "
            "anything else is named whole, such as `http://10.0.0.5:8080`. A `token_url` must be on one of them | nowhere |\n"
            "| `methods` | `POST`: searches by POST change nothing on those hosts, and may be repeated | `GET` only |\n"
            "| `auth` | how it may be sent: each word must be a value of the declaration's `auth`, such as "
            "`api_key header X-Api-Key` or `refresh_token https://login.example.com/token` | in every way |\n"
        ),
        *(f"### `{tag}`\n\n{_in_code(cls)}{_doc(cls)}\n\n{_table(cls, skip=('kind',))}" for tag, cls in KINDS.items()),
        (
            "## Names in code\n\n`from integrations.rest import …`: "
            + ", ".join(f"`{name}`" for name in rest.__all__)
            + ".\n`Rest(…)` takes the keys above, `Signal`, the styles and kinds what stands below each; where a table says list, give a tuple: a type checker takes no other, though a list is taken too.\n"
        ),
    ]
    return "\n".join(part.rstrip("\n") + "\n" for part in parts)


SLACK = {
    "signals": [
        {"at": "$.error", "later": ["ratelimited"], "credential": ["invalid_auth", "token_revoked"]},
        {"at": "$.ok", "success": [True], "text": "$.error"},
    ]
}
"""How answers such as {"ok": false, "error": "ratelimited"} are declared; a test reads it."""

EXAMPLE = {
    "integration": "shop",
    "rest": {
        "base_url": "https://api.shop.example.com/v2",
        "path": "/orders",
        "params": {"updated_after": "{window.start}", "limit": 100},
        "records": "$.data[*]",
        "key": "id",
        "updated": "updated_at",
        "total": "$.meta.count",
        "pagination": {"style": "cursor", "param": "after", "next": "$.meta.next"},
        "auth": {"kind": "bearer"},
    },
}
"""A whole config; a test reads it as one."""


def _table(cls: Any, skip: tuple[str, ...]) -> str:
    described = cls.model_json_schema()
    rows, texts = [], docstrings.of_fields(cls)
    for name, field in cls.model_fields.items():
        if name not in skip:
            shape = _shape(described["properties"][name], name)
            default = "required" if field.is_required() else f"`{_default(field)}`"
            text = " ".join(texts.get(name, "").split()).replace("|", "\\|")
            rows.append(f"| `{name}` | {shape} | {default} | {text} |")
    if not rows:
        return ""
    return "| key | type | default | |\n|---|---|---|---|\n" + "\n".join(rows) + "\n"


def _default(field: Any) -> str:
    value = field.get_default(call_default_factory=True)
    if name := getattr(value, "style", None) or getattr(value, "kind", None):
        return str(name)
    return json.dumps(list(value) if isinstance(value, tuple) else value)


def _shape(schema: dict[str, Any], name: str) -> str:
    if name in ("pagination", "auth", "signals", "error_budget"):
        return f"[object](#{name})"
    if "enum" in schema:
        return " or ".join(f"`{one}`" for one in schema["enum"])
    if "anyOf" in schema:
        return " or ".join(_shape(one, "") for one in schema["anyOf"] if one.get("type") != "null")
    words = {
        "number": "number",
        "string": "text",
        "integer": "whole number",
        "boolean": "truth",
        "object": "object",
        "array": "list",
    }
    limits = [f"{word} {schema[key]}" for key, word in (("minimum", "from"), ("maximum", "to")) if key in schema]
    return " ".join([words[schema["type"]], *limits])


def _doc(cls: Any) -> str:
    return " ".join((cls.__doc__ or "").split())


def _in_code(cls: Any) -> str:
    return f"In code `{cls.__name__}(…)`. "
