"""The reference of actions and models, written from their signatures and docstrings."""

from __future__ import annotations

import enum
import inspect
from datetime import timedelta
from typing import Any


def actions_page() -> str:
    from ingestion import actions, models

    values = {name: getattr(actions, name) for name in actions.__all__}
    classes = {name: value for name, value in values.items() if inspect.isclass(value)}
    parts = [
        f"### `{name}`\n\n```text\n{_call(name, value)}\n```\n\n{_text(value)}\n" for name, value in values.items()
    ]
    rows = "\n".join(f"| `{name}` | {_first_line(getattr(models, name))} |" for name in models.__all__)
    return "\n".join(
        [
            (
                "# Actions and models\n\n"
                "What an operator does in the console or with `manage.py ingest`, your code does with `ingestion.actions`: the same functions,\n"
                "with permission, check and audit row inside. How they are used: [In your project](in-your-project.md#actions).\n"
            ),
            (
                f"## Actions\n\n{len(values) - len(classes)} functions, and the values that they take and return. They raise\n"
                "`PermissionDenied` (Django's) for an actor who may not, and an [error](errors.md), mostly `ActionRefused`, for what cannot be done now.\n"
            ),
            *parts,
            (
                "## Models\n\n"
                "`ingestion.models`. Read them as you like, through `objects.for_tenant(tenant)` or `objects.for_user(user)`; change them through\n"
                "actions only, which keep their counts, states and audit trail right.\n\n"
                f"| name | |\n|---|---|\n{rows}\n"
            ),
        ]
    )


def _call(name: str, value: Any) -> str:
    """As it is written, without the types of its parameters, whose names say them."""
    shown, starred = [], False
    for parameter in inspect.signature(value).parameters.values():
        if parameter.kind == parameter.KEYWORD_ONLY and not starred:
            shown.append("*")
            starred = True
        default = parameter.default
        shown.append(parameter.name if default is parameter.empty else f"{parameter.name}={_default(default)}")
    answer = inspect.signature(value).return_annotation
    returned = "" if inspect.isclass(value) or answer == "None" else f" -> {answer}"
    return f"{name}({', '.join(shown)}){returned}"


def _default(value: Any) -> str:
    if isinstance(value, enum.Enum):
        return f'"{value.value}"'
    if isinstance(value, tuple):
        return f"({', '.join(map(_default, value))})"
    if isinstance(value, timedelta):
        return f"timedelta(days={value.days})"
    return f'"{value}"' if isinstance(value, str) else repr(value)


def _text(value: Any) -> str:
    return inspect.cleandoc(value.__doc__ or "")


def _first_line(value: Any) -> str:
    return (value.__doc__ or "").strip().splitlines()[0].replace("|", "\\|")
