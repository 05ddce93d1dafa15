"""A worker of the release before goes on beside new ones once the database is migrated."""

from __future__ import annotations

import pytest
from django.db import connection as database

from integrations.bank.models import BankAccount
from tests.integrations.bank.test_pipeline import connection

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.every_database]


def test_an_account_is_made_without_the_columns_that_came_later() -> None:
    tenant = connection().tenant

    with database.cursor() as cursor:
        cursor.execute(
            "INSERT INTO bank_bankaccount (tenant_id, identifier, currency, bank, name, kind)"
            " VALUES (%s, '42', 'EUR', '', '', '')",
            [tenant.pk],
        )

    account = BankAccount.objects.for_tenant(tenant).get()
    assert (account.qualifier, account.former) == ("", "")
