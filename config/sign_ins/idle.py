"""A session ends after SESSION_IDLE_MINUTES without a request."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.models import AnonymousUser
from django.contrib.auth.signals import user_logged_in
from django.http import HttpRequest, HttpResponse

from config.sign_ins.trail import session_ended

SEEN = "seen"
"""The session's key for when its last request was, in seconds since 1970; up to a minute behind."""
BEHIND = 60
REFRESHED = "refreshed"
"""A run's page that asks for itself again says so in its address: no person needs to sit before it."""

Answer = Callable[[HttpRequest], HttpResponse]


def connect() -> None:
    user_logged_in.connect(begin, dispatch_uid="idle")


def begin(sender: Any, request: HttpRequest, **kwargs: Any) -> None:
    """In the session that the sign-in saves anyway."""
    request.session[SEEN] = int(time.time())


def end_idle_sessions(get_response: Answer, clock: Callable[[], float] = time.time) -> Answer:
    """For MIDDLEWARE, after MessageMiddleware. The session is written once a minute at the most.

    So that nobody is signed out too early, the minute that the session may be behind is added. Whoever comes later is a
    stranger again: the console sends him to the login page, which says why, and from there to what he asked for.
    """

    def middleware(request: HttpRequest) -> HttpResponse:
        if settings.SESSION_COOKIE_NAME not in request.COOKIES:
            return get_response(request)
        if SEEN not in request.session and not request.user.is_authenticated:
            return get_response(request)
        now = int(clock())
        quiet = now - request.session.get(SEEN, now - BEHIND)
        if quiet > settings.SESSION_IDLE_MINUTES * 60 + BEHIND:
            _end(request)
        elif quiet >= BEHIND and REFRESHED not in request.GET:
            request.session[SEEN] = now
        return get_response(request)

    return middleware


def _end(request: HttpRequest) -> None:
    user, was_signed_in = request.user, request.user.is_authenticated  # looked up here: the session names him
    request.session.flush()
    request.user = AnonymousUser()
    if was_signed_in:
        session_ended(request, user)
        minutes = settings.SESSION_IDLE_MINUTES
        messages.info(request, f"You were signed out after {minutes} minutes without a request. Sign in to go on.")
