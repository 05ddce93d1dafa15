"""Fixtures of the engine's tests."""

import logging
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib import admin
from django.core.management import call_command
from django.db import connections


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

    That list takes a third of a page's time and is the index page's own, which every crawl asks for.
    """
    settings.SESSION_ENGINE = "django.contrib.sessions.backends.signed_cookies"
    logging.disable(logging.ERROR)
    admin.site.enable_nav_sidebar = False
    yield
    admin.site.enable_nav_sidebar = True
    logging.disable(logging.NOTSET)
