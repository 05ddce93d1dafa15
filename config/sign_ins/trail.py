"""Who signed in and out, who failed and who was locked out: a log line each, and a row for superusers."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.http import HttpRequest
from django.utils import timezone

from config.models import SignIn
from config.sign_ins.address import client_address
from config.sign_ins.locking import lock

logger = logging.getLogger("ingestion")

LONGEST = 60
"""Characters of an account's name that are written down."""


def connect() -> None:
    """Listen to Django's signals, after django-axes, whose own receivers came with `lock`. Safe to repeat."""
    user_logged_in.connect(signed_in, dispatch_uid="standalone")
    user_logged_out.connect(signed_out, dispatch_uid="standalone")
    user_login_failed.connect(failed, dispatch_uid="standalone")


def signed_in(sender: Any, request: HttpRequest, user: Any, **kwargs: Any) -> None:
    account, address = written(user.get_username()), client_address(request)
    logger.info("signed in: %s from %s", account, address or "?", extra={"event": "signed_in"})
    SignIn.objects.filter(at__lt=timezone.now() - timedelta(days=SignIn.KEPT_DAYS)).delete()
    SignIn.objects.create(kind=SignIn.Kind.SIGNED_IN, account=account, address=address)


def signed_out(sender: Any, request: HttpRequest, user: Any, **kwargs: Any) -> None:
    if user is None:  # who was not signed in may sign out as well
        return
    account, address = written(user.get_username()), client_address(request)
    logger.info("signed out: %s from %s", account, address or "?", extra={"event": "signed_out"})
    SignIn.objects.create(kind=SignIn.Kind.SIGNED_OUT, account=account, address=address)


def session_ended(request: HttpRequest, user: Any) -> None:
    """A session had its quiet time, and its owner has come back."""
    account, address = written(user.get_username()), client_address(request)
    logger.info("session ended: %s from %s", account, address or "?", extra={"event": "session_ended"})
    SignIn.objects.create(kind=SignIn.Kind.SESSION_ENDED, account=account, address=address)


def failed(sender: Any, credentials: Mapping[str, Any], request: Any = None, **kwargs: Any) -> None:
    """After django-axes has counted it. What is tried while it is locked leaves no row: no password was looked at."""
    account, address = typed(credentials), client_address(request) if request else ""
    account_name, where = account or "no account", address or "?"
    is_locked = getattr(request, "axes_locked_out", False)
    if is_locked and request.axes_failures_since_start is None:
        logger.info("sign-in refused, locked: %s from %s", account_name, where, extra={"event": "sign_in_refused"})
        return
    logger.warning("sign-in failed: %s from %s", account_name, where, extra={"event": "sign_in_failed"})
    SignIn.objects.create(kind=SignIn.Kind.FAILED, account=account, address=address)
    if is_locked:
        locked_names = " and ".join(lock(request, credentials).of)
        logger.warning("%s locked: %s from %s", locked_names, account_name, where, extra={"event": "sign_in_locked"})
        SignIn.objects.create(kind=SignIn.Kind.LOCKED, account=account, address=address)


def typed(credentials: Mapping[str, Any]) -> str:
    """The name that was typed, where an account has it: what is no account's name may be a user's password."""
    model = get_user_model()
    name = str(credentials.get(model.USERNAME_FIELD) or credentials.get("username") or "")
    is_an_account = model._default_manager.filter(**{model.USERNAME_FIELD: name}).exists()
    return written(name) if is_an_account else ""


def written(name: str) -> str:
    """On one line, without what cannot be seen, and not too long."""
    plain = "".join(sign if sign.isprintable() else "�" for sign in name)
    return plain if len(plain) <= LONGEST else f"{plain[: LONGEST - 1]}…"
