"""`ingest upload` and `ingest dry-run`."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingestion import SourceChanged, actions
from ingestion.models import Run, RunArtifact, Tenant
from ingestion.testing import Records, make_tenant, registered
from tests.app.models import Payment
from tests.app.pipelines import payments
from tests.ingestion.commands.shell import asked, ingest
from tests.ingestion.inbox import Inbox

pytestmark = pytest.mark.django_db
ACME = ("--tenant", "acme", "--pipeline", "app.payments")


@pytest.fixture(autouse=True)
def from_files() -> Iterator[None]:
    with registered(dataclasses.replace(payments, source=Inbox())):
        yield


@pytest.fixture
def acme() -> Tenant:
    tenant = make_tenant("acme")
    actions.connect(actions.Actor(), tenant, "app.payments")
    return tenant


def file(folder: Path, name: str, *ids: str) -> Path:
    path = folder / name
    path.write_text("\n".join(f'{{"id": "{one}", "amount": "1.00"}}' for one in ids))
    return path


@pytest.mark.slow
def test_upload_makes_a_run_of_each_file(acme: Tenant, tmp_path: Path) -> None:
    runs = asked("upload", file(tmp_path, "a", "pay_1"), file(tmp_path, "b", "pay_2", "pay_3"), *ACME)["runs"]

    assert [(run["kind"], run["state"], run["ok"]) for run in runs] == [
        ("upload", "succeeded", 1),
        ("upload", "succeeded", 2),
    ]


@pytest.mark.slow
def test_the_same_bytes_are_not_taken_twice_unless_again(acme: Tenant, tmp_path: Path) -> None:
    path = file(tmp_path, "a", "pay_1")
    (first,) = asked("upload", path, *ACME)["runs"]

    second, third = asked("upload", path, *ACME), asked("upload", path, *ACME, "--again")

    (known,) = second["duplicates"]
    when = Run.unscoped.get(pk=first["id"]).finished_at
    assert (known["file"], known["run"]) == ("a", first["id"])
    assert known["because"] == (f"This file was loaded on {when:%Y-%m-%d %H:%M} UTC by run {first['id']}; nothing new.")
    assert (second["runs"], len(third["runs"])) == ([], 1)


def test_a_refused_file_does_not_keep_the_others_out(acme: Tenant, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.touch()

    answer = ingest("upload", empty, file(tmp_path, "a", "pay_1"), *ACME, "--json")

    assert answer.code == 1
    assert answer.document["refused"] == [{"file": "empty", "error": "empty is empty."}]
    assert answer.document["runs"][0]["state"] == "succeeded"


def test_every_line_and_error_names_its_file(acme: Tenant, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.touch()
    bad = tmp_path / "bad.jsonl"
    bad.write_text('{"id": "pay_1", "amount": "much"}')

    answer = ingest("upload", empty, bad, file(tmp_path, "good.jsonl", "pay_2"), *ACME)
    first, _ = Run.objects.for_tenant(acme).order_by("pk")

    assert answer.code == 1
    assert [line.split()[-1] for line in answer.out.splitlines() if "succeeded" in line] == ["good.jsonl"]
    assert f"Run {first.pk} (bad.jsonl) is partial: " in answer.error
    assert answer.error.endswith("\n1 of 3 files was refused: empty.")


def test_a_file_that_is_not_there_is_a_usage_error_and_nothing_is_taken(acme: Tenant, tmp_path: Path) -> None:
    answer = ingest("upload", file(tmp_path, "a", "pay_1"), tmp_path / "b", *ACME)

    assert (answer.code, "No such file" in answer.error) == (2, True)
    assert not RunArtifact.objects.for_tenant(acme).exists()


def test_upload_keeps_config_and_can_queue(acme: Tenant, tmp_path: Path) -> None:
    (run,) = asked("upload", file(tmp_path, "a", "pay_1"), *ACME, "--config", "layout=ing", "--queue")["runs"]

    assert run["state"] == "queued"
    assert Run.objects.for_tenant(acme).get().params == {"config": {"layout": "ing"}}


def test_dry_run_counts_what_would_happen_and_writes_nothing(acme: Tenant, tmp_path: Path) -> None:
    path = file(tmp_path, "a", "pay_1", "pay_2")

    report = asked("dry-run", *ACME, path)["dry_run"]

    assert (report["outcome"], report["inserts"], report["read"]) == ("succeeded", 2, 2)
    assert not Payment.objects.for_tenant(acme).exists()
    assert not Run.objects.for_tenant(acme).exists()


def test_dry_run_needs_no_connection() -> None:
    make_tenant("globex")

    assert asked("dry-run", "--tenant", "globex", "--pipeline", "app.payments")["dry_run"]["read"] == 0


def test_dry_run_with_rejections_exits_with_3_and_names_the_fields(acme: Tenant, tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_text('{"id": "pay_1", "amount": "much"}')

    answer = ingest("dry-run", *ACME, path, "--json")

    assert answer.code == 3
    assert answer.document["rejections"][0]["errors"][0]["path"] == "amount"


def test_dry_run_that_would_fail_exits_with_1(acme: Tenant) -> None:
    with registered(dataclasses.replace(payments, source=Records([], error=SourceChanged("moved")))):
        answer = ingest("dry-run", *ACME)

    assert (answer.code, answer.error) == (1, "The run would fail. SourceChanged: moved")
