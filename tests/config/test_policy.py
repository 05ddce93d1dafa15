"""The Content Security Policy of the standalone project: pages load, run and send to what is ours alone."""

from typing import TYPE_CHECKING, Any

import pytest
from django.test import Client

from ingestion.testing import make_tenant
from tests.conftest import POLICY
from tests.ingestion.admin.staff import staff

if TYPE_CHECKING:
    from playwright.sync_api import Browser

OURS_ALONE = {
    "default-src 'self'", "base-uri 'self'", "form-action 'self'", "frame-ancestors 'none'", "object-src 'none'",
}  # fmt: skip
"""`default-src` stands for the others where they are not named, but not for the base, forms and frames."""
MARKUP = """<img src="/nowhere" onerror="document.title = 'ran'"><p id="styled" style="color: rgb(1, 2, 3)">text</p>"""


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("/admin/login/", 302),
        ("/admin/", 200),
        ("/admin/ingestion/run/", 200),
        ("/admin/ingestion/run/0/change/", 302),
        ("/admin/auth/user/", 403),
        ("/admin/nowhere/", 404),
        ("/static/admin/css/base.css", 200),
    ],
)
def test_every_answer_carries_the_policy(client: Client, address: str, status: int) -> None:
    client.force_login(staff("olga", make_tenant("acme")))

    answer = client.get(address)
    answer.close()  # a static file's

    assert answer.status_code == status
    assert set(answer.headers["Content-Security-Policy"].split("; ")) == OURS_ALONE


@pytest.mark.browser
@pytest.mark.django_db
def test_markup_that_came_into_a_page_runs_nothing(browser: "Browser", live_server: Any, refusals: list[str]) -> None:
    page = browser.new_context().new_page()
    page.goto(f"{live_server.url}/admin/login/")

    page.evaluate("markup => document.body.insertAdjacentHTML('beforeend', markup)", MARKUP)
    page.wait_for_load_state("networkidle")

    assert page.title() != "ran"
    assert page.evaluate("getComputedStyle(document.getElementById('styled')).color") != "rgb(1, 2, 3)"
    assert len(refusals) == 2
    assert all(POLICY in refusal for refusal in refusals)
    refusals.clear()
