"""No member of staff sees or changes anything of a tenant that was not granted to them, whatever they ask for."""

from typing import Any

import pytest
from django.contrib import admin
from django.test import Client

from ingestion.models import Tenant
from tests.ingestion.admin.crawl import Report, checksum, crawl
from tests.ingestion.admin.furnish import furnish
from tests.ingestion.admin.policies import addresses
from tests.ingestion.admin.requests import HUGE, Aim, Ask, every_address, every_request
from tests.ingestion.admin.sites import plain_site, scoped_site
from tests.ingestion.admin.staff import staff, superuser

CANARY = "QZXCANARY"
PREFIX = "QZX"
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


def test_ten_thousand_requests_show_and_change_nothing_of_another_tenant(own: Tenant, theirs: Tenant) -> None:
    # Every request by whoever may do most; the three others take turns over three rows of each table instead of five.
    asks = list(every_request(Aim(admin.site, "/admin/", theirs, PREFIX)))
    fewer = list(every_request(Aim(admin.site, "/admin/", theirs, PREFIX, each=3)))
    *weaker, strongest = browsers(own).values()
    shares = {strongest: asks, **{browser: _turn(fewer, number) for number, browser in enumerate(weaker)}}
    before = checksum(theirs)
    report = Report()

    for browser, share in shares.items():
        crawl(browser, share, CANARY, report)

    assert [share for share in shares.values() if _ways(share).keys() != _ways(asks).keys()] == []
    print(f"{report.asked} requests, {len(report.leaks)} leaks, {len(report.differing)} differing, {report.statuses}")
    assert report.leaks == []
    assert report.failed == []
    assert report.differing == [], "another tenant's object must be answered like one that does not exist"
    assert checksum(theirs) == before
    assert report.asked >= 10_000


def _turn(asks: list[Ask], number: int) -> list[Ask]:
    """Every third request, and one for each way of asking at an object's address that these lack."""
    share = asks[number::3]
    lacking = _ways(asks)
    for way in _ways(share):
        del lacking[way]
    return [*share, *lacking.values()]


def _ways(asks: list[Ask]) -> dict[tuple[str, str], Ask]:
    """The addresses of objects and the ways of asking there, each with a request."""
    return {(ask.missing, repr(ask.post)): ask for ask in asks if ask.missing}


def test_the_crawl_reaches_pages_that_have_something_to_show(own: Tenant, theirs: Tenant) -> None:
    """Else silence would prove nothing: a superuser, who may see all, meets the canary nearly everywhere."""
    browser = Client()
    browser.force_login(superuser())
    asks = every_address(every_request(Aim(admin.site, "/admin/", theirs, PREFIX, each=1)))

    report = crawl(browser, asks, CANARY, Report())

    print(f"{report.asked} asked, {len(report.leaks)} leaks")
    assert len(report.leaks) > 100


def test_no_number_is_too_large_for_a_list_or_an_address(own: Tenant, theirs: Tenant) -> None:
    """A superuser's own pages: what others are refused before it is looked up is asked of the database here."""
    browser = Client(raise_request_exception=True)
    browser.force_login(superuser())
    asks = [
        ask
        for ask in every_request(Aim(admin.site, "/admin/", theirs, PREFIX, each=1))
        if HUGE in f"{ask.path}{ask.post}"
    ]

    report = crawl(browser, asks, CANARY, Report())

    assert len(asks) > 50
    assert report.failed == []


@pytest.mark.urls("tests.ingestion.admin.sites")
def test_scoping_the_queryset_alone_leaks_and_lets_rows_be_planted(own: Tenant, theirs: Tenant) -> None:
    """The negative control: the same crawl over the admin that most projects would write."""
    before = checksum(theirs)

    asks = _aimed_at(plain_site, "/plain/", theirs, each=1)
    report = crawl(browsers(own)["staff who may do everything"], asks, CANARY, Report())

    print(f"plain scoping: {report.asked} requests, {len(report.leaks)} leaks")
    assert report.leaks
    assert checksum(theirs) != before


@pytest.mark.urls("tests.ingestion.admin.sites")
def test_the_mixin_closes_what_the_plain_admin_leaves_open(own: Tenant, theirs: Tenant) -> None:
    """The same pages with TenantScoped: editable lists and keys, raw ids, autocomplete, inlines, deletion."""
    before = checksum(theirs)

    asks = _aimed_at(scoped_site, "/scoped/", theirs, each=2)
    report = crawl(browsers(own)["staff who may do everything"], asks, CANARY, Report())

    assert (report.leaks, report.failed, report.differing) == ([], [], [])
    assert checksum(theirs) == before


def _aimed_at(site: admin.AdminSite, root: str, tenant: Tenant, each: int) -> list[Any]:
    """Also through own objects: their forms take the other tenant's ids."""
    from ingestion.models import Watermark
    from tests.ingestion.admin.requests import _filled, _formset

    aim = Aim(site, root, tenant, PREFIX, each=each)
    asks = list(every_request(aim))
    for mine in Watermark.unscoped.exclude(tenant=tenant):
        path, values = f"{root}ingestion/watermark/{mine.pk}/change/", _filled(aim, Watermark)
        inline = {"events-TOTAL_FORMS": 0, "events-INITIAL_FORMS": 0}
        editable = {f"form-0-{name}": value for name, value in values.items()}
        asks += [Ask(path), Ask(path, {**values, **inline}), Ask(f"{root}ingestion/run/{mine.run_id or 1}/change/")]
        asks += [Ask(f"{root}ingestion/watermark/", {**_formset(mine), **editable})]
    return asks
