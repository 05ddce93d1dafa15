"""What docs/how-to/load-a-rest-api.md promises of the first steps, walked through the commands against a real server."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from ingestion.models import Tenant
from tests.ingestion.commands.shell import asked, ingest
from tests.integrations.rest.test_records import rows
from tests.integrations.rest.test_reported_elsewhere import NAMED, Answered, Site, acme, connect, serve

__all__ = ["acme", "serve"]
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("redis")]
Serve = Callable[[Any], Site]


def answering(body: Any) -> Callable[[dict[str, str], int], Answered]:
    return lambda query, call: (200, body, {})


@pytest.mark.slow
def test_a_first_page_above_two_megabytes_is_not_shown_and_a_dry_run_reads_it(acme: Tenant, serve: Serve) -> None:
    connect(acme, serve(answering({"data": [{"id": number, "text": "x" * 1_000_000} for number in range(3)]})))

    shown = ingest("preview", *NAMED)
    rehearsed = asked("dry-run", *NAMED)

    assert shown.code != 0
    assert "dry-run" in shown.error
    assert "3" in json.dumps(rehearsed)
    assert rows(acme) == {}


def test_numbers_keep_every_digit(acme: Tenant, serve: Serve) -> None:
    exact = b'{"id": 9007199254740993, "n": 0.12345678901234567890, "e": 1e400, "big": 123456789012345678901234567890}'
    connect(acme, serve(answering(b'{"data": [' + exact + b"]}")))

    assert ingest("run", *NAMED).code == 0
    ((key, body),) = rows(acme).items()

    assert key == ("shop", "9007199254740993")
    text = json.dumps(body, default=str) if not isinstance(body, str) else body
    assert "123456789012345678901234567890" in text
    assert "0.1234567890123456789" in text


def test_the_preview_says_what_to_know_before_saving(acme: Tenant, serve: Serve) -> None:
    connect(
        acme, serve(answering({"data": [{"id": 1}], "next_cursor": None})), pagination={"style": "cursor"}, total="$.n"
    )

    said = ingest("preview", *NAMED).out

    for words in ("every run reads everything", "This is the only page", "the count is not proven"):
        assert words in said


def test_a_secret_in_the_declaration_is_refused_by_the_command_before_it_is_stored(acme: Tenant, serve: Serve) -> None:
    api = {"base_url": "https://api.example.com", "headers": {"Authorization": "Bearer Kx73cretWord"}}

    said = ingest("connect", *NAMED, "--config", f"rest={json.dumps(api)}")

    assert said.code != 0
    assert "Kx73cret" not in said.error + said.out
    assert asked("list", "connections", "--tenant", "acme")["connections"] == []


def test_what_looks_like_personal_data_is_masked_in_a_preview(acme: Tenant, serve: Serve) -> None:
    connect(acme, serve(answering({"data": [{"id": 1, "email": "ada@example.com", "iban": "DE89370400440532013000"}]})))

    said = ingest("preview", *NAMED)

    assert said.code == 0
    assert "ada@example.com" not in said.out
    assert "DE89370400440532013000" not in said.out
