"""Keys of a connection's config that nothing would read."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ingestion import ConfigurationError, actions
from ingestion.models import Connection
from ingestion.testing import make_tenant
from integrations.rest.form_values import initial
from integrations.rest.source import Configured
from tests.ingestion.commands.shell import asked, ingest
from tests.ingestion.runs import OPERATOR
from tests.integrations.rest.configured import config

SHOP = ("--tenant", "acme", "--pipeline", "rest.records", "--name", "shop")
WHOLE = r"Members of `rest` are set in the whole object: --config rest='{…}', or \*Edit by form\* in the console\."


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"rest.updated_unit": "counter"}, rf"`rest\.updated_unit` is no key .*, but `updated_unit` is one of `rest`\. {WHOLE}"),
        ({"rest.update_unit": "counter"}, rf"did you mean `updated_unit`\? {WHOLE}"),
        ({"rest.auth.kind": "none"}, WHOLE),
        ({"updated_unit": "counter"}, rf"`updated_unit` is no key .*, but `updated_unit` is one of `rest`\. {WHOLE}"),
        ({"integrations": "shop"}, r"did you mean `integration`\?"),
        ({"shops": "x"}, r"It has integration, rest; .*stored there already, take it out\.$"),
    ],
    ids=str,
)  # fmt: skip
def test_a_key_that_nothing_reads_is_refused_with_what_is_meant(given: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        Configured().check_config({**config(), **given})


def test_a_member_is_no_way_to_declare_an_api_either() -> None:
    with pytest.raises(ConfigurationError, match=WHOLE):
        Configured().check_config({"rest.base_url": "https://api.example.com"})


@pytest.mark.parametrize(
    "values",
    [
        {"base_url": "https://{config.shop}.example.com"}, {"path": "/{ config.shop }/orders"},
        {"params": {"shop": "{config.shop}"}}, {"params": {"shop": ["a", "{config.shop}"]}},
        {"headers": {"X-Shop": "{config.shop}"}}, {"method": "POST", "body": {"of": [{"shop": "{config.shop}"}]}},
    ],
    ids=str,
)  # fmt: skip
def test_a_value_that_the_declaration_uses_is_a_key(values: dict[str, Any]) -> None:
    Configured().check_config({**config(**values), "shop": "acme", "integration": "shop"})

    with pytest.raises(ConfigurationError, match=r"did you mean `shop`\?"):
        Configured().check_config({**config(**values), "shopp": "acme"})


@pytest.mark.django_db
def test_the_command_stores_no_key_that_nothing_reads_and_takes_one_away() -> None:
    make_tenant()
    asked("connect", *SHOP, "--config", f"rest={json.dumps(config()['rest'])}")

    answer = ingest("connect", *SHOP, "--config", "rest.updated_unit=counter")

    assert (answer.code, "set in the whole object" in answer.error) == (1, True)
    assert answer.error.endswith("take it out. In a shell: --config rest.updated_unit=null.")
    assert asked("connect", *SHOP, "--config", "rest.updated_unit=null")["connections"]


@pytest.mark.django_db
def test_a_declaration_without_an_integration_takes_the_one_that_the_form_would_name() -> None:
    tenant, whole = make_tenant(), f"rest={json.dumps(config()['rest'])}"
    integrations = []

    for given in (["--config", whole], [], ["--config", "integration=eu"], ["--config", whole]):
        asked("connect", *SHOP, *given)
        integrations.append(Connection.objects.for_tenant(tenant).get().config["integration"])

    assert integrations == ["shop", "shop", "eu", "eu"]


@pytest.mark.django_db
def test_a_connection_of_before_keeps_the_pipelines_integration() -> None:
    tenant, whole = make_tenant(), f"rest={json.dumps(config()['rest'])}"
    connection = actions.connect(OPERATOR, tenant, "rest.records", "shop")
    actions.configure(OPERATOR, connection, config())

    asked("connect", *SHOP, "--config", whole)

    connection.refresh_from_db()
    assert "integration" not in connection.config
    assert initial(connection)["integration"] == "rest"
