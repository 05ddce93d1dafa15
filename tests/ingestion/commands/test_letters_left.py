"""`ingest replay` where letters are not taken: why each, and that a dry run ends as the replay does."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection

from ingestion.models import DeadLetter
from ingestion.testing import make_tenant
from tests.ingestion.commands.shell import asked, ingest
from tests.ingestion.commands.test_letters import bad, mended, statuses

pytestmark = pytest.mark.django_db
DRY_OR_NOT = pytest.mark.parametrize("dry", [(), ("--dry-run",)], ids=["real", "dry"])


@DRY_OR_NOT
def test_replay_without_letters_is_refused_and_dry_run_is_too(dry: tuple[str, ...]) -> None:
    make_tenant()

    answer = ingest("replay", "--tenant", "acme", *dry)

    assert (answer.code, "No open dead letter matches" in answer.error) == (1, True)


@DRY_OR_NOT
def test_replay_of_letters_that_are_not_free_says_what_became_of_each(dry: tuple[str, ...]) -> None:
    dead_letters = bad(make_tenant(), 1, 2, 3)
    ingest("settle", dead_letters[0].pk, "--reason", "by hand")
    ingest("abandon", dead_letters[1].pk, "--reason", "test data")
    (run,) = asked("replay", "--tenant", "acme", "--id", dead_letters[2].pk, "--queue")["runs"]
    ids = [word for dead_letter in dead_letters for word in ("--id", dead_letter.pk)]

    answer = ingest("replay", "--tenant", "acme", *ids, *dry)

    assert answer.code == 1
    assert f"Dead letter {dead_letters[0].pk} was settled; it is not open any more." in answer.error
    assert f"Dead letter {dead_letters[1].pk} was abandoned; it is not open any more." in answer.error
    assert f"Dead letter {dead_letters[2].pk} is under replay by another run, {run['id']}." in answer.error


@DRY_OR_NOT
def test_replay_tells_which_of_the_letters_named_it_leaves(dry: tuple[str, ...]) -> None:
    dead_letters = bad(make_tenant(), 1, 2)
    ingest("settle", dead_letters[0].pk, "--reason", "by hand")

    with mended():
        answer = asked("replay", "--tenant", "acme", "--id", dead_letters[0].pk, "--id", dead_letters[1].pk, *dry)

    assert [row["id"] for row in answer["left_out"]] == [dead_letters[0].pk]
    assert "was settled" in answer["left_out"][0]["because"]


@DRY_OR_NOT
def test_replay_of_a_letter_that_another_filter_leaves_out_says_so(dry: tuple[str, ...]) -> None:
    (dead_letter,) = bad(make_tenant(), 1)

    answer = ingest("replay", "--tenant", "acme", "--id", dead_letter.pk, "--since", "2999-01-01", *dry)

    assert answer.code == 1
    assert f"Dead letter {dead_letter.pk} is open, but the other filters or the limit leave it out." in answer.error


def letters_read(work: Callable[[], object]) -> int:
    """How many rows of the table of letters the statements of `work` give."""
    counted: list[int] = []

    def count(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if sql.startswith("SELECT") and DeadLetter._meta.db_table in sql:
            cursor = connection.create_cursor()  # the driver's own, which no wrapper sees
            cursor.execute(f"SELECT COUNT(*) FROM ({sql}) counted", params)
            counted.append(cursor.fetchone()[0])
            cursor.close()
        return execute(sql, params, many, context)

    with connection.execute_wrapper(count):
        work()
    return sum(counted)


def test_a_queued_replay_reads_each_letter_once_however_many_there_are() -> None:
    few, many = make_tenant("few"), make_tenant("many")
    bad(few, *range(1, 4))
    bad(many, *range(1, 31))

    read = [letters_read(lambda key=key: asked("replay", "--tenant", key, "--queue")) for key in ("few", "many")]

    assert read[1] - read[0] == 27


def test_settle_closes_all_or_none() -> None:
    tenant = make_tenant()
    first, second = bad(tenant, 1, 2)
    ingest("abandon", str(second.pk), "--reason", "test data")

    answer = ingest("settle", str(first.pk), str(second.pk), "--reason", "by hand")

    assert (answer.code, statuses(tenant)) == (1, ["new", "abandoned"])
