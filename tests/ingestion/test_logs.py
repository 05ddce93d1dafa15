"""Log lines carry their tenant."""

from __future__ import annotations

import logging

from ingestion.logs import ContextFormatter


def test_a_line_about_a_run_says_whose_it_is() -> None:
    record = logging.makeLogRecord({"msg": "batch", "tenant_id": 7, "pipeline": "bank.statements", "run_id": 3})

    line = ContextFormatter("%(message)s").format(record)

    assert line == "batch tenant_id=7 pipeline=bank.statements run_id=3"


def test_a_line_about_nothing_in_particular_stays_as_it_is() -> None:
    assert ContextFormatter("%(message)s").format(logging.makeLogRecord({"msg": "hello"})) == "hello"
