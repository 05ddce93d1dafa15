"""Schedules as JSON, the form in which a connection keeps its own.

{"every": "15m"}   {"cron": "0 3 * * *", "zone": "Europe/Amsterdam", "spread": "10m"}   {"off": true}
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from ingestion.core.config_keys import did_you_mean
from ingestion.core.durations import parse_span, span_text
from ingestion.core.errors import ConfigurationError
from ingestion.core.schedules import Cron, Every, Schedule

_KEYS = ("every", "cron", "zone", "spread", "off")
OFF = {"off": True}
"""Runs only when asked, whatever the pipeline declares."""


def schedule_from_json(value: Any) -> Schedule | None:
    """The schedule that `value` declares, None for `OFF`. Raises ConfigurationError with what would be right."""
    declaration: dict[str, Any] = dict(value) if isinstance(value, dict) else {}
    _refuse_unknown(declaration)
    spread = declaration.pop("spread", None)
    apart = None if spread is None else parse_span(str(spread))
    match declaration:
        case {"off": True} if len(declaration) == 1 and apart is None:
            return None
        case {"every": str(interval)} if len(declaration) == 1:
            return every(interval, apart)
        case {"cron": str(expression)} if declaration.keys() <= {"cron", "zone"}:
            return cron(expression, declaration.get("zone", ""), apart)
    raise ConfigurationError(
        f'{value!r} is not a schedule; write {{"every": "15m"}}, {{"cron": "0 3 * * *", "zone": "Europe/Amsterdam"}} '
        'or {"off": true}, the first two also with a "spread".'
    )


def _refuse_unknown(schedule: dict[str, Any]) -> None:
    for name in schedule:
        if name not in _KEYS:
            near = did_you_mean(str(name), _KEYS) or f"; it has {', '.join(_KEYS)}."
            raise ConfigurationError(f"This is not a schedule: `{str(name)[:50]}` is no key of one{near}")
    ways = [name for name in ("every", "cron", "off") if name in schedule]
    if len(ways) > 1:
        raise ConfigurationError(f"This is not a schedule: it says {' and '.join(ways)}, where one is meant.")
    if "zone" in schedule and "cron" not in schedule:
        raise ConfigurationError("This is not a schedule: a zone belongs to a cron; an interval has none.")


def schedule_to_json(schedule: Schedule | None) -> dict[str, Any]:
    """The stored form that `schedule_from_json` reads back. Raises ConfigurationError for a custom Schedule class."""
    match schedule:
        case None:
            return dict(OFF)
        case Every():
            spread = {} if schedule.spread is None else {"spread": span_text(schedule.spread)}
            return {"every": span_text(schedule.interval), **spread}
        case Cron():
            zone = {"zone": schedule.zone} if schedule.zone else {}
            return {"cron": schedule.expression, **zone, "spread": span_text(schedule.spread)}
        case _:
            raise ConfigurationError(f"{type(schedule).__name__} can be declared by a pipeline only.")


def every(text: str, spread: timedelta | None = None) -> Every:
    """The interval that `text` writes: "15m"."""
    return Every(seconds=parse_span(text).total_seconds(), spread=spread)


def cron(expression: str, zone: str = "", spread: timedelta | None = None) -> Cron:
    """A cron expression with the usual spread unless another one is given."""
    return Cron(expression, zone) if spread is None else Cron(expression, zone, spread)
