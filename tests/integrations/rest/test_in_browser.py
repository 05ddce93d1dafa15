"""The guided form in a real browser: on a phone without JavaScript, and with the keyboard alone."""

from typing import TYPE_CHECKING, Any

import pytest

from ingestion.models import Connection, Tenant
from ingestion.testing import make_tenant, registered
from tests.ingestion.admin.staff import staff
from tests.ingestion.admin.test_in_browser import fits, log_in
from tests.integrations.rest.test_records import Things, over, thing
from tests.integrations.rest.worlds import World

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("acme")]


@pytest.fixture
def acme(transactional_db: None) -> Tenant:
    tenant = make_tenant("acme", name="Acme Books")
    make_tenant("globex", name="Globex Corporation")
    staff("olga", tenant)
    return tenant


@pytest.mark.parametrize("width", [1280, 390], ids=["desk", "phone"])
def test_staff_declare_an_api_look_at_a_page_of_it_and_save(
    browser: "Browser", live_server: Any, acme: Tenant, width: int
) -> None:
    world = World(Things(thing(1, email="ann@example.com"), thing(2)))
    page = browser.new_context(java_script_enabled=False, viewport={"width": width, "height": 900}).new_page()
    log_in(page, live_server.url)
    page.goto(f"{live_server.url}/admin/rest/restrecord/")
    page.get_by_role("link", name="Add a REST API").click()
    assert "Globex" not in page.content()

    page.select_option("#id_tenant", label="Acme Books")
    page.fill("#id_name", "shop")
    page.fill("#id_base_url", "https://api.example.com")
    page.fill("#id_path", "/things")
    page.select_option("#id_pagination_style", "cursor")
    page.fill("#id_pagination_next", "$.next")
    with registered(over(world)):
        page.get_by_role("button", name="Preview").click()
        page.wait_for_selector("text=Inferred schema")
    assert "Records on the first page: 2" in page.inner_text(".sg-headline")
    assert fits(page)

    page.locator("#id_reason").focus()
    page.keyboard.type("the shop's own API")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_url("**/connection/*/change/")
    assert fits(page)

    saved = Connection.objects.for_tenant(acme).get()
    assert saved.config["rest"]["pagination"] == {"style": "cursor", "next": "$.next"}
    page.get_by_role("link", name="Preview").click()
    assert "Fetch one page" in page.content()


def test_the_form_runs_no_inline_script_or_style(browser: "Browser", live_server: Any) -> None:
    page = browser.new_context().new_page()
    log_in(page, live_server.url)

    page.goto(f"{live_server.url}/admin/rest/restrecord/declare/")

    assert page.locator("#content-main script:not([src]), #content-main [style], #content-main [onclick]").count() == 0
