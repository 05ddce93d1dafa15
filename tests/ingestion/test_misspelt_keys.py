"""Beside a source that reads no keys of its own, a key that is nearly one of the engine's is refused where it is written."""

import pytest

from ingestion import ConfigurationError, actions
from ingestion.running.dry_run import dry_run
from ingestion.testing import make_tenant
from tests.ingestion.runs import OPERATOR

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("key", ["intgration", "Integration", "integraton"])
def test_a_key_that_is_nearly_the_engine_s_is_refused_with_the_right_one(key: str) -> None:
    connection = actions.connect(OPERATOR, make_tenant("acme"), "app.payments")

    with pytest.raises(ConfigurationError, match=rf"`{key}` is read by nobody; did you mean `integration`\?"):
        actions.configure(OPERATOR, connection, {key: "shop"})


def test_a_dry_run_refuses_it_too() -> None:
    tenant = make_tenant("acme")
    actions.connect(OPERATOR, tenant, "app.payments")

    report = dry_run(tenant, "app.payments", config={"intgration": "shop"})

    assert "did you mean `integration`?" in report.failure


def test_other_keys_may_be_a_transform_s() -> None:
    connection = actions.connect(OPERATOR, make_tenant("acme"), "app.payments")

    own = {"integration": "shop", "integration_id": 7, "integrations": 1, "migration": 2}
    actions.configure(OPERATOR, connection, own)


def test_a_key_that_is_stored_already_hinders_nothing() -> None:
    connection = actions.connect(OPERATOR, make_tenant("acme"), "app.payments")
    type(connection).unscoped.filter(pk=connection.pk).update(config={"intgration": "shop"})
    connection.refresh_from_db()

    actions.configure(OPERATOR, connection, {"intgration": "shop", "team": "a"})
