"""A ZIP with a file that cannot be read: the others load, and that one waits as a dead letter with its bytes."""

from __future__ import annotations

import json
from zipfile import ZIP_STORED

import pytest

from ingestion.actions import Actor, Selection, replay
from ingestion.models import Connection, DeadLetter, Run
from ingestion.running import execute
from tests.integrations.bank.test_formats_detect import zipped
from tests.integrations.bank.test_pipeline import connection, ledger, load, mt940

pytestmark = pytest.mark.django_db(transaction=True)
JANUARY = mt940("100,00", [("260105", "-10,00")], "90,00", number="1")
FEBRUARY = mt940("90,00", [("260205", "-20,00")], "70,00", number="2")
PLAIN = b"Date,Description,Amount\n2026-01-05,a,-1.00\n"


@pytest.mark.slow
@pytest.mark.parametrize("content", [b"hello", b"", b"<nothing/>", zipped(("1.sta", FEBRUARY))])
def test_files_behind_one_that_cannot_be_read_load(content: bytes) -> None:
    where = connection()

    run = load(where, "all.zip", zipped(("a.sta", JANUARY), ("m.txt", content), ("z.sta", FEBRUARY)))

    assert (run.state, run.ok, run.dead) == (Run.State.PARTIAL, 2, 1)
    dead_letter = DeadLetter.objects.for_tenant(where.tenant).get()
    assert dead_letter.position == "all.zip, 'm.txt'"
    assert "In the ZIP archive, 'm.txt'" in json.dumps(dead_letter.errors)
    assert run.proofs == {
        "all.zip, 'a.sta'": {"balances proved": 1},
        "all.zip, 'm.txt'": {"not read: see its dead letter": 1},
        "all.zip, 'z.sta'": {"balances proved": 1},
    }


def test_archive_of_which_nothing_can_be_read_fails_the_run() -> None:
    run = load(connection(), "all.zip", zipped(("a.txt", b"hello"), ("b.txt", b"hello")))

    assert run.state == Run.State.FAILED
    assert "'a.txt'" in run.error_message


@pytest.mark.slow
def test_replay_reads_the_kept_bytes_by_what_is_told_since() -> None:
    where = connection()
    load(where, "all.zip", zipped(("1.csv", PLAIN), ("2.sta", JANUARY)))
    Connection.objects.for_tenant(where.tenant).update(config={"account": "42", "currency": "EUR"})

    (run,) = replay(Actor(), Selection(where.tenant))
    execute(run.pk)

    assert len(ledger(where)) == 2
    assert DeadLetter.objects.for_tenant(where.tenant).get().status == "replayed"


@pytest.mark.parametrize("content", [b"hello", b""])
@pytest.mark.slow
def test_replay_of_a_file_that_still_cannot_be_read_leaves_its_letter_open(content: bytes) -> None:
    where = connection()
    load(where, "all.zip", zipped(("a.sta", JANUARY), ("m.txt", content)))

    (run,) = replay(Actor(), Selection(where.tenant))
    execute(run.pk)

    assert DeadLetter.objects.for_tenant(where.tenant).get().status in DeadLetter.OPEN


def test_letter_of_an_entry_names_the_file_of_the_archive() -> None:
    where = connection()
    bad = b"Date,Description,Amount\n2026-01-05,a,-1.00\n2026-01-06,a,$1\n"

    load(where, "all.zip", zipped(("1.csv", bad), ("2.sta", JANUARY)), account="42", currency="EUR")

    assert DeadLetter.objects.for_tenant(where.tenant).get().position == "all.zip, '1.csv', entry 2"


def test_damaged_file_of_an_archive_does_not_keep_the_others_out() -> None:
    where = connection()
    data = bytearray(zipped(("a.sta", JANUARY), ("b.sta", FEBRUARY), method=ZIP_STORED))
    data[data.index(b"90,00")] ^= 1

    run = load(where, "all.zip", bytes(data))

    assert (run.state, run.ok, run.dead) == (Run.State.PARTIAL, 1, 1)


def test_row_with_a_column_too_many_says_so_in_its_letter() -> None:
    where = connection()
    row = b"Date,Description,Amount\n2026-01-05,a,-1.00\n2026-01-06,a,-1,50\n"

    load(where, "june.csv", row, account="42", currency="EUR")

    (error,) = DeadLetter.objects.for_tenant(where.tenant).get().errors
    assert error["message"] == "the row has 4 columns instead of 3 at line 3"
