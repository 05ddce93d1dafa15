"""For MIDDLEWARE: who may send how much to the console. Endpoints of deliveries have a limit of their own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import NoReverseMatch, reverse

from ingestion.conf import config

FORM_BYTES = 1024 * 1024
"""What an upload's form may add to its file."""


def limit_bodies(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """A body that is too large for whoever sends it is answered with 413, and nothing of it is read.

    To the admin's pages staff may send one file of INGESTION["MAX_UPLOAD_BYTES"] with its form, everybody else what
    DATA_UPLOAD_MAX_MEMORY_SIZE allows. Django alone takes files of any size, also from strangers and to the login page.
    Stands after AuthenticationMiddleware; whatever is no page of the admin is left alone.
    """

    def middleware(request: HttpRequest) -> HttpResponse:
        if (size := _size(request)) > _small() and _is_of_the_admin(request) and size > (limit := _limit(request)):
            return HttpResponse(f"The body may have {limit:,} bytes.", status=413, content_type="text/plain")
        return get_response(request)

    return middleware


def _size(request: HttpRequest) -> int:
    """What Content-Length says; 0 where it says nothing, for then Django reads nothing."""
    length = request.META.get("CONTENT_LENGTH") or ""
    return int(length) if length.isascii() and length.isdigit() else 0


def _small() -> int:
    """Without a limit of the project's own it is Django's."""
    return settings.DATA_UPLOAD_MAX_MEMORY_SIZE or 2_621_440


def _limit(request: HttpRequest) -> int:
    user: Any = request.user
    return config().MAX_UPLOAD_BYTES + FORM_BYTES if user.is_active and user.is_staff else _small()


def _is_of_the_admin(request: HttpRequest) -> bool:
    try:
        return request.path.startswith(reverse("admin:index"))
    except NoReverseMatch:
        return False
