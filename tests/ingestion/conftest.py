"""Fixtures of the engine's tests."""

import logging
from collections.abc import Iterator
from typing import Any, ClassVar

import pytest
from django.contrib import admin
from django.contrib.auth.backends import ModelBackend
from django.core.management import call_command
from django.db import connections
from django.http import HttpRequest
from django.urls import resolve


@pytest.fixture(scope="module")
def committed(django_db_setup: None, django_db_blocker: pytest.FixtureRequest) -> Iterator[None]:
    """A database whose transactions are real, emptied after the module instead of after every test.

    Emptying takes longer than most of these tests; they keep apart by working for a tenant of their own.
    """
    with django_db_blocker.unblock():  # type: ignore[attr-defined]
        yield
        call_command("flush", verbosity=0, interactive=False)
        connections.close_all()


@pytest.fixture
def _django_db_helper(request: pytest.FixtureRequest) -> Iterator[None]:
    """pytest-django's own, which empties the database after each test, but for tests that use `committed`."""
    if "committed" not in request.fixturenames:
        request.getfixturevalue("_django_db_helper")
    return


@pytest.fixture
def crawling(settings: Any) -> Iterator[None]:
    """For thousands of requests: no log lines, no session rows, and no list of apps beside each page.

    That list takes a third of a page's time and is the index pages' own, which every crawl asks for. Nobody's account
    or permissions change meanwhile, so they are read once.
    """
    settings.SESSION_ENGINE = "django.contrib.sessions.backends.signed_cookies"
    settings.AUTHENTICATION_BACKENDS = [f"{SameAccounts.__module__}.{SameAccounts.__qualname__}"]
    SameAccounts.read.clear()
    logging.disable(logging.ERROR)
    admin.site.enable_nav_sidebar = False
    list_apps = admin.site.get_app_list
    admin.site.get_app_list = lambda request, label=None: list_apps(request, label) if is_index(request) else []
    yield
    del admin.site.get_app_list
    admin.site.enable_nav_sidebar = True
    logging.disable(logging.NOTSET)
    SameAccounts.read.clear()


def is_index(request: HttpRequest) -> bool:
    """Whether the page shows the list of apps itself."""
    return resolve(request.path).url_name in ("index", "app_list")


class SameAccounts:
    """Django's own backend, but an account is the same object for every request and keeps what it found it may do."""

    read: ClassVar[dict[Any, Any]] = {}

    def __init__(self) -> None:
        self._django = ModelBackend()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._django, name)

    def get_user(self, pk: Any) -> Any:
        if pk not in self.read:
            self.read[pk] = self._django.get_user(pk)
        return self.read[pk]
