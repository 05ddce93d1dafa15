"""A session ends after a quiet time, says so, and costs no write more than once a minute."""

from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from config.models import SignIn
from config.sign_ins.idle import SEEN
from tests.ingestion.admin.staff import superuser

pytestmark = pytest.mark.django_db
PAGE = "/admin/password_change/"
HOUR = 3600


@pytest.fixture
def olga(client: Client) -> Client:
    client.force_login(superuser("olga"))
    return client


def quiet_for(browser: Client, seconds: int) -> None:
    session: Any = browser.session
    session[SEEN] -= seconds
    session.save()


def test_after_the_limit_the_login_page_says_why_and_leads_back(olga: Client) -> None:
    quiet_for(olga, HOUR + 65)

    page = olga.get(PAGE, follow=True)

    assert page.redirect_chain == [(f"/admin/login/?next={PAGE}", 302)]
    assert "You were signed out after 60 minutes without a request." in page.content.decode()
    assert f'name="next" value="{PAGE}"' in page.content.decode()
    assert not Session.objects.exists()
    assert SignIn.objects.latest("pk").kind == "session_ended"


def test_each_request_begins_the_hour_anew(olga: Client) -> None:
    for _ in range(3):
        quiet_for(olga, HOUR - 5)
        assert olga.get(PAGE).status_code == 200


def test_nobody_is_signed_out_too_early_for_the_minute_that_is_not_written_down(olga: Client) -> None:
    quiet_for(olga, HOUR + 50)

    assert olga.get(PAGE).status_code == 200


def test_the_session_is_written_once_a_minute(olga: Client) -> None:
    def writes() -> list[str]:
        with CaptureQueriesContext(connection) as asked:
            olga.get(PAGE)
        return [query["sql"] for query in asked.captured_queries if not query["sql"].startswith("SELECT")]

    assert writes() == []
    quiet_for(olga, 61)
    assert len([sql for sql in writes() if "django_session" in sql]) == 1
    assert writes() == []


def test_a_page_that_asks_for_itself_again_keeps_no_session(olga: Client) -> None:
    quiet_for(olga, HOUR - 5)
    assert olga.get(PAGE, {"refreshed": "1"}).status_code == 200
    quiet_for(olga, 70)

    assert olga.get(PAGE, {"refreshed": "1"}).status_code == 302


def test_a_session_from_before_the_limit_begins_its_time_now(olga: Client) -> None:
    session: Any = olga.session
    del session[SEEN]
    session.save()

    assert olga.get(PAGE).status_code == 200
    assert SEEN in olga.session


def test_the_limit_is_the_project_s_own(olga: Client, settings: Settings) -> None:
    settings.SESSION_IDLE_MINUTES = 5
    quiet_for(olga, 5 * 60 + 65)

    assert olga.get(PAGE).status_code == 302


def test_strangers_get_no_session(client: Client) -> None:
    answers = [client.get(page) for page in ("/alive", "/favicon.ico", "/admin/login/")]

    assert ["sessionid" in answer.cookies for answer in answers] == [False, False, False]
    assert [answer.status_code for answer in answers] == [200, 204, 200]
    assert "Cookie" not in answers[0].get("Vary", "")
