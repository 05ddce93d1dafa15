"""Log lines carry their tenant."""

from __future__ import annotations

import logging
import sys

import pytest
from django.test import Client

from ingestion.logs import ContextFormatter, RefusalsFilter
from ingestion.testing import make_tenant
from tests.ingestion.admin.staff import staff


def test_a_line_about_a_run_says_whose_it_is() -> None:
    record = logging.makeLogRecord({"msg": "batch", "tenant_id": 7, "pipeline": "bank.statements", "run_id": 3})

    line = ContextFormatter("%(message)s").format(record)

    assert line == "batch tenant_id=7 pipeline=bank.statements run_id=3"


def test_a_line_about_nothing_in_particular_stays_as_it_is() -> None:
    assert ContextFormatter("%(message)s").format(logging.makeLogRecord({"msg": "hello"})) == "hello"


@pytest.mark.django_db
def test_what_django_logs_of_a_refusal_is_a_line_and_of_an_error_a_traceback(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    client.force_login(staff("olga", make_tenant("acme")))
    client.get("/admin/auth/user/")  # 403
    client.get("/alive", headers={"host": "elsewhere.example.com"})  # 400, for ALLOWED_HOSTS
    formatter, refusals = ContextFormatter("%(levelname)s %(message)s"), RefusalsFilter()

    of_django = [record for record in caplog.records if record.name.startswith("django")]
    lines = [formatter.format(record) for record in of_django if refusals.filter(record)]

    assert [line.splitlines()[1:] for line in lines] == [[], []]
    assert lines[0].startswith("WARNING Forbidden (Permission denied): /admin/auth/user/")
    assert "elsewhere.example.com" in lines[1]


def test_an_error_keeps_its_traceback() -> None:
    try:
        raise ValueError("ours")
    except ValueError:
        record = logging.getLogger("x").makeRecord(
            "x", logging.ERROR, "x.py", 1, "broken", (), sys.exc_info(), extra={"status_code": 500}
        )

    assert RefusalsFilter().filter(record)
    assert "ValueError: ours" in ContextFormatter().format(record)
