"""What lists and pages show in a cell: states as badges, times as people read them, causes in a line."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timesince import timesince, timeuntil
from django.utils.translation import gettext as _

EMPTY = "–"


def badge(kind: str, label: Any) -> SafeString:
    """`kind` picks the colour in console.css; the words carry the meaning."""
    return format_html('<span class="sg-badge sg-{}">{}</span>', kind, label)


def moment(value: datetime | None) -> SafeString | str:
    """Relative within a day, else the date and time; the exact instant is in the tooltip and in `datetime`."""
    if value is None:
        return EMPTY
    now = timezone.now()
    local = timezone.localtime(value)
    if abs(value - now) > timedelta(days=1):
        text = f"{local:%Y-%m-%d %H:%M}"
    elif timedelta() < value - now < timedelta(minutes=1):
        text = _("in a moment")
    elif value > now:
        text = _("in %s") % timeuntil(value, now, depth=1)
    elif now - value < timedelta(minutes=1):
        text = _("just now")
    else:
        text = _("%s ago") % timesince(value, now, depth=1)
    return exactly(value, text)


def exactly(value: datetime | None, text: str = "") -> SafeString | str:
    """The instant to the second in the console's time zone."""
    if value is None:
        return EMPTY
    local = timezone.localtime(value)
    full = f"{local:%Y-%m-%d %H:%M:%S} {local.tzname()}"
    return format_html('<time datetime="{}" title="{}">{}</time>', value.isoformat(), full, text or full)


def duration(start: datetime | None, end: datetime | None) -> str:
    """From `start` to `end`, or until now: "40 ms", "0.4 s", "12 s", "3 min 5 s", "2 h 10 min"."""
    if start is None:
        return EMPTY
    seconds = max(0.0, ((end or timezone.now()) - start).total_seconds())
    if seconds < 0.1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def size(count: int) -> str:
    """Bytes, in the unit that keeps the number short."""
    value = float(count)
    for unit in ("B", "KB", "MB", "GB"):
        if value < 1024 or unit == "GB":
            break
        value /= 1024
    return f"{value:.0f} {unit}" if unit == "B" or value >= 100 else f"{value:.1f} {unit}"


def cut(text: str, length: int = 80) -> str:
    return text if len(text) <= length else f"{text[: length - 1]}…"


def link(page: str, pk: Any, text: Any) -> SafeString:
    """A link to the object page of an engine's model, for example `link("run", 12, "run 12")`."""
    return format_html('<a href="{}">{}</a>', reverse(f"admin:ingestion_{page}_change", args=[pk]), text)
