import json
import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from config.bootstrap.machine import MARIADB
from config.paths import PROJECT
from config.testrun import (
    NO_TESTS,
    PARTS,
    QUICK,
    Job,
    Result,
    environment,
    how_to_get,
    lacking_corpora,
    on_sqlite,
    read_counts,
    run_all,
    say_where_it_stopped,
    with_marks,
)
from tests import kept_tables
from tests.conftest import part_of


def test_marks_of_the_caller_and_of_the_database_both_hold() -> None:
    assert with_marks(["-k", "foo", "-m", "browser"], "mariadb") == ["-m", "(browser) and (mariadb)", "-k", "foo"]
    assert with_marks(["tests/x.py"], "mariadb") == ["-m", "(not soak) and (mariadb)", "tests/x.py"]


def test_counts_of_all_runs_are_added_up() -> None:
    result = Result()
    result.counts.update({"passed": 5, "failed": 1})
    result.counts.update({"passed": 2, "skipped": 3})

    assert result.closing_line() == "7 passed, 1 failed, 3 skipped"


def test_worst_run_decides_the_exit_code() -> None:
    assert Result(codes=[0, 1, NO_TESTS]).exit_code(ci=False) == 1
    assert Result(codes=[0, NO_TESTS]).exit_code(ci=False) == 0


def test_selecting_no_test_at_all_is_a_failure() -> None:
    assert Result(codes=[NO_TESTS, NO_TESTS]).exit_code(ci=False) == NO_TESTS


def test_what_could_not_run_fails_in_ci_only() -> None:
    result = Result(codes=[0], not_run=["tests on MariaDB"])

    assert result.exit_code(ci=False) == 0
    assert result.exit_code(ci=True) == 1


def test_absent_bank_files_are_said_and_fail_nothing(tmp_path: Path) -> None:
    (line,) = lacking_corpora(tmp_path / "absent")

    assert line.startswith("tests against real bank files")
    assert str(tmp_path / "absent") in line
    assert lacking_corpora(tmp_path) == []
    assert Result(codes=[0], without_data=[line]).exit_code(ci=True) == 0


@pytest.mark.slow
def test_runs_beside_the_first_are_shown_after_it(capfd: pytest.CaptureFixture[str]) -> None:
    jobs = [
        Job("sqlite", ["--version"], "engine"),
        Job("mariadb", ["--version"]),
        Job("postgres", ["--no-such-option"]),
    ]

    runs = list(run_all(jobs))

    assert [run.code for run in runs] == [0, 0, 4]
    assert runs[2].counts == {"failed": 1}
    said = capfd.readouterr().out
    assert [line for line in said.splitlines() if line.startswith("==")] == [
        "== pytest on sqlite: engine", "== pytest on mariadb", "== pytest on postgres",
    ]  # fmt: skip
    assert "--no-such-option" in said.partition("== pytest on postgres")[2]


@pytest.mark.slow
def test_a_run_that_nobody_waits_for_any_longer_is_ended_and_said(capfd: pytest.CaptureFixture[str]) -> None:
    runs = run_all([Job("sqlite", ["--version"]), Job("sqlite", ["--collect-only", "-q"], "all")])
    next(runs)

    runs.close()  # type: ignore[attr-defined]  # a generator

    assert "STOPPED: pytest on sqlite: all" in capfd.readouterr().out


WAITING = """
import os, pathlib, time
def test_waits():
    here = pathlib.Path(__file__).parent
    (here / "process").write_text(str(os.getpid()))
    (here / "began").touch()
    try:
        time.sleep(60)
    except KeyboardInterrupt:
        (here / "stopping").touch()
        time.sleep(0.5)
        (here / "stopped its servers").touch()
        raise
"""


def waiting(folder: Path) -> list[str]:
    """Arguments of a run that waits, and takes a moment to clean up when it is told to end."""
    (folder / "test_waits.py").write_text(WAITING)
    return ["-p", "no:django", "-p", "no:cacheprovider", str(folder / "test_waits.py")]


def until_it_began(folder: Path) -> None:
    until_there(folder / "began")


def until_there(file: Path) -> None:
    for _ in range(12_000):
        if file.exists():
            return
        time.sleep(0.01)
    raise AssertionError(f"the run never wrote {file.name}")


