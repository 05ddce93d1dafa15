"""`actions.connect(config=…)`: a connection with its config from the first moment on, or none."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from ingestion import ConfigurationError, actions
from ingestion.models import AuditEntry, Connection
from ingestion.testing import make_tenant
from tests.ingestion.runs import OPERATOR

pytestmark = pytest.mark.django_db
ACCOUNT = {"account": "acct_1A2b3C"}


def test_it_is_made_with_its_config_and_audited_once() -> None:
    tenant = make_tenant("acme")

    made = actions.connect(OPERATOR, tenant, "stripe.charges", config=dict(ACCOUNT))
    again = actions.connect(OPERATOR, tenant, "stripe.charges", config=dict(ACCOUNT))
    left = actions.connect(OPERATOR, tenant, "stripe.charges")

    assert made.config == again.config == left.config == Connection.unscoped.get().config == ACCOUNT
    assert list(AuditEntry.unscoped.order_by("pk").values_list("action", flat=True)) == ["connect", "configure"]


def test_a_connection_that_is_there_gets_the_new_one_and_keeps_its_own_where_that_is_refused() -> None:
    tenant, other = make_tenant("acme"), make_tenant("globex")
    for owner in (tenant, other):
        actions.connect(OPERATOR, owner, "stripe.charges", config=dict(ACCOUNT))

    with pytest.raises(ConfigurationError):
        actions.connect(OPERATOR, tenant, "stripe.charges", config={"acount": "acct_2"})
    actions.connect(OPERATOR, tenant, "stripe.charges", config={"account": "acct_2"})

    configs = {row.tenant.key: row.config for row in Connection.unscoped.select_related("tenant")}
    assert configs == {"acme": {"account": "acct_2"}, "globex": ACCOUNT}


def test_the_console_makes_one_with_a_right_config(admin_client: Client) -> None:
    sent = {"tenant": make_tenant("acme").pk, "pipeline": "stripe.charges", "name": "", "due": "default"}

    admin_client.post(reverse("admin:ingestion_connection_add"), {**sent, "config": '{"account": "acct_1A2b3C"}'})

    assert Connection.unscoped.get().config == ACCOUNT
