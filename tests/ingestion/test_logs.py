"""Log lines carry their tenant."""

from __future__ import annotations

import logging
import sys

import pytest
from django.test import Client

from ingestion import redaction
from ingestion.logs import ContextFormatter, RefusalsFilter
from ingestion.testing import make_tenant
from tests.ingestion.admin.staff import staff


def test_a_line_about_a_run_says_whose_it_is() -> None:
    fields = {"tenant_id": 7, "pipeline": "bank.statements", "connection_id": 5, "run_id": 3}
    record = logging.makeLogRecord({"msg": "batch", **fields})

    line = ContextFormatter("%(message)s").format(record)

    assert line == "batch tenant_id=7 pipeline=bank.statements connection_id=5 run_id=3"


def test_a_line_about_nothing_in_particular_stays_as_it_is() -> None:
    assert ContextFormatter("%(message)s").format(logging.makeLogRecord({"msg": "hello"})) == "hello"


FORGED = "a.csv\r\n2026-01-31 INFO signed in: root\x1b[31m\u202e\u2028\x85\udcff"


def test_nothing_that_others_named_begins_a_line_or_steers_a_terminal() -> None:
    record = logging.makeLogRecord({"msg": "read %s", "args": (FORGED,), "pipeline": FORGED})
    try:
        raise ValueError(FORGED)
    except ValueError:
        record.exc_info = sys.exc_info()

    first, *others = ContextFormatter("%(message)s").format(record).split("\n")

    shown = r"a.csv\r\n2026-01-31 INFO signed in: root\x1b[31m\u202e\u2028\x85\udcff"
    assert first == f"read {shown}"
    assert {line[:2] for line in others} == {"  "}
    assert others[-1] == rf"  2026-01-31 INFO signed in: root\x1b[31m\u202e\u2028\x85\udcff pipeline={shown}"
    assert ContextFormatter("%(message)s").format(logging.makeLogRecord({"msg": "a\tb é\xa0"})) == "a\tb é\xa0"


def test_a_secret_of_several_lines_is_masked_before_its_line_ends_are_written_out() -> None:
    secret = "-----BEGIN KEY-----\nQUJDREVGR0hJ\n-----END KEY-----"
    record = logging.makeLogRecord({"msg": f"with {secret}"})
    redaction.remember([secret])

    line = ContextFormatter("%(message)s").format(record)

    assert "QUJDREVGR0hJ" not in line


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
