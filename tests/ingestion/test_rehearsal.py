"""A dry run goes the whole way and leaves nothing behind."""

import dataclasses
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import storages
from django.db import connection
from django.db.backends.utils import CursorWrapper
from pytest_django import Settings

from ingestion import (
    Context,
    ErrorBudget,
    Json,
    Page,
    Pipeline,
    Record,
    SourceChanged,
    Transient,
    refuse_unknown_keys,
)
from ingestion.models import Connection, Run
from ingestion.running.dry_run import Report, dry_run
from ingestion.testing import Records, make_tenant, run_pipeline
from tests.app.models import Payment
from tests.app.pipelines import payments

pytestmark = [pytest.mark.django_db, pytest.mark.every_database]


def charge(number: int, **values: object) -> dict[str, object]:
    return {"id": f"pay_{number}", "amount": "1.00", **values}


def over(*records: dict[str, object], page_size: int = 100, **totals: Decimal) -> Pipeline:
    return dataclasses.replace(payments, source=Records(records, page_size, declares=totals))


def row_counts() -> dict[str, int]:
    with connection.cursor() as cursor:
        return {name: rows_of(cursor, name) for name in connection.introspection.table_names(cursor)}


def rows_of(cursor: CursorWrapper, table: str) -> int:
    cursor.execute(f"SELECT COUNT(*) FROM {connection.ops.quote_name(table)}")
    return int(cursor.fetchone()[0])


def stored_files() -> set[str]:
    folder = Path(storages["default"].path(""))
    return {str(path) for path in folder.rglob("*")} if folder.exists() else set()


def counts(report: Report) -> tuple[int, int, int, int, int]:
    return report.read, report.inserts, report.updates, sum(report.skipped.values()), report.rejected


def test_a_dry_run_changes_no_table_and_no_file() -> None:
    tenant = make_tenant()
    run_pipeline(payments, tenant, records=[charge(1), charge(2)])
    rows, files = row_counts(), stored_files()

    report = dry_run(tenant, over(charge(1), charge(2, amount="9"), charge(3), charge(4, amount="much")))

    assert counts(report) == (4, 1, 1, 1, 1)
    assert (row_counts(), stored_files()) == (rows, files)
    assert Payment.objects.for_tenant(tenant).get(external_id="pay_2").amount == Decimal("1.00")


@pytest.mark.django_db(transaction=True)
def test_a_dry_run_outside_any_transaction_leaves_nothing_either() -> None:
    tenant = make_tenant()
    before = row_counts()

    report = dry_run(tenant, over(charge(1), charge(2), page_size=1))

    assert (report.inserts, row_counts()) == (2, before)


def test_a_tenant_without_a_connection_can_be_rehearsed() -> None:
    report = dry_run(make_tenant(), over(charge(1)))

    assert (report.outcome, report.inserts) == (Run.State.SUCCEEDED, 1)
    assert not Connection.unscoped.exists()


def test_a_pipeline_can_be_named() -> None:
    assert dry_run(make_tenant(), "app.payments").inserts == 2


def test_rejections_carry_their_field_paths() -> None:
    report = dry_run(make_tenant(), over(charge(1, amount="much")))

    (rejection,) = report.rejections
    assert (rejection.record.key, rejection.stage, rejection.errors[0].path) == ("pay_1", "validate", "amount")
    assert report.outcome == Run.State.FAILED


def test_rows_the_database_refuses_are_rejected_in_the_dry_run_too() -> None:
    report = dry_run(make_tenant(), over(charge(1, currency="EURO"), charge(2)))

    assert counts(report) == (2, 1, 0, 0, 1)


def test_a_record_that_repeats_on_a_later_page_is_counted_as_the_run_would() -> None:
    report = dry_run(make_tenant(), over(charge(1), charge(1), charge(1, amount="2"), page_size=1))

    assert (report.inserts, report.updates, report.skipped["unchanged"]) == (1, 1, 1)


def test_control_totals_are_judged() -> None:
    good = dry_run(make_tenant(), over(charge(1), charge(2), amount=Decimal("2.00"), page_size=1))
    bad = dry_run(make_tenant(), over(charge(1), charge(2), amount=Decimal("3.00")))

    assert good.verdicts == ["amount: matched, 2.00"]
    assert bad.outcome == Run.State.FAILED
    assert "declares 3.00" in bad.failure


