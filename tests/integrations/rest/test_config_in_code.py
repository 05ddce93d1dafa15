"""What a connection must say, and may, of an API that is declared in code with `{config.NAME}`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from ingestion import ConfigurationError
from ingestion.models import Connection
from ingestion.testing import make_tenant, registered
from integrations.rest import Rest
from integrations.rest.source import Configured
from tests.ingestion.commands.shell import asked, ingest
from tests.ingestion.runs import over
from tests.integrations.rest.configured import config
from tests.integrations.rest.worlds import World, context, reply

API = Rest(base_url="https://{config.shop}.example.com", path="/of/{config.shop}", params={"s": "{config.since}"})
GOOD = {"shop": "acme", "since": 7}


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({}, r"uses \{config\.shop\}: set 'shop'"),
        ({"shop": "acme"}, r"uses \{config\.since\}: set 'since'"),
        ({**GOOD, "shop": {"a": 1}}, r"set 'shop' in the connection's config, a text or whole number of at most 200"),
        ({**GOOD, "since": None}, "set 'since'"),
        ({**GOOD, "since": True}, "set 'since'"),
        ({**GOOD, "shop": "a" * 201}, "set 'shop'"),
        ({**GOOD, "shopp": "x"}, r"`shopp` is no key of the connection's config; did you mean `shop`\?"),
        ({**GOOD, "path": "/orders"}, "`path` is no key of the connection's config: the pipeline's code declares the API"),
        ({**GOOD, "team": "x"}, "It has integration, shop, since"),
    ],
    ids=str,
)  # fmt: skip
def test_what_the_declaration_cannot_use_is_refused(given: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        API.check_config(given)


def test_what_the_declaration_and_the_transform_read_is_taken() -> None:
    API.check_config({**GOOD, "integration": "shop"})
    API.with_config_keys("team").untrusted().check_config({**GOOD, "team": "x"})


def test_a_declaration_in_a_config_lacks_no_value_either() -> None:
    with pytest.raises(ConfigurationError, match="set 'shop'"):
        Configured().check_config(config(path="/of/{config.shop}"))


@pytest.fixture
def pipeline() -> Iterator[str]:
    with registered(over([], source=API)) as declared:
        yield declared.name


@pytest.mark.django_db
def test_the_command_connects_and_runs_with_nothing_that_the_source_cannot_use(pipeline: str) -> None:
    tenant = make_tenant()
    to = ("--tenant", "acme", "--pipeline", pipeline)

    refused = [ingest("connect", *to), ingest("connect", *to, "--config", 'shop={"a":1}', "--config", "since=7")]
    made = Connection.objects.for_tenant(tenant).exists()
    asked("connect", *to, "--config", "shop=acme", "--config", "since=7")
    mistyped = ingest("run", *to, "--queue", "--config", "shopp=x")

    assert [(answer.code, "set 'shop'" in answer.error) for answer in refused] == [(1, True)] * 2
    assert not made
    assert (mistyped.code, "did you mean `shop`?" in mistyped.error) == (1, True)
    assert asked("connect", *to)["connections"]  # safe to repeat


@pytest.mark.django_db
def test_the_console_connects_with_nothing_that_the_source_cannot_use(pipeline: str, admin_client: Client) -> None:
    tenant = make_tenant()
    values = {"tenant": tenant.pk, "pipeline": pipeline}
    add = reverse("admin:ingestion_connection_add")

    page = admin_client.post(add, values).content.decode()
    admin_client.post(add, {**values, "config": '{"shop": "acme", "since": 7}'})

    assert "set &#x27;shop&#x27; in the connection" in page
    assert Connection.objects.for_tenant(tenant).get().config == {"shop": "acme", "since": 7}


def test_proofs_and_the_connections_test_name_the_address_with_its_values() -> None:
    world = World(lambda request: reply([]))
    declared = Rest(base_url="https://{config.shop}.example.com", path="/{config.shop}/of/{window.start:date}")
    source, ctx = declared.through(world.connect), context(config={"shop": "north"})

    (page,) = source.extract(ctx, None)

    assert [proof.subject for proof in page.proofs] == ["/north/of/{window.start:date}"]
    assert source.test(ctx).startswith("https://north.example.com/north/of/{window.start:date} answered with 0 records")


@pytest.mark.parametrize("address", ["http://127.0.0.1:{config.port}/v1", "https://{config.shop}.com:8{config.port}"])
def test_a_port_can_be_no_placeholder_and_that_is_said(address: str) -> None:
    with pytest.raises(ConfigurationError, match="a port can be no placeholder"):
        Rest(base_url=address)
