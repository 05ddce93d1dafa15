"""The compose file: who can reach what."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from config.paths import PROJECT


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    return yaml.safe_load((PROJECT / "docker-compose.yml").read_text())


def test_servers_are_in_networks_of_their_own_that_lead_nowhere(compose: dict[str, Any]) -> None:
    services, networks = compose["services"], compose["networks"]

    assert (services["valkey"]["networks"], services["mariadb"]["networks"]) == (["queues"], ["database"])
    assert all(networks[name] == {"internal": True} for name in ("queues", "database"))
    assert not any("ports" in services[name] for name in ("valkey", "mariadb"))


def test_valkey_has_a_password_that_is_asked_for_and_used(compose: dict[str, Any]) -> None:
    valkey = compose["services"]["valkey"]

    assert valkey["environment"]["REDISCLI_AUTH"].startswith("${VALKEY_PASSWORD:?")
    assert '--requirepass "$$REDISCLI_AUTH"' in valkey["command"]
    assert "exec docker-entrypoint.sh valkey-server " in valkey["command"]  # which leaves root behind
    urls = {service["environment"]["REDIS_URL"] for service in compose["services"].values() if "image" not in service}
    urls |= {compose["x-app"]["environment"]["REDIS_URL"]}
    assert urls == {"redis://:${VALKEY_PASSWORD:?Set VALKEY_PASSWORD in .env}@valkey:6379/0"}
    assert "\nVALKEY_PASSWORD=\n" in (PROJECT / ".env.example").read_text()