def test_sums_over_records_that_repeat_are_left_unjudged() -> None:
    report = dry_run(make_tenant(), over(charge(1), charge(1), amount=Decimal("2.00"), page_size=1))

    assert report.verdicts == ["amount: not checked, because records repeat on later pages"]


@pytest.mark.parametrize("error", [SourceChanged("no list"), Transient("503"), ConnectionResetError("gone")])
def test_a_failure_of_the_source_is_reported_with_what_was_read_before(error: Exception) -> None:
    report = dry_run(make_tenant(), dataclasses.replace(payments, source=Records([charge(1)], error=error)))

    assert (report.inserts, report.failure) == (1, f"{type(error).__name__}: {error}")


def test_too_many_rejections_fail_the_dry_run_as_they_would_the_run() -> None:
    strict = dataclasses.replace(over(charge(1, amount="x"), charge(2)), error_budget=ErrorBudget(0.1, at_least=1))

    assert dry_run(make_tenant(), strict).failure.startswith("ErrorBudgetExceeded")


def test_a_page_limit_ends_the_dry_run_early_and_says_so() -> None:
    report = dry_run(make_tenant(), over(charge(1), charge(2), amount=Decimal(9), page_size=1), limit_pages=1)

    assert (report.read, report.complete) == (1, False)
    assert report.verdicts == ["amount: not checked, because only 1 page was read"]


def test_files_are_read_from_memory_as_an_upload_would_be() -> None:
    seen: list[tuple[str, int, object]] = []

    @dataclasses.dataclass(frozen=True)
    class Looks:
        def takes_files(self) -> bool:
            return True

        def extract(self, ctx: Context, checkpoint: Json) -> Iterator[Page]:
            seen.extend((file.name, file.size, ctx.window) for file in ctx.inbox)
            body = ctx.read(ctx.inbox[0])
            yield Page([Record("pay_1", body)], None)

    body = b'{"id": "pay_1", "amount": "1"}'

    report = dry_run(make_tenant(), dataclasses.replace(payments, source=Looks()), files=[("a.json", body)])

    assert seen == [("a.json", len(body), None)]
    assert report.inserts == 1


def test_an_empty_or_oversized_file_is_refused_as_at_the_upload(settings: Settings) -> None:
    settings.INGESTION = {"MAX_UPLOAD_BYTES": 3}

    assert dry_run(make_tenant(), payments, files=[("a", b"")]).failure == "UnreadableFile: a is empty."
    assert dry_run(make_tenant(), payments, files=[("a", b"four")]).failure.startswith("FileTooLarge")


def test_config_is_laid_over_the_connections_own() -> None:
    seen: list[object] = []

    @dataclasses.dataclass(frozen=True)
    class Looks:
        def extract(self, ctx: Context, checkpoint: Json) -> Iterator[Page]:
            seen.append(dict(ctx.config))
            return iter(())

    tenant = make_tenant()
    Connection.unscoped.create(tenant=tenant, pipeline="app.payments", config={"a": 1, "b": 1})

    dry_run(tenant, dataclasses.replace(payments, source=Looks()), config={"b": 2})

    assert seen == [{"a": 1, "b": 2}]


@dataclasses.dataclass(frozen=True)
class Strict:
    """Reads files, and one key of a config."""

    def takes_files(self) -> bool:
        return True

    def check_config(self, config: Mapping[str, Any]) -> None:
        refuse_unknown_keys(config, ["shop"])

    def extract(self, ctx: Context, checkpoint: Json) -> Iterator[Page]:
        return iter(())


def test_a_stored_config_that_would_be_refused_today_hinders_a_dry_run_as_little_as_a_run() -> None:
    tenant = make_tenant()
    Connection.unscoped.create(tenant=tenant, pipeline="app.payments", config={"old": "x"})
    strict = dataclasses.replace(payments, source=Strict())

    stored, written, uploaded = (
        dry_run(tenant, strict, **words) for words in ({}, {"config": {"new": "x"}}, {"files": [("a", b"{}")]})
    )

    assert (stored.failure, run_pipeline(strict, tenant).state) == ("", "succeeded")
    assert "would be refused today; a run goes on. `old` is no key" in stored.notes[0]
    assert written.failure.startswith("ConfigurationError: `old` is no key")
    assert uploaded.failure.startswith("ConfigurationError: `old` is no key")
