"""What is posted to the console's pages of REST connections, and what they show."""

from __future__ import annotations

from typing import Any

from django.urls import reverse

from ingestion.models import Connection
from tests.integrations.rest.test_records import thing

PERSON = thing(1, email="ann@example.com", name="Ann", note=None, total=12.50, tags=["a"])


def text(answer: Any) -> str:
    return str(answer.content.decode())


def preview_of(connection: Connection) -> str:
    return reverse("admin:ingestion_connection_preview", args=[connection.pk])
