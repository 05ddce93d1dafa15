"""Guessing passwords ends after ten tries, by account and by address, and nobody is locked out by a neighbour."""

from datetime import timedelta
from typing import Any

import pytest
from axes.models import AccessAttempt
from django.db.models import F
from django.http import HttpRequest
from django.test import Client
from pytest_django import Settings

import config.settings
from config.sign_ins.address import client_address, counted_address
from tests.ingestion.admin.staff import PASSWORD, superuser

pytestmark = pytest.mark.django_db
LOGIN = "/admin/login/"
LIMIT = 3
"""Of these tests; the project's own is 10."""
HOME = "192.0.2.1"


@pytest.fixture(autouse=True)
def people(db: None, settings: Settings) -> None:
    settings.AXES_FAILURE_LIMIT = LIMIT
    for name in ("olga", "vera"):
        superuser(name)


def sign_in(name: str, password: str = PASSWORD, address: str = HOME, **headers: str) -> Any:
    return Client().post(LOGIN, {"username": name, "password": password}, REMOTE_ADDR=address, headers=headers)


def guess(count: int, *names: str, **where: str) -> list[int]:
    return [sign_in(names[number % len(names)], "wrong", **where).status_code for number in range(count)]


def test_ten_failures_lock_an_account_from_wherever_they_come(settings: Settings) -> None:
    settings.AXES_FAILURE_LIMIT = config.settings.AXES_FAILURE_LIMIT

    statuses = [sign_in("olga", "wrong", f"192.0.2.{number}").status_code for number in range(1, 11)]

    assert statuses == [200] * 9 + [429]
    assert sign_in("olga", address="198.51.100.7").status_code == 429
    assert sign_in("vera").status_code == 302


def test_failures_lock_an_address_whatever_the_names() -> None:
    guess(LIMIT, *(f"nobody{number}" for number in range(LIMIT)))

    assert sign_in("olga").status_code == 429
    assert sign_in("olga", address="192.0.2.2").status_code == 302


def test_where_no_address_is_known_accounts_alone_are_locked() -> None:
    guess(LIMIT + 1, *(f"nobody{number}" for number in range(LIMIT + 1)), address="")
    guess(LIMIT, "olga", address="")

    assert sign_in("vera", address="").status_code == 302
    assert sign_in("olga", address="").status_code == 429


@pytest.mark.every_database
def test_a_name_that_is_too_long_for_any_account_is_counted_as_well() -> None:
    names = [f"{'x' * 300}{number}" for number in range(LIMIT)]

    statuses = [sign_in(name, "wrong", f"192.0.2.{number}").status_code for number, name in enumerate(names)]

    assert statuses == [200] * (LIMIT - 1) + [429]
    assert set(AccessAttempt.objects.values_list("username", flat=True)) == {"x" * 150}


def test_whoever_is_locked_out_reads_when_to_try_again() -> None:
    guess(LIMIT, "olga")
    AccessAttempt.objects.update(attempt_time=F("attempt_time") - timedelta(minutes=3, seconds=30))

    page = sign_in("olga")

    assert page.status_code == 429
    assert "Try again in 7 minutes." in page.content.decode()
    assert 380 <= int(page["Retry-After"]) <= 390
    assert "default-src 'self'" in page["Content-Security-Policy"]
    assert "css/login.css" in page.content.decode()


def test_the_lock_ends_after_ten_minutes_and_tries_do_not_prolong_it() -> None:
    guess(LIMIT + 3, "olga")
    AccessAttempt.objects.update(attempt_time=F("attempt_time") - timedelta(minutes=5))
    guess(3, "olga")

    AccessAttempt.objects.update(attempt_time=F("attempt_time") - timedelta(minutes=5, seconds=1))

    assert sign_in("olga").status_code == 302


def test_an_account_that_is_not_there_is_locked_in_the_same_words() -> None:
    pages = [(guess(LIMIT, name, address=address), sign_in(name, address=address))[1] for name, address in
             (("olga", HOME), ("nobody", "192.0.2.2"))]  # fmt: skip

    assert pages[0].status_code == pages[1].status_code == 429
    assert pages[0].content == pages[1].content


def test_a_sign_in_forgets_the_failures_of_its_account() -> None:
    guess(LIMIT - 1, "olga")
    sign_in("olga")

    assert guess(LIMIT - 1, "olga") == [200] * (LIMIT - 1)


def test_an_own_account_buys_no_further_guesses_at_that_of_another() -> None:
    guess(LIMIT - 1, "vera")
    assert sign_in("olga").status_code == 302

    assert guess(1, "vera") == [429]


def test_two_people_behind_one_proxy_do_not_lock_each_other_out(settings: Settings) -> None:
    settings.BEHIND_TLS_PROXY = True

    locked = guess(LIMIT, "nobody", "who", **{"X-Forwarded-For": "192.0.2.9"})  # type: ignore[arg-type]

    assert locked[-1] == 429
    assert sign_in("olga", **{"X-Forwarded-For": "192.0.2.9"}).status_code == 429
    assert sign_in("olga", **{"X-Forwarded-For": "192.0.2.8"}).status_code == 302


@pytest.mark.parametrize(
    ("behind", "said", "address"),
    [
        (False, "203.0.113.5", "192.0.2.1"),
        (True, "203.0.113.5", "203.0.113.5"),
        (True, "10.0.0.1, 203.0.113.5", "203.0.113.5"),
        (True, "203.0.113.5, nonsense", "192.0.2.1"),
        (True, "", "192.0.2.1"),
        (True, "::ffff:203.0.113.5", "203.0.113.5"),
        (True, "fe80::1%eth0", "fe80::1"),
    ],
)
def test_the_address_is_what_the_proxy_or_the_connection_says(
    behind: bool, said: str, address: str, settings: Settings
) -> None:
    settings.BEHIND_TLS_PROXY = behind
    request = HttpRequest()
    request.META = {"REMOTE_ADDR": "192.0.2.1", "HTTP_X_FORWARDED_FOR": said}

    assert client_address(request) == address


def test_of_ipv6_a_customer_s_whole_network_is_counted_as_one() -> None:
    request = HttpRequest()
    request.META = {"REMOTE_ADDR": "2001:db8:1:2:3:4:5:6"}

    assert (client_address(request), counted_address(request)) == ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::")
    assert counted_address(HttpRequest()) is None


@pytest.mark.parametrize("elsewhere", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:x"])
def test_nobody_is_led_to_another_site_after_signing_in(elsewhere: str) -> None:
    values = {"username": "olga", "password": PASSWORD, "next": elsewhere}

    assert Client().post(LOGIN, values)["Location"] == "/admin/"
    assert Client().post(LOGIN, {**values, "next": "/admin/ingestion/run/"})["Location"] == "/admin/ingestion/run/"


def test_a_form_from_another_site_is_refused_with_what_to_do() -> None:
    values = {"username": "olga", "password": PASSWORD}

    page = Client(enforce_csrf_checks=True).post(LOGIN, values, headers={"Origin": "https://evil.example"})

    text = page.content.decode()
    assert page.status_code == 403
    assert "CSRF_TRUSTED_ORIGINS" in text
    assert "ALLOWED_HOSTS" in text
    assert [said for said in ("evil.example", "testserver", "127.0.0.1", "Origin checking") if said in text] == []
    assert "default-src 'self'" in page["Content-Security-Policy"]
