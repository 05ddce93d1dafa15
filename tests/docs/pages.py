"""Reference pages that are written from the code. `python -m tests.docs.pages` writes them again."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.docs import docstrings, values
from tests.docs.actions_page import actions_page
from tests.docs.rest_page import rest_page

REFERENCE = Path(__file__).resolve().parents[2] / "docs" / "reference"

SPOKEN = {
    "Exchange": "A function from a used-up `Secret` to the values of the new one; it asks the source for them.",
    "Json": "A value `json.dumps` takes: what checkpoints and configs are made of.",
    "Reconciliation": "Protocol: `name` of a control total, and `measure`, our own figure for one page.",
    "Schedule": "Protocol: `after(moment, place)`, the first due time later than `moment`.",
    "Keys": "What a project's own functions read of a config: names, or a pydantic model whose fields they are.",
    "Source": "Protocol: `extract(ctx, checkpoint)` yields pages from there on.",
    "pipeline": "Decorator: registers the transform below it as the pipeline of that name.",
}
"""Names whose own docstring does not say it in one line."""

GROUPS = {
    "Declaring a pipeline": ["pipeline", "Pipeline", "ErrorBudget", "Skip", "Context", "TenantRef", "File", "Window"],
    "From where": [
        "Source",
        "JsonLines",
        "JsonPages",
        "Page",
        "Record",
        "Refusal",
        "Json",
        "Testable",
        "Previewable",
        "ChecksConfig",
        "CompletesConfig",
        "Receives",
        "TakesFiles",
        "Fed",
        "NeedsTenants",
        "Windowed",
        "ReadsAhead",
        "AnswersDrift",
        "DeclaresDrift",
        "Streams",
        "OnDrift",
        "refuse_unknown_keys",
        "did_you_mean",
        "json_items",
        "json_page",
        "doubled_error",
        "names_stand_once",
    ],
    "With whose credential": ["Secret", "Exchange"],
    "To where": ["Destination", "Upsert", "joined_key", "Stored", "Loaded", "Ready", "Rejected", "Stage"],
    "When": ["Schedule", "Every", "Cron", "Place"],
    "Within which limits": ["Meter", "meter"],
    "Proven how": ["Reconciliation", "CountsAgree", "SumAgrees", "Periods", "Figure", "Reconcilable", "Countable"],
    "What people read": ["counted"],
}
"""Errors make the last group."""


def settings_page() -> str:
    from ingestion.conf import Settings

    parts, texts = [], docstrings.of_fields(Settings)
    for name, field in Settings.model_fields.items():
        default = json.dumps(field.get_default(), ensure_ascii=False)
        limits = "".join(f", {_limit(one)}" for one in field.metadata)
        parts.append(f"## `{name}`\n\n{texts[name]}\n\nDefault: `{default}`{limits}\n")
    return _page(
        "Settings",
        "One dict `INGESTION` in your Django settings. Every key is optional. An unknown key or a value out of range\n"
        "is [ingestion.E001](checks.md#ingestione001), which names the nearest key.\n\n"
        '```python\nINGESTION = {"STORAGE": "ingestion", "TICK_SECONDS": 15}\n```',
        parts,
    )


LETTERS = {
    "ValidationError": "The record is not as its schema wants it: an error for each field. Mend the schema or ask the source, then replay.",
    "NoRow": "The transform returned nothing, or what is no row. Mend it, or let it raise `Skip(reason)`; then replay.",
    "ColumnFault": "A value does not fit its column: too long, not finite, without a time zone, … The letter names field, code and what the column "
    "takes. Nothing is rounded or cut: change the value in the transform, or the column; then replay.",
    "IntegrityError": "The database refused the row: a constraint, or a reference to a row that is not there. Where it refused a value, the name is "
    "`DataError`; MariaDB's driver calls some of them `OperationalError`.",
    "StoredOtherwise": "A bank statement's entry is known by its id and differs from what is stored; nothing was changed. See "
    "[Load bank statements](../how-to/load-bank-statements.md).",
}
"""Error classes of dead letters that are no class of `ingestion.core.errors`, and what each means."""


def errors_page() -> str:
    from ingestion.core import errors

    tree = (errors.__doc__ or "").split("\n\n")[1]
    classes = [value for value in vars(errors).values() if isinstance(value, type) and issubclass(value, Exception)]
    parts = [f"## `{one.__name__}`\n\n{_first_line(one)}\n" for one in classes]
    rows = "\n".join(f"| `{name}` | {text} |" for name, text in LETTERS.items())
    parts.append(
        "## Names in dead letters alone\n\nA letter names the class of what its record was refused for: `RecordError` or one "
        "below it, `UnreadableFile` and\nsuch for a part of a file, the class of what your transform or validator raised, or one "
        f"of these.\n\n| name | |\n|---|---|\n{rows}\n"
    )
    return _page(
        "Errors",
        "Sorted by who has to act. Each class says what happens next; what an operator does then is in the\n"
        f"[runbook](../operations/runbook.md).\n\n```\n{tree}\n```\n\n"
        "Anything else is our bug, or one in your pipeline: the run fails and its traceback is kept\n"
        "(`manage.py ingest show run 1234`).",
        parts,
    )


def api_page() -> str:
    import ingestion

    grouped = [name for names in GROUPS.values() for name in names]
    groups = {**GROUPS, "Errors": [name for name in ingestion.__all__ if name not in grouped]}
    parts = []
    for title, names in groups.items():
        rows = "\n".join(
            f"| `{name}` | {_cell(SPOKEN.get(name) or _first_line(getattr(ingestion, name)))} |" for name in names
        )
        parts.append(f"## {title}\n\n| name | |\n|---|---|\n{rows}\n")
    parts.append(
        "## Fields\n\nOf each value, in the order in which they are given. A variant of a frozen dataclass is "
        "`dataclasses.replace(value, field=…)`, of\n`Record`, `Ready`, `Rejected`, `Proof`, `Stored` and `Written`, which are "
        "named tuples, `value._replace(field=…)`.\n"
    )
    parts += values.sections(ingestion)
    return _page(
        "Public API",
        "Everything `from ingestion import …` gives. It follows semantic versioning; all else may move, but for the\n"
        "documented modules `ingestion.models` and `ingestion.actions` ([list](actions.md)), `ingestion.webhooks`, `ingestion.signals` ([use](in-your-project.md)),\n"
        "`ingestion.redaction` (`remember`, `mask`, `spellings`: keeps secrets out of text), `ingestion.retention` (`Retention`, `retain`: rows that are forgotten) and `ingestion.testing`.",
        parts,
    )


PAGES: dict[str, Callable[[], str]] = {
    "settings.md": settings_page,
    "errors.md": errors_page,
    "api.md": api_page,
    "rest.md": rest_page,
    "actions.md": actions_page,
}


def _page(title: str, introduction: str, parts: list[str]) -> str:
    return "\n".join([f"# {title}\n", f"{introduction}\n", *parts])


def _first_line(value: Any) -> str:
    return (value.__doc__ or "").strip().splitlines()[0]


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _limit(metadata: Any) -> str:
    name, value = next(iter(vars(metadata).items())) if hasattr(metadata, "__dict__") else _slots(metadata)
    return f"{ {'gt': 'above', 'ge': 'at least', 'le': 'at most'}[name] } {value:g}"


def _slots(metadata: Any) -> tuple[str, Any]:
    return next((name, getattr(metadata, name)) for name in ("gt", "ge", "le") if hasattr(metadata, name))


if __name__ == "__main__":
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    for file, write in PAGES.items():
        (REFERENCE / file).write_text(write())
