"""What `manage.py up` says of signing in."""

from __future__ import annotations

import pytest
from django.contrib.auth import get_user_model

from config.management.commands.up import sign_in

pytestmark = pytest.mark.django_db


def test_up_says_how_the_first_user_is_made() -> None:
    get_user_model().objects.create_user("ann", password="x", is_staff=True)
    get_user_model().objects.create_superuser("gone", password="x", is_active=False)
    get_user_model().objects.create_superuser("elsewhere")  # signs in some other way: no password

    assert sign_in().startswith("nobody can yet.")
    assert sign_in().endswith("manage.py createsuperuser")


def test_up_names_the_superusers_that_there_are() -> None:
    for name in ("admin", "root"):
        get_user_model().objects.create_superuser(name, password="x")

    assert sign_in().startswith("as admin or root, or staff")
    assert sign_in().endswith("manage.py changepassword admin")
