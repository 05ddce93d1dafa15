"""Strangers cannot send files to the console, and staff none above the limit."""

from __future__ import annotations

import io
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory

from ingestion.middleware import limit_bodies
from ingestion.testing import make_tenant
from tests.ingestion.admin.staff import staff
from tests.ingestion.runs import configured

pytestmark = pytest.mark.django_db
SMALL = 2_621_440  # DATA_UPLOAD_MAX_MEMORY_SIZE


class Unread(io.RawIOBase):
    """A body of which nothing may be asked for."""

    def read(self, *arguments: Any) -> bytes:
        raise AssertionError("The body was read.")


def post(client: Client, path: str, size: int) -> HttpResponse:
    return client.generic(
        "POST", path, b"", content_type="multipart/form-data; boundary=x",
        CONTENT_LENGTH=str(size), **{"wsgi.input": Unread()},
    )  # fmt: skip


@pytest.mark.parametrize("path", ["/admin/login/", "/admin/ingestion/run/", "/admin/nowhere/"])
def test_a_stranger_s_large_body_is_refused_unread_on_every_page(client: Client, path: str) -> None:
    answer = post(client, path, SMALL + 1)

    assert answer.status_code == 413
    assert b"2,621,440 bytes" in answer.content


@pytest.mark.parametrize(("size", "status"), [(4_048_576, 405), (4_048_577, 413)])
def test_staff_may_send_an_upload_with_its_form_and_no_more(client: Client, size: int, status: int) -> None:
    client.force_login(staff("olga", make_tenant("acme")))

    with configured(MAX_UPLOAD_BYTES=3_000_000):
        answer = client.generic("PUT", "/admin/jsi18n/", CONTENT_LENGTH=str(size))

    assert answer.status_code == status


def test_what_is_no_page_of_the_admin_is_left_alone() -> None:
    request = RequestFactory().generic("POST", "/uploads/", CONTENT_LENGTH=str(10**9))
    reached: list[HttpRequest] = []

    answer = limit_bodies(lambda request: reached.append(request) or HttpResponse("taken"))(request)

    assert (answer.content, reached) == (b"taken", [request])
