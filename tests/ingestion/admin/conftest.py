"""Two tenants with something in every table: A, whose staff look around, and B, which they must not see."""

import logging
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib import admin
from django.test import Client

from ingestion.models import Tenant
from ingestion.testing import make_tenant
from tests.ingestion.admin.sites import plain_site, scoped_site
from tests.ingestion.admin.staff import staff


@pytest.fixture
def acme(db: None) -> Tenant:
    return make_tenant("acme", name="Acme Books")


@pytest.fixture
def operator(acme: Tenant) -> Any:
    """Staff of acme who may do everything there."""
    return staff("olga", acme)


@pytest.fixture
def console(operator: Any, client: Client) -> Client:
    """A browser in which `operator` is logged in."""
    client.force_login(operator)
    return client


@pytest.fixture
def crawling(settings: Any) -> Iterator[None]:
    """For thousands of requests: no log lines, no session rows, and no list of apps beside each page.

    That list takes a third of a page's time and is the index page's own, which every crawl asks for.
    """
    settings.SESSION_ENGINE = "django.contrib.sessions.backends.signed_cookies"
    logging.disable(logging.ERROR)
    sites = (admin.site, plain_site, scoped_site)
    for site in sites:
        site.enable_nav_sidebar = False
    yield
    for site in sites:
        site.enable_nav_sidebar = True
    logging.disable(logging.NOTSET)
