"""`manage.py test`: pytest on SQLite, then what depends on the database again on MariaDB and PostgreSQL.

Arguments go to pytest. The first run is seen as it goes; the others go on beside it, all at once, so that none is left
to work alone at the end, and are printed after it. `--quick` is the inner loop: SQLite alone, without what is marked
slow. Servers and tools that are missing come from apt where that is allowed. What could not run is said at the end,
with how to get it; under CI=true it is a failure, except for the real bank files, which no public clone has. The last
line is the sum of all pytest runs.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TextIO

from config.bootstrap import BootstrapError, prepare, project_environment
from config.bootstrap.machine import (
    CHROMIUM,
    COMPILER,
    MARIADB,
    NEEDS,
    POSTGRES,
    PROXIES,
    Need,
    apt_command,
    get_from_apt,
)
from config.paths import PROJECT
from tests.corpora import CORPORA

NO_TESTS = 5  # pytest's exit code when it selected none, as `-k` may well do on one database
# Beside SQLite: the tests that each database runs, and what must be there for it.
OTHER_DATABASES: dict[str, tuple[str, tuple[Need, ...]]] = {
    "mariadb": ("every_database or mariadb", (MARIADB, COMPILER)),
    "postgres": ("every_database or postgres", (POSTGRES,)),
}


# SQLite runs everything, in parts of about the same length: crashes wait a lot, and beside them others use the time.
# tests/conftest.py knows which test is in which.
PARTS = ("engine, transports and Stripe", "crashes and banks", "console and other kinds")
QUICK = "not (soak or slow or browser)"
LEFT_OUT_OF_QUICK = (
    "other databases, browser, and what is marked slow (crawls, crashes, processes); for all: manage.py test"
)


@dataclass(frozen=True)
class Job:
    """One run of pytest to come."""

    database: str
    arguments: Sequence[str]
    part: str = ""
    """One of PARTS, or all of them."""
    words: str = ""
    """A test's file holds one of these words, or it is none of this run; the others need not be imported."""
    proves_migrations: bool = False
    """It makes SQLite's tables by the migrations, even if an earlier run kept some; other databases always do."""

    @property
    def title(self) -> str:
        return self.database + (f": {self.part}" if self.part else "")


@dataclass(frozen=True)
class Ran:
    """One run of pytest."""

    code: int
    counts: Mapping[str, int]


@dataclass
class Result:
    """The sum over pytest runs."""

    counts: Counter[str] = field(default_factory=Counter)
    codes: list[int] = field(default_factory=list)
    not_run: list[str] = field(default_factory=list)
    without_data: list[str] = field(default_factory=list)
    """Tests that lack data which a public clone cannot have; they are never a failure."""
    on_purpose: list[str] = field(default_factory=list)
    """Tests that the arguments leave out."""

    def exit_code(self, ci: bool) -> int:
        ran = [code for code in self.codes if code != NO_TESTS]
        if not ran:
            return NO_TESTS
        return max(ran) or int(ci and bool(self.not_run))

    def closing_line(self) -> str:
        return ", ".join(f"{self.counts[outcome]} {outcome}" for outcome in ("passed", "failed", "skipped"))


def main(arguments: Sequence[str]) -> int:
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    ci = os.environ.get("CI") == "true"
    result = Result()
    if "--quick" in arguments:
        chosen = [argument for argument in arguments if argument != "--quick"]
        jobs = on_sqlite(with_marks(chosen, QUICK), parted=not chosen)
        result.on_purpose.append(LEFT_OUT_OF_QUICK)
    else:
        first, *more_jobs = on_sqlite(arguments, parted=not arguments)
        jobs = [replace(first, proves_migrations=True), *more_jobs, *on_other_databases(arguments, result)]
        result.without_data += lacking_corpora(CORPORA)
    for ran in run_all(jobs):
        result.codes.append(ran.code)
        result.counts.update(ran.counts)
    for line in [*result.not_run, *result.without_data, *result.on_purpose]:
        say(f"NOT RUN: {line}")
    say(result.closing_line())
    return result.exit_code(ci)


def on_sqlite(arguments: Sequence[str], parted: bool) -> list[Job]:
    """In parts, unless the arguments select tests: then the output stands in one place."""
    return [Job("sqlite", arguments, part) for part in (PARTS if parted else ("",))]


def on_other_databases(arguments: Sequence[str], result: Result) -> list[Job]:
    """Those that can be had here; `result` takes down what cannot."""
    get_from_apt([need for need in NEEDS if not need.met()], say, apt_command())
    missing = [need for need in NEEDS if not need.met()]
    if COMPILER not in missing and MARIADB not in missing:
        missing += mysql_driver()
    if CHROMIUM in missing:
        result.not_run.append(how_to_get("tests of the console in a browser", (CHROMIUM,)))
    if proxies := [need for need in PROXIES if need in missing]:
        result.not_run.append(how_to_get("tests of the proxies' configurations", proxies))
    jobs = []
    for database, (marked, needs) in OTHER_DATABASES.items():
        if lacking := [need for need in needs if need in missing]:
            result.not_run.append(how_to_get(f"tests on {needs[0].name}", lacking))
        else:
            jobs.append(Job(database, with_marks(arguments, marked), words=marked.replace(" or ", " ")))
    return jobs


