"""null in a config means absent, whoever gave it: a layout is never called None."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from ingestion import Context, Page, actions, running
from ingestion.core.context import TenantRef, overlaid
from ingestion.core.windows import EPOCH
from ingestion.testing import registered, run_pipeline
from tests.ingestion.runs import OPERATOR, new_tenant, over


@dataclass(frozen=True)
class Asked:
    """A source that keeps the configs it was run with."""

    seen: list[dict[str, Any]] = field(default_factory=list)

    def takes_files(self) -> bool:
        return True

    def check_config(self, config: dict[str, Any]) -> None:
        assert None not in config.values()

    def extract(self, ctx: Context, checkpoint: Any) -> Iterator[Page]:
        self.seen.append(dict(ctx.config))
        yield Page([], 1)


def test_null_takes_a_key_away() -> None:
    assert overlaid({"layout": "ing", "account": "1"}, {"layout": None}) == {"account": "1"}
    assert overlaid({"layout": None}, {}) == {}
    assert overlaid({"rest": {"body": None}}) == {"rest": {"body": None}}  # a value of the source's own


def test_a_context_holds_no_null_however_it_is_made() -> None:
    assert Context(TenantRef(1, "acme"), "app.x", 0, EPOCH, config={"layout": None, "a": 0}).config == {"a": 0}


@pytest.mark.django_db(transaction=True)
@pytest.mark.slow
def test_a_run_and_an_upload_see_no_null_and_can_undo_a_key_of_the_connection() -> None:
    source, tenant = Asked(), new_tenant()
    pipeline = over([], source=source)
    with registered(pipeline):
        connection = actions.connect(OPERATOR, tenant, pipeline.name)
        actions.configure(OPERATOR, connection, {"layout": "ing", "account": None})
        connection.refresh_from_db()
        run = actions.run_now(OPERATOR, connection, config={"layout": None}, wake=False)
        running.execute(run.pk)
        again = actions.run_now(OPERATOR, connection, wake=False)
        running.execute(again.pk)
    run_pipeline(pipeline, new_tenant(), file=("a.csv", b"x"), config={"layout": None})

    assert source.seen == [{}, {"layout": "ing"}, {}]


@pytest.mark.django_db(transaction=True)
def test_an_upload_to_the_bank_with_a_layout_of_null_finds_its_layout_itself() -> None:
    from integrations.bank.pipelines import statements

    run = run_pipeline(statements, new_tenant(), file=("a.csv", b"what,is,this\n1,2,3\n"), config={"layout": None})

    assert "None" not in run.error_message
