"""Due instants of a cron expression in a time zone, through both changes of its clocks.

cronsim knows which days and clock times an expression names. What becomes of clock times that are left out or come
twice is decided here, by the rules of Debian's cron: left to the library, instants are lost where clocks move by half
an hour (Lord Howe Island), and a question asked in the second of two equal hours is answered with the first one.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo

from cronsim import CronSim, CronSimError

from ingestion.core.errors import ConfigurationError

_MINUTE = timedelta(minutes=1)


def next_instant(expression: str, zone: tzinfo, moment: datetime) -> datetime:
    """The first due instant later than `moment`, in UTC. Raises ConfigurationError for what is no expression."""
    fixed = not any(field.startswith("*") for field in expression.split()[:2])
    best: datetime | None = None
    for clock in _clock_times(expression, _start(moment.astimezone(zone))):
        earliest, instants = _instants_showing(clock, zone)
        if best is not None and earliest >= best:
            return best  # later clock times have later instants
        due = [earliest] if fixed else instants
        best = min([instant for instant in due if instant > moment] + ([best] if best else []), default=None)
    raise ConfigurationError(f"{expression!r} names no day that ever comes; look at its day and month.")


def _clock_times(expression: str, start: datetime) -> Iterator[datetime]:
    try:
        return CronSim(expression, start)
    except CronSimError as error:
        raise ConfigurationError(f"{expression!r} is not a cron expression: {str(error).lower()}.") from error


def _start(local: datetime) -> datetime:
    """From where on clock times matter: before `local` too while those since then are going to come again."""
    first, second = local.utcoffset(), local.replace(fold=1).utcoffset()
    again = first - second if local.fold == 0 and first and second and first > second else timedelta()
    return local.replace(tzinfo=None) - again


def _instants_showing(clock: datetime, zone: tzinfo) -> tuple[datetime, list[datetime]]:
    """The instants at which clocks in `zone` show `clock`: one, none or two. Before them the first of these.

    Where there is none, that is the end of the gap: a job at a fixed time that was left out runs as soon as it is over.
    """
    early, late = (clock.replace(tzinfo=zone, fold=fold) for fold in (0, 1))
    before, after = early.utcoffset(), late.utcoffset()
    first = early.astimezone(UTC)
    if before == after or before is None or after is None:
        return first, [first]
    if before > after:
        return first, [first, late.astimezone(UTC)]
    return _instants_showing(_behind_gap(clock, after - before, zone), zone)[0], []


def _behind_gap(clock: datetime, width: timedelta, zone: tzinfo) -> datetime:
    """The first minute that clocks in `zone` show after `clock`, which lies in a gap of `width`: once, a whole day."""
    inside, behind = 0, width // _MINUTE
    while behind - inside > 1:
        middle = (inside + behind) // 2
        early, late = ((clock + middle * _MINUTE).replace(tzinfo=zone, fold=fold).utcoffset() for fold in (0, 1))
        if early is not None and late is not None and early < late:
            inside = middle
        else:
            behind = middle
    return clock + behind * _MINUTE
