"""Storing and replacing a credential in a real browser, without JavaScript, on a desk and on a phone."""

import os
from typing import TYPE_CHECKING, Any

import pytest

from ingestion.models import Credential
from ingestion.vault import credentials
from tests.ingestion.admin.test_in_browser import log_in, shop

if TYPE_CHECKING:
    from playwright.sync_api import Browser

__all__ = ["shop"]  # a fixture
pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("shop")]


def stored() -> tuple[dict[str, str], int]:
    row = Credential.unscoped.select_related("tenant").get()
    found = credentials.read(row.tenant.ref, row.integration)
    return dict(found.values), found.version


@pytest.mark.parametrize("width", [1280, 390], ids=["desk", "phone"])
def test_staff_store_and_replace_a_credential_and_never_see_it(
    browser: "Browser", live_server: Any, width: int
) -> None:
    context = browser.new_context(java_script_enabled=False, viewport={"width": width, "height": 900})
    page = context.new_page()
    log_in(page, live_server.url)

    page.goto(f"{live_server.url}/admin/ingestion/credential/")
    page.get_by_role("link", name="Add credential").click()
    assert "Globex" not in page.inner_text("#id_tenant")
    page.select_option("#id_tenant", label="Acme Books")
    page.fill("#id_integration", "stripe")
    page.fill("#id_values", "api_key=sk_test_abcdefgh4242")
    shoot(page, f"add-{width}")
    page.get_by_role("button", name="Store").click()

    assert "api_key …4242" in page.inner_text("#content-main")
    assert stored() == ({"api_key": "sk_test_abcdefgh4242"}, 1)
    shoot(page, f"page-{width}")
    page.get_by_role("link", name="Replace").click()
    page.fill("#id_values", "no value")
    page.get_by_role("button", name="Replace").click()
    assert page.input_value("#id_values") == ""
    shoot(page, f"refused-{width}")
    page.fill("#id_values", "api_key=sk_test_abcdefgh9999")
    page.get_by_role("button", name="Replace").click()

    assert "Version 2 is stored" in page.inner_text(".messagelist")
    assert "sk_test" not in page.content()
    page.goto(f"{live_server.url}/admin/ingestion/credential/")
    shoot(page, f"list-{width}")
    assert stored() == ({"api_key": "sk_test_abcdefgh9999"}, 2)


def shoot(page: Any, name: str) -> None:
    if folder := os.environ.get("SHOTS"):
        page.screenshot(path=f"{folder}/{name}.png")