def mysql_driver() -> list[Need]:
    """Compile it, because it comes without a wheel; gives what is missing for that."""
    try:
        prepare(project_environment(), "mysql")
    except BootstrapError as error:
        say(str(error))
        return [COMPILER]
    return []


def run_all(jobs: Sequence[Job], stdin: TextIO | None = None) -> Iterator[Ran]:
    """The first where everybody sees it; beside it the others, each printed once it and those before it are done.

    Ctrl-C on `stdin`, or on ours, reaches all of them.
    """
    # A shell that starts us in the background lets us ignore Ctrl-C's signal, and with us those that are ended by it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    lanes = ThreadPoolExecutor(max_workers=len(jobs))
    started: list[subprocess.Popen[bytes]] = []
    with tempfile.TemporaryDirectory() as folder:
        outputs = [None, *(Path(folder) / str(number) for number, _ in enumerate(jobs[1:]))]
        try:
            runs = [lanes.submit(run_pytest, job, output, started) for job, output in zip(jobs, outputs, strict=True)]
            while outputs:
                ran = runs.pop(0).result()
                if output := outputs.pop(0):
                    sys.stdout.write(output.read_text(errors="replace"))
                yield ran
        except KeyboardInterrupt:
            if (stdin or sys.stdin).isatty():
                started.clear()  # the terminal has told them too; a second time would cut their cleaning up short
            raise
        finally:
            stop(lanes, started)
            for output in filter(None, outputs):
                say_where_it_stopped(output)


def stop(lanes: ThreadPoolExecutor, started: Sequence[subprocess.Popen[bytes]]) -> None:
    """Begin no further run, and end those that have not ended as Ctrl-C does: they stop their servers."""
    lanes.shutdown(wait=False, cancel_futures=True)
    for run in started:
        if run.poll() is None:
            run.send_signal(signal.SIGINT)
    lanes.shutdown()


def say_where_it_stopped(output: Path) -> None:
    """For a run without visible output: its title, and the line that it was at."""
    if output.exists() and (lines := output.read_text(errors="replace").splitlines()):
        say(f"STOPPED: {lines[0].removeprefix('== ')}, at: {lines[-1]}")


def run_pytest(job: Job, output: Path | None, started: list[subprocess.Popen[bytes]]) -> Ran:
    """Without `output` it writes where we do, and may be talked to. Its process is added to `started`."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as files:
        counts = Path(folder) / "counts.json"
        elsewhere: dict[str, Any] = {}
        if output is not None:
            stdout = files.enter_context(output.open("w"))
            elsewhere = {"stdin": subprocess.DEVNULL, "stdout": stdout, "stderr": subprocess.STDOUT}
        print(f"== pytest on {job.title}", file=elsewhere.get("stdout"), flush=True)
        # A cache of its own, because the runs would write over each other's.
        cache = ["-o", f"cache_dir=.pytest_cache/{job.title}"]
        command = [sys.executable, "-m", "pytest", *cache, *job.arguments]
        process = subprocess.Popen(command, cwd=PROJECT, env=environment(job, counts), **elsewhere)
        started.append(process)
        code = process.wait()
        return Ran(code, read_counts(counts, code))


def environment(job: Job, counts: Path) -> dict[str, str]:
    """Ours, with compiled modules kept: the tests start Python hundreds of times, a quarter faster with them."""
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {
        **inherited,
        "SLUICEGATE_TEST_DB": job.database,
        "SLUICEGATE_TEST_PART": job.part,
        "SLUICEGATE_TEST_WORDS": job.words,
        "SLUICEGATE_TEST_COUNTS": str(counts),
        "SLUICEGATE_TEST_TABLES": "anew" if job.proves_migrations else "",
    }


def read_counts(file: Path, code: int) -> Mapping[str, int]:
    """What tests/conftest.py wrote; a run that ended before it could, or failed outside any test, counts as one."""
    counts: dict[str, int] = json.loads(file.read_text()) if file.exists() else {}
    if code not in (0, NO_TESTS) and not counts.get("failed"):
        counts["failed"] = 1
    return counts


def with_marks(arguments: Sequence[str], marked: str) -> list[str]:
    """The same arguments, with `marked` joined to a -m of the caller's."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("-m", default="not soak")
    options, unparsed = parser.parse_known_args(list(arguments))
    return ["-m", f"({options.m}) and ({marked})", *unparsed]


def lacking_corpora(folder: Path) -> list[str]:
    if folder.exists():
        return []
    return [f"tests against real bank files: there is no {folder}. Name the corpora's folder in SLUICEGATE_CORPORA"]


def how_to_get(purpose: str, needs: Sequence[Need]) -> str:
    packages = " ".join(package for need in needs for package in need.apt)
    variables = "".join(f", or set {need.url_variable}" for need in needs if need.url_variable)
    return f"{purpose}. As root: apt-get install -y {packages}{variables}"


def say(line: str) -> None:
    print(line, flush=True)
