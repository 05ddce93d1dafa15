"""`manage.py ingest … | head`: the reader of the output is gone before it was written."""

import os
import sys

import pytest
from django.core.management import execute_from_command_line

from ingestion import actions
from ingestion.models import Run
from ingestion.testing import make_tenant
from tests.ingestion.chaos.processes import in_child


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("committed")
@pytest.mark.parametrize(("key", "form"), [("text", ()), ("json", ("--json",))])
def test_a_run_whose_reader_is_gone_goes_on_and_ends_without_a_traceback(
    key: str, form: tuple[str, ...], capfd: pytest.CaptureFixture[str]
) -> None:
    tenant = make_tenant(key)
    actions.connect(actions.Actor(), tenant, "app.payments")

    def command() -> None:
        reader, writer = os.pipe()
        os.close(reader)
        os.dup2(writer, 1)
        sys.stdout = os.fdopen(1, "w")
        execute_from_command_line(["manage.py", "ingest", "run", "--tenant", key, "--pipeline", "app.payments", *form])
        sys.stdout.flush()  # as the end of a process does

    assert in_child(command) == 0
    assert Run.objects.for_tenant(tenant).get().state == Run.State.SUCCEEDED
    assert "BrokenPipeError" not in capfd.readouterr().err
