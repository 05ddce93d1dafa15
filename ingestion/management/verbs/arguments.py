"""Arguments that several verbs take, and how their text becomes values."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone

from ingestion.actions import Actor
from ingestion.conf import config
from ingestion.core.config_text import json_or_text
from ingestion.core.declared_schedules import OFF, schedule_from_json, schedule_to_json
from ingestion.core.durations import parse_span, span_text
from ingestion.core.errors import ConfigurationError
from ingestion.core.schedules import Every
from ingestion.core.time_zones import zone_named
from ingestion.management.verbs.exit_codes import Exit
from ingestion.management.verbs.output import Output

Read = TypeVar("Read")

Verbs = Any
"""What `ArgumentParser.add_subparsers` returns; argparse keeps its class private."""
Options = dict[str, Any]
COMMAND_LINE = Actor(program="command line")
"""Who acts in every verb."""
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def verb(
    verbs: Verbs, name: str, do: Callable[[Options, Output], None], summary: str, *, aliases: tuple[str, ...] = ()
) -> CommandParser:
    """A parser for `name`, which `do` answers; every verb takes --json."""
    parser: CommandParser = verbs.add_parser(name, help=summary, description=summary, aliases=aliases)
    parser.set_defaults(do=do)
    parser.add_argument("--json", action="store_true", help="one JSON document instead of text")
    return parser


def add_connection(parser: CommandParser) -> None:
    """--tenant, --pipeline and --name, which together name a connection."""
    add_tenant(parser, required=True)
    parser.add_argument("--pipeline", required=True, metavar="NAME", help='for example "bookshop.charges"')
    parser.add_argument("--name", default="", help="which of the tenant's connections of this pipeline; '' by default")


def add_tenant(parser: CommandParser, *, required: bool = False) -> None:
    parser.add_argument("--tenant", required=required, metavar="KEY", help="the tenant's key")


def add_queue(parser: CommandParser) -> None:
    parser.add_argument("--queue", action="store_true", help="hand it to a worker instead of executing it here")


def add_config(
    parser: CommandParser,
    help_text: str = (
        "laid over the connection's config for this run; may be given several times; VALUE is JSON or text"
    ),
) -> None:
    parser.add_argument(
        "--config",
        action=_Once,
        default=[],
        type=pair,
        metavar="KEY=VALUE",
        help=help_text,
    )


class _Once(argparse.Action):
    """Collects pairs; two values for the same key are refused, because either could be meant."""

    def __call__(self, parser: Any, namespace: Any, values: Any, option_string: str | None = None) -> None:
        pairs = getattr(namespace, self.dest)
        if values[0] in dict(pairs):
            raise argparse.ArgumentError(self, f"{values[0]!r} is given twice; give the value that is meant")
        setattr(namespace, self.dest, [*pairs, values])


def pair(text: str) -> tuple[str, Any]:
    key, equals, value = text.partition("=")
    if not key or not equals:
        raise argparse.ArgumentTypeError(f"{text!r} is not KEY=VALUE")
    try:
        return key, json_or_text(value)
    except ConfigurationError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def moment(text: str) -> datetime:
    """An ISO time, in UTC unless it names another zone, or an age: 90s, 15m, 24h, 7d, 2w ago."""
    if age := re.fullmatch(r"(\d{1,5})([smhdw])", text):
        return timezone.now() - timedelta(**{_UNITS[age[2]]: int(age[1])})
    try:
        value = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is neither a time like 2026-01-31T00:00Z nor an age like 24h"
        ) from None
    return value if value.tzinfo else value.replace(tzinfo=UTC)


def ahead(text: str) -> datetime:
    """An ISO time, in UTC unless it names another zone, or how long from now: 90s, 15m, 24h, 7d, 2w."""
    if span := re.fullmatch(r"(\d{1,5})([smhdw])", text):
        return timezone.now() + timedelta(**{_UNITS[span[2]]: int(span[1])})
    return moment(text)


def whole(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number, 0 or more")
    return int(text)


def span(text: str) -> timedelta:
    """A length of time: 90s, 15m, 6h, 1d, 1h30m."""
    return _or_complain(parse_span, text)


def zone(text: str) -> str:
    """The name of a time zone."""
    _or_complain(zone_named, text)
    return text


def add_schedule(parser: CommandParser) -> None:
    """--every, --cron, --on-request or --default, with --zone and --spread: a connection's own schedule."""
    group = parser.add_mutually_exclusive_group()
    group.add_argument("--every", metavar="15m", help="an interval: 90s, 15m, 6h, 1d")
    group.add_argument("--cron", metavar='"0 3 * * *"', help="minute, hour, day of the month, month, day of the week")
    group.add_argument("--on-request", action="store_true", help="no schedule: it runs when asked")
    group.add_argument("--default", action="store_true", help="what the pipeline declares")
    parser.add_argument(
        "--zone", default="", help="time zone of --cron, for example Europe/Amsterdam; else the tenant's"
    )
    parser.add_argument(
        "--spread", type=span, metavar="5m", help="how far connections are moved apart; 0s starts them all at once"
    )


def schedule(options: Options) -> dict[str, Any] | None:
    """What the arguments of `add_schedule` say, as a connection keeps it; None when none was given, or --default.

    Raises CommandError for what is no schedule.
    """
    every, cron = options["every"], options["cron"]
    if not cron and options["zone"]:
        raise CommandError("--zone belongs to --cron; an interval is the same in every zone.", returncode=Exit.USAGE)
    if options["spread"] is not None and not (cron or every):
        raise CommandError("--spread belongs to --cron or --every.", returncode=Exit.USAGE)
    apart = {} if options["spread"] is None else {"spread": span_text(options["spread"])}
    declared: dict[str, Any] | None = None
    if every:
        declared = {"every": every, **apart}
    elif cron:
        declared = {"cron": cron, **({"zone": options["zone"]} if options["zone"] else {}), **apart}
    elif options["on_request"]:
        declared = dict(OFF)
    floor = config().SHORTEST_SCHEDULE_SECONDS
    try:
        parsed = schedule_from_json(declared) if declared else None
        if isinstance(parsed, Every) and parsed.interval.total_seconds() < floor:
            raise CommandError(
                f"--every takes {floor:g} seconds or more; shorter intervals are declared in code "
                '(INGESTION["SHORTEST_SCHEDULE_SECONDS"]).',
                returncode=Exit.USAGE,
            )
        return declared and schedule_to_json(parsed)
    except ConfigurationError as error:
        raise CommandError(str(error), returncode=Exit.USAGE) from error


def _or_complain(read: Callable[[str], Read], text: str) -> Read:
    try:
        return read(text)
    except ConfigurationError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def positive(text: str) -> int:
    number = int(text) if text.isdecimal() else 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number above 0")
    return number
