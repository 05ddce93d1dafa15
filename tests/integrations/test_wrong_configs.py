"""A wrong config is refused where it is written, whatever the kind and whichever the door, with the word that helps."""

from __future__ import annotations

import html
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from ingestion import ConfigurationError, actions
from ingestion.core.configs import check_config
from ingestion.models import Connection, Tenant
from ingestion.testing import make_tenant, registered
from tests.ingestion.commands.shell import ingest
from tests.ingestion.runs import OPERATOR
from tests.integrations.wrong_configs import AT_DOORS, PIPELINES, RIGHT, WRONG

ROWS = [(kind, config, words) for kind, rows in WRONG.items() for config, words in rows]


@pytest.mark.parametrize(("kind", "config", "words"), ROWS, ids=lambda value: str(value)[:60])
def test_a_wrong_config_is_refused_with_the_word_that_helps(kind: str, config: Any, words: str) -> None:
    with pytest.raises(ConfigurationError) as refusal:
        check_config(PIPELINES[kind], config)

    assert words in str(refusal.value)


@pytest.mark.parametrize(("kind", "config"), RIGHT, ids=lambda value: str(value)[:60])
def test_a_right_config_is_taken(kind: str, config: dict[str, Any]) -> None:
    check_config(PIPELINES[kind], config)


def test_every_kind_has_wrong_configs() -> None:
    assert WRONG.keys() == PIPELINES.keys() == {kind for kind, _ in RIGHT} == {kind for kind, _, _ in AT_DOORS}


@pytest.fixture
def acme(db: None) -> Iterator[Tenant]:
    with ExitStack() as stack:
        for pipeline in PIPELINES.values():
            stack.enter_context(registered(pipeline))
        yield make_tenant("acme")


def in_python(pipeline: str, config: dict[str, Any], client: Client) -> str:
    with pytest.raises(ConfigurationError) as refusal:
        actions.connect(OPERATOR, make_tenant("acme"), pipeline, config=config)
    return str(refusal.value)


def in_the_shell(pipeline: str, config: dict[str, Any], client: Client) -> str:
    pairs = (f"{name}={value if isinstance(value, str) else json.dumps(value)}" for name, value in config.items())
    words = (argument for pair in pairs for argument in ("--config", pair))
    answer = ingest("connect", "--tenant", "acme", "--pipeline", pipeline, *words)
    assert answer.code == 1
    return answer.error


def in_the_add_form(pipeline: str, config: dict[str, Any], client: Client) -> str:
    sent = {
        "tenant": make_tenant("acme").pk,
        "pipeline": pipeline,
        "name": "",
        "config": json.dumps(config),
        "due": "default",
    }
    return html.unescape(client.post(reverse("admin:ingestion_connection_add"), sent).content.decode())


@pytest.mark.parametrize("door", [in_python, in_the_shell, in_the_add_form])
@pytest.mark.parametrize(("kind", "config", "words"), AT_DOORS, ids=lambda value: str(value)[:40])
def test_every_door_refuses_and_leaves_no_connection(
    admin_client: Client, acme: Tenant, kind: str, config: Any, words: str, door: Callable[[str, Any, Client], str]
) -> None:
    refusal = door(PIPELINES[kind].name, config, admin_client)

    assert words in refusal
    assert not Connection.unscoped.exists()


@pytest.mark.parametrize(("kind", "config", "words"), AT_DOORS, ids=lambda value: str(value)[:40])
def test_the_change_form_refuses_beside_the_field_and_keeps_what_is_stored(
    admin_client: Client, acme: Tenant, kind: str, config: Any, words: str
) -> None:
    connection = actions.connect(OPERATOR, acme, PIPELINES[kind].name)
    at = reverse("admin:ingestion_connection_change", args=[connection.pk])

    page = admin_client.post(at, {"config": json.dumps(config)}).content.decode()

    assert words in html.unescape(page)
    connection.refresh_from_db()
    assert connection.config == {}


@pytest.mark.parametrize("added", [True, False], ids=["add form", "change form"])
def test_the_forms_say_where_a_config_stops_being_json(admin_client: Client, acme: Tenant, added: bool) -> None:
    sent = {
        "tenant": acme.pk,
        "pipeline": "bank.statements",
        "name": "x",
        "due": "default",
        "config": '{"account": 1,}',
    }
    at = reverse("admin:ingestion_connection_add")
    if not added:
        made = actions.connect(OPERATOR, acme, "bank.statements")
        at = reverse("admin:ingestion_connection_change", args=[made.pk])

    page = html.unescape(admin_client.post(at, sent).content.decode())

    assert "It is text that is no JSON: " in page
    assert "of 15." in page