@contextmanager
def hearing_interrupts() -> Iterator[None]:
    """A process that starts meanwhile hears SIGINT, also when this one was started not to (nohup, `&` in a script)."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.slow
def test_a_run_that_is_ended_stops_its_servers_before_we_end(tmp_path: Path) -> None:
    runs = run_all([Job("sqlite", ["--version"]), Job("sqlite", waiting(tmp_path), "all")])
    next(runs)
    until_it_began(tmp_path)

    runs.close()  # type: ignore[attr-defined]  # a generator

    assert (tmp_path / "stopped its servers").exists()


@pytest.mark.slow
@pytest.mark.parametrize(("asked", "code"), [(signal.SIGTERM, 128 + signal.SIGTERM), (signal.SIGINT, 130)])
def test_a_test_run_that_is_asked_to_end_ends_what_it_began(tmp_path: Path, asked: int, code: int) -> None:
    in_background = ["sh", "-c", 'trap "" INT; exec "$@"', "sh"]
    command = [*in_background, sys.executable, "manage.py", "test", "--quick", *waiting(tmp_path)]
    environment = {**os.environ, "SLUICEGATE_BOOTSTRAP": "0"}
    with hearing_interrupts():
        process = subprocess.Popen(command, cwd=PROJECT, env=environment, stdin=subprocess.DEVNULL)
    until_it_began(tmp_path)

    process.send_signal(asked)

    assert process.wait(timeout=120) == code
    assert (tmp_path / "stopped its servers").exists()


@pytest.mark.slow
def test_ctrl_c_at_a_terminal_reaches_every_run_once(tmp_path: Path) -> None:
    """The terminal tells all of them; told once more, a run would not finish its cleaning up."""
    environment = {**os.environ, "SLUICEGATE_BOOTSTRAP": "0"}
    arguments = [sys.executable, str(PROJECT / "manage.py"), "test", "--quick", *waiting(tmp_path)]
    with hearing_interrupts():
        pid, terminal = pty.fork()
        if pid == 0:
            os.execve(sys.executable, arguments, environment)
    until_it_began(tmp_path)

    os.write(terminal, b"\x03")
    with suppress(OSError):  # how Linux tells that nobody writes to the terminal any longer
        while os.read(terminal, 4096):
            pass

    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 130
    assert (tmp_path / "stopped its servers").exists()


@pytest.mark.slow
def test_a_run_that_the_terminal_told_to_end_is_not_told_again(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    with open(ours), open(theirs) as terminal:
        runs = run_all([Job("sqlite", ["--version"]), Job("sqlite", waiting(tmp_path), "all")], terminal)
        next(runs)
        until_it_began(tmp_path)
        os.kill(int((tmp_path / "process").read_text()), signal.SIGINT)
        until_there(tmp_path / "stopping")

        with pytest.raises(KeyboardInterrupt):
            runs.throw(KeyboardInterrupt)  # type: ignore[attr-defined]  # a generator

    assert (tmp_path / "stopped its servers").exists()


def test_where_a_run_stopped_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = tmp_path / "output"
    output.write_text("== pytest on mariadb\nstarted\ntests/x/test_y.py ...")

    say_where_it_stopped(output)
    say_where_it_stopped(tmp_path / "of a run that has not begun")

    assert capsys.readouterr().out == "STOPPED: pytest on mariadb, at: tests/x/test_y.py ...\n"


def test_run_that_broke_before_it_could_count_is_one_failure(tmp_path: Path) -> None:
    assert read_counts(tmp_path / "missing", 4) == {"failed": 1}

    (tmp_path / "counts").write_text(json.dumps({"passed": 3, "failed": 0}))
    assert read_counts(tmp_path / "counts", 1) == {"passed": 3, "failed": 1}
    assert read_counts(tmp_path / "counts", 0) == {"passed": 3, "failed": 0}


def test_what_could_not_run_is_said_with_the_way_to_get_it() -> None:
    said = how_to_get("tests on MariaDB", [MARIADB])

    assert said == (
        "tests on MariaDB. As root: apt-get install -y mariadb-server-core mariadb-client-core, or set TEST_MARIADB_URL"
    )


def test_every_test_is_in_exactly_one_part_of_sqlites_run() -> None:
    parts = {path: part_of(path) for path in (PROJECT / "tests").rglob("test_*.py")}

    assert set(parts.values()) == set(PARTS)
    assert [job.part for job in on_sqlite([], parted=True)] == list(PARTS)
    assert [job.part for job in on_sqlite(["-k", "replay"], parted=False)] == [""]


def test_quick_run_keeps_the_callers_marks() -> None:
    assert with_marks(["-m", "every_database"], QUICK)[1] == f"(every_database) and ({QUICK})"


def test_python_keeps_what_it_compiled_although_the_callers_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")

    environ = environment(Job("mariadb", []), Path("counts"))

    assert "PYTHONDONTWRITEBYTECODE" not in environ
    assert (environ["SLUICEGATE_TEST_DB"], environ["SLUICEGATE_TEST_PART"]) == ("mariadb", "")


def test_the_first_run_of_a_whole_suite_takes_no_tables_of_an_earlier_one() -> None:
    proving = environment(Job("sqlite", [], proves_migrations=True), Path("counts"))
    other = environment(Job("sqlite", []), Path("counts"))

    assert proving[kept_tables.ANEW] == "anew"
    assert other[kept_tables.ANEW] == ""
