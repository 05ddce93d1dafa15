"""A demo that is killed while it makes its users: the next start has them all, and leaves nobody behind who is nobody's."""

from __future__ import annotations

import pytest
from django.contrib.auth import authenticate, get_user_model
from django.http import HttpRequest

from config import demo_data
from config.demo_data import TENANTS, staff_group
from config.management.commands.demo import USERS, give_one_time_password
from ingestion.models import TenantGrant
from tests.ingestion.chaos.sweeps import sweep

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]
KEY, NAME, TIER = TENANTS[0]


@pytest.mark.parametrize("taken", [0, 1])
def test_the_next_start_goes_on_with_the_superuser_of_a_demo_that_was_killed_while_it_made_one(taken: int) -> None:
    users = get_user_model().objects

    def no_demo_yet() -> None:
        users.all().delete()
        for name in USERS[:taken]:
            users.create_superuser(name, password="chosen long before")

    def started_again(_: None) -> None:
        name, password = give_one_time_password()
        assert name == USERS[taken]
        assert authenticate(HttpRequest(), username=name, password=password) is not None
        assert users.filter(is_superuser=True).count() == taken + 1

    sweep(no_demo_yet, lambda _: give_one_time_password(), started_again, least=2)


def test_the_next_start_goes_on_with_the_staff_of_a_demo_that_was_killed_while_it_made_them() -> None:
    def nobody_yet() -> None:
        get_user_model().objects.all().delete()

    def connect() -> None:
        demo_data._connection(KEY, NAME, TIER, staff_group())

    def started_again(_: None) -> None:
        connect()
        assert [user.get_username() for user in demo_data.staff()] == [KEY]
        assert [grant.user.get_username() for grant in TenantGrant.objects.all()] == [KEY]

    sweep(nobody_yet, lambda _: connect(), started_again, least=2)
