"""Ten failures lock an account, and ten lock an address, each for ten minutes. django-axes counts."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from axes.handlers.database import AxesDatabaseHandler
from axes.handlers.proxy import AxesProxyHandler
from axes.helpers import get_client_username, get_cool_off
from axes.models import AccessAttempt, AccessBase
from django.conf import settings
from django.contrib import admin
from django.db.models import Max, Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from config.sign_ins.address import counted_address

COUNTED = {"username": "account", "ip_address": "address"}
"""What is locked, each by itself: as django-axes calls it, and as we do."""


def locked_by(source: HttpRequest | AccessBase, credentials: Mapping[str, Any] | None = None) -> list[str]:
    """What failures of a request, or of a stored attempt, are counted for.

    Where no address is known, as on a UNIX socket without a proxy that names one, the account alone: all visitors would
    share the unknown address, and ten failures of anybody would lock everybody out.
    """
    address = counted_address(source) if isinstance(source, HttpRequest) else source.ip_address
    return [name for name in COUNTED if name != "ip_address" or address]


LONGEST_NAME = 150
"""Characters of an account's name; django-axes counts failures in a column of 255, over which servers would fail."""


def counted_name(request: HttpRequest, credentials: Mapping[str, Any] | None) -> str | None:
    """The name under which failures are counted: what was typed, the beginning of what is too long to be anybody's."""
    name = (credentials or request.POST).get("username")
    return name if name is None else str(name)[:LONGEST_NAME]


class Handler(AxesDatabaseHandler):  # type: ignore[misc]  # the library's own way to change what it does; it has no types
    """Forgets an account's failures when it signs in, and not those of others from the same address.

    Else whoever has an account could try the passwords of others without end, and sign in himself now and then.
    """

    def reset_user_attempts(self, request: HttpRequest, credentials: Mapping[str, Any] | None = None) -> int:
        count, _ = AccessAttempt.objects.filter(username=get_client_username(request, credentials)).delete()
        return int(count)


@dataclass(frozen=True)
class Lock:
    """What is locked, and until when at the latest."""

    of: tuple[str, ...]
    until: datetime


def lock(request: HttpRequest, credentials: Mapping[str, Any] | None) -> Lock:
    """As of now; `of` is empty where nothing is."""
    counted = AxesProxyHandler.get_implementation().get_user_attempts(request, credentials)
    locked, latest = [], timezone.now() - get_cool_off(request)
    for name, attempts in zip((COUNTED[name] for name in locked_by(request)), counted, strict=True):
        failures = attempts.aggregate(count=Sum("failures_since_start"), last=Max("attempt_time"))
        if (failures["count"] or 0) >= settings.AXES_FAILURE_LIMIT:
            locked.append(name)
            latest = max(latest, failures["last"])
    return Lock(tuple(locked), latest + get_cool_off(request))


def locked_out(
    request: HttpRequest, response: HttpResponse | None = None, credentials: Mapping[str, Any] | None = None
) -> HttpResponse:
    """The page for a user who is locked out, whether there is an account of that name or not: when to try again."""
    until = lock(request, credentials).until
    seconds = max(1, math.ceil((until - timezone.now()).total_seconds()))
    context = {**admin.site.each_context(request), "title": "Sign-in locked", "minutes": math.ceil(seconds / 60)}
    page = render(request, "standalone/locked_out.html", context, status=429)
    page["Retry-After"] = str(seconds)
    return page
