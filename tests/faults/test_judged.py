"""A run of `python -m tests.faults` that was interrupted goes on where it stopped."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from tests.faults.__main__ import told
from tests.faults.judged import Judged, NoJudgements, commit
from tests.faults.planting import Fault, Outcome, Verdict, judged_by

FAULT = Fault("gone.py", "a", "b", ("tests/test_gone.py",))
CAUGHT = Outcome(FAULT, Verdict.CAUGHT, "1 failed", "tests/test_gone.py::test_it")


def read(file: Path, commit: str = "c1", database: str = "sqlite") -> Judged:
    return Judged.read(file, commit, database)


def test_what_stands_judged_is_not_planted_again(tmp_path: Path) -> None:
    read(tmp_path / "judged").add(CAUGHT)

    outcome = told(FAULT, tmp_path, "sqlite", read(tmp_path / "judged"))

    assert outcome == CAUGHT


def test_a_judgement_is_written_as_soon_as_it_is_made(tmp_path: Path) -> None:
    equivalent = replace(FAULT, tests=(), equivalent="asked twice")

    outcome = told(equivalent, tmp_path, "sqlite", read(tmp_path / "judged"))

    assert read(tmp_path / "judged").outcome(equivalent) == outcome


@pytest.mark.parametrize(
    ("commit", "database", "fault"),
    [("c2", "sqlite", FAULT), ("c1", "postgres", FAULT), ("c1", "sqlite", replace(FAULT, new="c"))],
    ids=["commit", "database", "fault"],
)
def test_a_judgement_stands_for_its_own_alone(tmp_path: Path, commit: str, database: str, fault: Fault) -> None:
    read(tmp_path / "judged").add(CAUGHT)

    assert read(tmp_path / "judged", commit, database).outcome(fault) is None


def test_a_line_that_was_cut_by_a_kill_is_judged_again_and_no_other(tmp_path: Path) -> None:
    file = tmp_path / "judged"
    read(file).add(CAUGHT)
    whole = file.read_text()
    file.write_text(whole + '{"commit": "c1", "data')

    judged = read(file)
    judged.add(replace(CAUGHT, fault=replace(FAULT, new="c")))

    assert file.read_text().startswith(whole + '{"commit": "c1", "database"')
    assert len(read(file).verdicts) == 2


def test_a_file_of_something_else_is_refused_and_stays_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "notes").write_text("my notes\nand more")
    (tmp_path / "note").write_text("my note")

    with pytest.raises(NoJudgements, match="notes, line 1 is no judgement"):
        read(tmp_path / "notes")
    with pytest.raises(NoJudgements, match="note ends with what is no judgement"):
        read(tmp_path / "note")
    with pytest.raises(NoJudgements, match="No such file"):
        read(tmp_path / "no folder" / "judged")

    assert (tmp_path / "notes").read_text() == "my notes\nand more"
    assert (tmp_path / "note").read_text() == "my note"


def test_a_fault_whose_tests_were_ended_by_a_signal_stands_not_judged(tmp_path: Path) -> None:
    outcome = judged_by(FAULT, -9, "pytest said nothing")

    read(tmp_path / "judged").add(outcome)

    assert outcome.verdict == Verdict.CUT_SHORT
    assert read(tmp_path / "judged").outcome(FAULT) is None


@pytest.mark.slow  # git is a program that only the whole run sees to
def test_what_is_not_committed_is_not_judged_under_the_commit_s_name(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", "--template=", tmp_path], check=True)
    (tmp_path / "manage.py").touch()

    with pytest.raises(NoJudgements, match=r"manage\.py"):
        commit(tmp_path)
