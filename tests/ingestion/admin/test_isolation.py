"""No member of staff sees or changes anything of a tenant that was not granted to them, whatever they ask for."""

from typing import Any

import pytest
from django.contrib import admin
from django.test import Client

from ingestion.admin.kit.ownership import tenant_path
from ingestion.models import Tenant
from tests.ingestion.admin.crawl import Report, checksum, crawl
from tests.ingestion.admin.furnish import furnish
from tests.ingestion.admin.policies import addresses
from tests.ingestion.admin.requests import HUGE, Aim, Ask, each_surface, every_request
from tests.ingestion.admin.sites import plain_site, scoped_site
from tests.ingestion.admin.staff import staff, superuser

CANARY = "QZXCANARY"
PREFIX = "QZX"
TURNS = 3
"""Every so many-th request is asked by each of the weaker accounts too."""
pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("crawling")]


@pytest.fixture
def own(db: None) -> Tenant:
    return furnish("own", "OwnThings", copies=3)


@pytest.fixture
def theirs(own: Tenant) -> Tenant:
    return furnish("qzxcanary", CANARY, copies=5)


def browsers(own: Tenant) -> dict[str, Client]:
    """A logged-in browser for each kind of account that must see nothing of another tenant."""
    accounts = {
        "nobody": None,
        "staff without a grant": staff("stray"),
        "staff who may look": staff("vera", own, permissions="view"),
        "staff who may do everything": staff("olga", own),
    }
    found = {}
    for name, user in accounts.items():
        found[name] = Client(raise_request_exception=True)
        if user is not None:
            found[name].force_login(user)
    return found


def test_every_address_of_the_admin_has_a_declared_policy() -> None:
    undeclared = [address.route for address in addresses(admin.site) if address.policy is None]

    assert undeclared == [], "Say in policies.py what another tenant's staff may get out of these."


def test_no_address_shows_or_changes_anything_of_another_tenant_whoever_asks(own: Tenant, theirs: Tenant) -> None:
    """Every request by whoever may do most; each surface by everybody, and the rest by the weaker accounts in turns."""
    asks = list(every_request(Aim(admin.site, "/admin/", theirs, PREFIX)))
    *weaker, strongest = browsers(own).values()
    shares = {strongest: asks}
    shares |= {browser: [*each_surface(asks), *asks[number::TURNS]] for number, browser in enumerate(weaker)}
    before = checksum(theirs)
    report = Report()

    for browser, share in shares.items():
        crawl(browser, share, CANARY, report)

    surfaces = {ask.surface for ask in asks}
    print(f"{report.asked} requests at {len(surfaces)} surfaces, {report.statuses}")
    assert [share for share in shares.values() if {ask.surface for ask in share} != surfaces] == []
    assert report.leaks == []
    assert report.failed == []
    assert report.differing == [], "another tenant's object must be answered like one that does not exist"
    assert checksum(theirs) == before
    assert left_out(asks) == set()
    assert len(surfaces) >= 400
    assert report.asked >= 10_000


def left_out(asks: list[Ask]) -> set[tuple[str, str]]:
    """URL patterns, and actions of lists, that are about tenants' rows and are in none of `asks`."""
    of_tenants = [address for address in addresses(admin.site) if address.model and tenant_path(address.model)]
    due = {(address.route, "") for address in of_tenants}
    for address in of_tenants:
        if address.name.endswith("_changelist"):
            due |= {(address.route, action) for action in admin.site._registry[address.model].actions or ()}
    return due - {(ask.route, (ask.post or {}).get("action", "")) for ask in asks}


def test_the_crawl_reaches_pages_that_have_something_to_show(own: Tenant, theirs: Tenant) -> None:
    """Else silence would prove nothing: a superuser, who may see all, meets the canary nearly everywhere."""
    browser = Client()
    browser.force_login(superuser())
    asks = each_surface(ask for ask in every_request(Aim(admin.site, "/admin/", theirs, PREFIX)) if ask.post is None)

    report = crawl(browser, asks, CANARY, Report())

    print(f"{report.asked} asked, {len(report.leaks)} leaks")
    assert len(report.leaks) > 100


def test_no_number_is_too_large_for_a_list_or_an_address(own: Tenant, theirs: Tenant) -> None:
    """A superuser's own pages: what others are refused before it is looked up is asked of the database here."""
    browser = Client(raise_request_exception=True)
    browser.force_login(superuser())
    asks = [ask for ask in every_request(Aim(admin.site, "/admin/", theirs, PREFIX)) if HUGE in f"{ask.path}{ask.post}"]

    report = crawl(browser, asks, CANARY, Report())

    assert len(asks) > 50
    assert report.failed == []


@pytest.mark.urls("tests.ingestion.admin.sites")
def test_scoping_the_queryset_alone_leaks_and_lets_rows_be_planted(own: Tenant, theirs: Tenant) -> None:
    """The negative control: the same crawl over the admin that most projects would write."""
    before = checksum(theirs)

    asks = _aimed_at(plain_site, "/plain/", theirs)
    report = crawl(browsers(own)["staff who may do everything"], asks, CANARY, Report())

    print(f"plain scoping: {report.asked} requests, {len(report.leaks)} leaks")
    assert report.leaks
    assert checksum(theirs) != before


@pytest.mark.urls("tests.ingestion.admin.sites")
def test_the_mixin_closes_what_the_plain_admin_leaves_open(own: Tenant, theirs: Tenant) -> None:
    """The same pages with TenantScoped: editable lists and keys, raw ids, autocomplete, inlines, deletion."""
    before = checksum(theirs)

    asks = _aimed_at(scoped_site, "/scoped/", theirs)
    report = crawl(browsers(own)["staff who may do everything"], asks, CANARY, Report())

    assert (report.leaks, report.failed, report.differing) == ([], [], [])
    assert checksum(theirs) == before


def _aimed_at(site: admin.AdminSite, root: str, tenant: Tenant) -> list[Any]:
    """Also through own objects: their forms take the other tenant's ids."""
    from ingestion.models import Watermark
    from tests.ingestion.admin.requests import _filled, _formset

    aim = Aim(site, root, tenant, PREFIX)
    asks = list(every_request(aim))
    for mine in Watermark.unscoped.exclude(tenant=tenant):
        path, values = f"{root}ingestion/watermark/{mine.pk}/change/", _filled(aim, Watermark)
        inline = {"events-TOTAL_FORMS": 0, "events-INITIAL_FORMS": 0}
        editable = {f"form-0-{name}": value for name, value in values.items()}
        asks += [Ask(path), Ask(path, {**values, **inline}), Ask(f"{root}ingestion/run/{mine.run_id or 1}/change/")]
        asks += [Ask(f"{root}ingestion/watermark/", {**_formset(mine), **editable})]
    return asks
