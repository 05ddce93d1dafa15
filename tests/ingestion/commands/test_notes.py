"""What a run asks somebody to look at is said by whatever command carried it, however quiet the log is."""

import dataclasses
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import pytest

from ingestion import Context, Json, Page, Record, RecordError, Refusal, actions
from ingestion.models import Connection, Run
from ingestion.testing import Records, make_tenant, registered
from tests.app.pipelines import payments
from tests.ingestion.commands.shell import Answer, asked, ingest

pytestmark = pytest.mark.django_db
ACME = ("--tenant", "acme", "--pipeline", "app.payments")
FINE = {"id": "a", "amount": "1.00", "currency": "EUR"}


@dataclass(frozen=True)
class Noting:
    """A source whose pages say `notes`."""

    pages: Records
    notes: tuple[str, ...] = ("Is it one? Say ids=once.",)

    refuses: bool = False

    def takes_files(self) -> bool:
        return True

    def reads_windows(self, ctx: Context) -> bool:
        return True

    def extract(self, ctx: Context, checkpoint: Json) -> Iterator[Page]:
        for page in self.pages.extract(ctx, checkpoint):
            told = dataclasses.replace(page, notes=self.notes, titles=["Read a page."])
            refused = [Refusal(record, RecordError("Look at it.")) for record in page.records]
            yield dataclasses.replace(told, records=[], refused=refused) if self.refuses else told

    def reopen(self, ctx: Context, record: Record) -> Page:
        return Page([record], None, notes=self.notes)


@pytest.fixture
def connection() -> Connection:
    return actions.connect(actions.Actor(), make_tenant("acme"), "app.payments")


@pytest.fixture(autouse=True)
def quiet_log() -> Iterator[None]:
    logger = logging.getLogger("ingestion")
    before = logger.level
    logger.setLevel(logging.CRITICAL)
    yield
    logger.setLevel(before)


def noted(*words: object, source: Noting | None = None) -> Answer:
    with registered(dataclasses.replace(payments, source=source or Noting(Records([FINE])))):
        return ingest(*words)


def test_notes_of_an_uploaded_file_are_printed_and_what_only_tells_is_not(
    connection: Connection, tmp_path: Path
) -> None:
    (tmp_path / "a").write_text("x")

    answer = noted("upload", tmp_path / "a", *ACME)

    run = Run.objects.for_tenant(connection.tenant).get()
    assert f"Run {run.pk} (a), note: Is it one? Say ids=once." in answer.out
    assert "Read a page." not in answer.out
    assert list(run.events.filter(name="read").values_list("text", flat=True)) == ["Read a page."]


@pytest.mark.slow
def test_notes_of_a_run_that_is_carried_here_are_printed_and_retry_says_its_own(connection: Connection) -> None:
    first = noted("run", *ACME)
    run = Run.objects.for_tenant(connection.tenant).get()
    Run.objects.for_tenant(connection.tenant).update(state=Run.State.FAILED)

    again = noted("retry", run.pk)

    assert "note: Is it one?" in first.out
    assert f"Run {run.pk + 1}, note: Is it one?" in again.out


def test_notes_of_a_replay_are_printed(connection: Connection) -> None:
    noted("run", *ACME, source=Noting(Records([FINE]), notes=(), refuses=True))

    answer = noted("replay", *ACME)

    assert "note: Is it one?" in answer.out


def test_notes_of_shards_are_those_of_their_backfill(connection: Connection) -> None:
    days = ("--from", "2026-01-01", "--to", "2026-01-03", "--shard", "1d", "--reason", "sent late")

    answer = noted("backfill", *ACME, *days)

    assert answer.out.count("note: Is it one?") == 1


def test_notes_in_json_are_all_there_and_in_text_the_first_twenty(connection: Connection) -> None:
    many = Noting(Records([FINE]), tuple(f"Look at {number}." for number in range(25)))

    text, document = noted("run", *ACME, source=many).out, noted("run", *ACME, "--json", source=many).document

    assert text.count(", note: Look at ") == 20
    assert "5 more notes. See: manage.py ingest show run" in text
    assert document["runs"][0]["notes"] == list(many.notes)


def test_a_run_without_notes_has_none(connection: Connection) -> None:
    (run,) = asked("run", *ACME)["runs"]

    assert run["notes"] == []


def test_a_sum_that_dead_letters_leave_open_is_said_by_the_command(connection: Connection) -> None:
    source = Records([FINE, {"id": "b", "amount": "x"}], declares={"amount": Decimal(99)})
    with registered(dataclasses.replace(payments, source=source)):
        answer = ingest("run", *ACME)

    assert answer.code == 3
    assert "note: amount: unverifiable, because some records are not stored (declared 99)" in answer.out
    with registered(dataclasses.replace(payments, source=Records([FINE], declares={"amount": Decimal("1.00")}))):
        assert "note:" not in ingest("run", *ACME).out
