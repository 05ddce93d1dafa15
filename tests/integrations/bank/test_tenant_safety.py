"""A transform that names another tenant's row must not get through, whatever the database would accept."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from ingestion import Context, Ready, Record, TenantScopeError, Upsert
from ingestion.actions import Actor, connect, upload
from ingestion.models import Artifact, Run, Tenant
from integrations.bank.models import BankAccount, BankStatement, BankTransaction

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.every_database]


def owner(key: str) -> tuple[Tenant, Run, BankAccount, BankStatement]:
    tenant = Tenant.objects.create(key=key, name=key)
    connection = connect(Actor(), tenant, "bank.statements")
    run = upload(Actor(), connection, "x.sta", b"anything").run
    account = BankAccount.objects.create(tenant=tenant, identifier="NL1", currency="EUR")
    statement = BankStatement.objects.create(
        tenant=tenant, account=account, external_id="s1", format="mt940", entries=1, run=run
    )
    return tenant, run, account, statement


def ready(key: str, account: BankAccount, statement: BankStatement) -> Ready:
    row = {
        "external_id": key,
        "account_id": account.pk,
        "statement_id": statement.pk,
        "booked_on": date(2026, 1, 5),
        "amount": Decimal("1.00"),
        "currency": "EUR",
    }
    return Ready(Record(key, b"{}"), row, b"0" * 16)


def test_a_row_that_points_at_another_tenants_row_is_rejected_and_the_others_load() -> None:
    ours, run, account, statement = owner("ours")
    _, _, foreign_account, foreign_statement = owner("theirs")
    ctx = Context(ours.ref, "bank.statements", run.pk, datetime.now(UTC))
    upsert = Upsert(BankTransaction, key=["external_id"])

    loaded = upsert.load(
        ctx,
        [
            ready("good", account, statement),
            ready("bad", foreign_account, statement),
            ready("worse", account, foreign_statement),
        ],
    )

    assert [ready.record.key for ready in loaded.ready] == ["good"]
    assert {bad.record.key: bad.errors[0].code for bad in loaded.rejected} == {
        "bad": "foreign_key",
        "worse": "foreign_key",
    }
    assert BankTransaction.objects.for_tenant(ours).count() == 1


def test_the_bank_tables_refuse_to_be_asked_without_a_tenant() -> None:
    for model in (BankAccount, BankStatement, BankTransaction):
        with pytest.raises(TenantScopeError):
            model.objects.count()


def test_equal_files_of_two_tenants_are_stored_apart() -> None:
    owner("ours")
    owner("theirs")

    paths = set(Artifact.unscoped.values_list("path", flat=True))

    assert len(paths) == 2
    assert {path.split("/")[1] for path in paths} == {"ours", "theirs"}
