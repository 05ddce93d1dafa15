"""All rows of a database are for the tenants that a pipeline names, however its source is put together."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from ingestion import ConfigurationError, Context, Json, Page, TenantRef, actions
from ingestion.testing import make_tenant, registered
from integrations.databases import Rows, everything
from tests.app.oracle import Entry
from tests.ingestion.runs import OPERATOR, carry, over

TABLE = Rows("default", everything, table=Entry._meta.db_table)


@dataclass
class Around:
    """A source that reads through another one, and of which nobody knows that it needs tenants."""

    inner: Rows

    def extract(self, ctx: Context, checkpoint: Json) -> Iterator[Page]:
        return self.inner.extract(ctx, checkpoint)


@pytest.mark.django_db
@pytest.mark.parametrize("served", [True, False])
def test_a_source_around_everybody_s_rows_is_for_pipelines_with_tenants(served: bool) -> None:
    acme = make_tenant("acme")
    with registered(over([], source=Around(TABLE), tenants=["acme"] if served else None)) as pipeline:
        run = actions.run_now(OPERATOR, actions.connect(OPERATOR, acme, pipeline.name), wake=False)
        carry(run)

    expected = ("succeeded", "") if served else ("failed", "ConfigurationError")
    assert (run.state, run.error_class) == expected


def test_nobody_gets_everything_by_default() -> None:
    with pytest.raises(ConfigurationError, match="Name those they belong to"):
        everything(Context(TenantRef(1, "acme"), "app.oracle", 1, None))  # type: ignore[arg-type]
