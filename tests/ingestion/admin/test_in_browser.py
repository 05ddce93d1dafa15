"""The console in a real browser: with JavaScript and without, by mouse and by keyboard, on a desk and on a phone."""

import dataclasses
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from ingestion import actions, running
from ingestion.actions import Actor
from ingestion.testing import make_tenant, registered, run_pipeline
from tests.app.pipelines import payments
from tests.ingestion.admin.staff import PASSWORD, staff
from tests.ingestion.inbox import Inbox

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("shop")]


@pytest.fixture
def shop(transactional_db: None) -> Iterator[None]:
    """One tenant with a dead letter, one with secrets, and staff of the first."""
    acme, globex = make_tenant("acme", name="Acme Books"), make_tenant("globex", name="Globex Corporation")
    staff("olga", acme)
    run_pipeline(payments, acme, records=[{"id": "fine_1", "amount": "10"}, {"id": "odd_1", "amount": "<i>much</i>"}])
    run_pipeline(payments, globex, records=[{"id": "secret_1", "amount": "much"}])
    actions.connect(Actor(), globex, "bank.statements")
    with registered(dataclasses.replace(payments, source=Inbox())):
        yield


def log_in(page: "Page", url: str) -> None:
    page.goto(f"{url}/admin/")
    page.fill("#id_username", "olga")
    page.fill("#id_password", PASSWORD)
    page.press("#id_password", "Enter")
    page.wait_for_url("**/admin/")


@pytest.mark.parametrize(
    ("javascript", "width"), [(True, 1280), (False, 1280), (False, 390)], ids=["desk", "no script", "phone, no script"]
)
def test_staff_upload_a_file_follow_its_run_and_review_a_dead_letter(
    browser: "Browser", live_server: Any, javascript: bool, width: int
) -> None:
    context = browser.new_context(java_script_enabled=javascript, viewport={"width": width, "height": 900})
    page = context.new_page()
    log_in(page, live_server.url)

    page.goto(f"{live_server.url}/admin/ingestion/connection/")
    assert "Globex" not in page.content()
    page.get_by_role("link", name="Upload a file").click()
    page.select_option("#id_connection", label="acme · app.payments")
    line = b'{"id": "file_1", "amount": "10"}'
    page.set_input_files("#id_file", {"name": "may.jsonl", "mimeType": "text/plain", "buffer": line})
    page.get_by_role("button", name="Upload").click()
    page.wait_for_url("**/run/*/change/")
    assert "may.jsonl" in page.inner_text("#content-main")
    assert "Queued" in page.inner_text(".sg-headline")

    running.execute(int(page.url.split("/")[-3]))
    page.reload()
    assert "Succeeded" in page.inner_text(".sg-headline")
    assert fits(page)

    page.goto(f"{live_server.url}/admin/ingestion/deadletter/")
    assert "secret_1" not in page.content()
    page.get_by_role("link", name="odd_1").click()
    assert '"amount": "<i>much</i>"' in page.inner_text(".sg-pre")
    page.get_by_role("link", name="Triage").click()
    page.fill("#id_note", "asked the shop")
    page.get_by_role("button", name="Triage").click()
    page.wait_for_url("**/deadletter/*/change/")
    assert "Triaged" in page.inner_text(".sg-headline")
    assert fits(page)


@pytest.mark.parametrize("width", [1280, 390])
def test_a_long_title_stands_beside_no_button_and_no_table_is_cut(
    browser: "Browser", live_server: Any, width: int
) -> None:
    _reject("statement-" + "DE75512108001245126199" * 4)
    page = browser.new_context(viewport={"width": width, "height": 900}).new_page()
    log_in(page, live_server.url)

    page.goto(f"{live_server.url}/admin/ingestion/deadletter/")
    page.get_by_role("link", name="statement-DE").click()
    title, buttons = page.locator("#content h1").bounding_box(), page.locator(".object-tools").bounding_box()

    assert title is not None
    assert buttons is not None
    assert title["y"] + title["height"] <= buttons["y"]
    assert fits(page)
    for address in ("deadletter/causes/", "deadletter/", "run/"):
        page.goto(f"{live_server.url}/admin/ingestion/{address}")
        assert fits(page)
        assert not page.evaluate(CUT)


CUT = """() => [...document.querySelectorAll("#content table")].filter(table => {
  const scrolls = node => node && (/auto|scroll/.test(getComputedStyle(node).overflowX) || scrolls(node.parentElement));
  return table.getBoundingClientRect().right > innerWidth + 1 && !scrolls(table.parentElement);
}).length"""
"""How many tables go on beyond the window's edge and can be reached by nobody."""


def _reject(source_id: str) -> None:
    run_pipeline(payments, make_tenant("acme"), records=[{"id": source_id, "amount": "much"}])


def fits(page: "Page") -> bool:
    """Whether nothing stands beyond the window's right edge."""
    return bool(page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"))


def test_everything_that_matches_is_replayed_with_the_keyboard_alone(browser: "Browser", live_server: Any) -> None:
    page = browser.new_context(java_script_enabled=False).new_page()
    log_in(page, live_server.url)
    page.goto(f"{live_server.url}/admin/ingestion/deadletter/")

    page.get_by_role("link", name="Replay all that match").focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/deadletter/replay/**")
    assert page.locator("#content-main strong").inner_text() == "1"
    page.locator("#id_limit").focus()
    page.keyboard.press("Tab")  # past the box that allows to write over newer rows
    page.keyboard.press("Tab")
    page.keyboard.type("the shop sent a new file")
    page.keyboard.press("Enter")

    page.wait_for_url("**/run/*/change/")
    assert "Replay" in page.inner_text(".sg-headline")


def test_no_page_runs_inline_script_or_style(browser: "Browser", live_server: Any) -> None:
    """So that a strict Content-Security-Policy can be switched on."""
    page = browser.new_context().new_page()
    log_in(page, live_server.url)

    for address in (
        "run/",
        "deadletter/",
        "connection/",
        "connection/upload/",
        "deadletter/causes/",
        "deadletter/replay/",
    ):
        page.goto(f"{live_server.url}/admin/ingestion/{address}")
        ours = page.locator("#content-main script:not([src]), #content-main [style], #content-main [onclick]")
        assert ours.count() == 0, address
