"""Why a run over an uploaded file is refused as a whole: it has no window, so nobody is sent to run one again."""

import dataclasses
from decimal import Decimal
from typing import Any

import pytest

from ingestion import CountsAgree, ErrorBudget, Pipeline
from ingestion.models import Run
from ingestion.testing import Records, make_tenant, run_pipeline
from tests.app.pipelines import payments

pytestmark = pytest.mark.django_db


def charge(number: int, **values: object) -> dict[str, object]:
    return {"id": f"pay_{number}", "amount": "1.00", **values}


def over(records: list[dict[str, object]], *, declares: dict[str, Decimal] | None = None, **changes: Any) -> Pipeline:
    source = Records(records, files=True, declares=declares or {})
    return dataclasses.replace(payments, source=source, **changes)


def uploaded(pipeline: Pipeline) -> Run:
    return run_pipeline(pipeline, make_tenant(), file=("june", b"{}"))


def test_a_total_that_disagrees_leaves_what_was_loaded_and_says_what_to_do_with_the_file() -> None:
    pipeline = over([charge(1)], declares={"count": Decimal(2)}, reconciliations=(CountsAgree(),))

    file, window = uploaded(pipeline), run_pipeline(pipeline)

    assert (file.error_class, file.ok) == ("ReconciliationError", 1)
    assert "What was loaded stays. Ask for the file again" in file.error_message
    assert "window" not in file.error_message
    assert "watermark" not in file.error_message
    assert window.error_message.endswith("What was loaded stays. The watermark has not moved; run the window again.")


def test_a_broken_error_budget_speaks_of_the_file() -> None:
    bad = [charge(1), charge(2, amount="much")]

    run = uploaded(over(bad, error_budget=ErrorBudget(0.0, at_least=1)))

    assert run.error_class == "ErrorBudgetExceeded"
    assert "upload a corrected file" in run.error_message
    assert "watermark" not in run.error_message


def test_drift_speaks_of_no_watermark() -> None:
    uploaded(over([charge(number, note=1) for number in range(30)], drift="stop"))

    run = uploaded(over([charge(number, note="x") for number in range(30, 60)], drift="stop"))

    assert run.error_class == "SchemaDrift", run.state
    assert "what those before it loaded stays" in run.error_message
    assert "watermark" not in run.error_message
