"""dlt with the `merge` disposition, tuned: see README. Rows come validated by the same Pydantic model as everywhere."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import dlt
from django.conf import settings

from benchmarks.contestants import addresses, ground
from benchmarks.data import Corpus

DATASET = "dlt_benchmark"
# Flat rows with declared columns: nothing to infer, no child tables; VARCHARs, so that the key can be indexed at all.
COLUMNS: dict[str, dict[str, Any]] = {
    "external_id": {"data_type": "text", "precision": 191, "nullable": False},
    "number": {"data_type": "text", "precision": 40},
    "customer": {"data_type": "text", "precision": 40},
    "email": {"data_type": "text", "precision": 200},
    "country": {"data_type": "text", "precision": 2},
    "status": {"data_type": "text", "precision": 20},
    "currency": {"data_type": "text", "precision": 3},
    "amount_due": {"data_type": "decimal", "precision": 14, "scale": 2},
    "amount_paid": {"data_type": "decimal", "precision": 14, "scale": 2},
    "tax": {"data_type": "decimal", "precision": 14, "scale": 2},
    "billed_at": {"data_type": "timestamp"},
    "due_at": {"data_type": "timestamp"},
}
TUNING = {
    "RUNTIME__DLTHUB_TELEMETRY": "false",
    "RUNTIME__LOG_LEVEL": "CRITICAL",
    "NORMALIZE__DATA_WRITER__DISABLE_COMPRESSION": "true",
    "DATA_WRITER__BUFFER_MAX_ITEMS": "10000",
}


def prepare(corpus: Corpus) -> ground.Work:
    os.environ.update(TUNING)
    pages = ground.validated(corpus)

    @dlt.resource(
        name="invoices",
        primary_key="external_id",  # with create_primary_keys: a real index on the table and on its staging twin
        columns=COLUMNS,
        write_disposition={"disposition": "merge", "strategy": "delete-insert", "deduplicated": True},
    )
    def invoices() -> Iterator[list[dict[str, Any]]]:
        yield from pages()

    server = addresses.sqlalchemy_url(DATASET)
    pipeline = dlt.pipeline(
        "benchmark",
        destination=dlt.destinations.sqlalchemy(credentials=server, create_primary_keys=True),
        dataset_name=DATASET,
        pipelines_dir=str(settings.VAR / "dlt"),
    )

    def work() -> int:
        pipeline.run(invoices()).raise_on_failed_jobs()
        with pipeline.sql_client() as client:
            return int(client.execute_sql(f"SELECT COUNT(*) FROM {client.make_qualified_table_name('invoices')}")[0][0])

    return work
