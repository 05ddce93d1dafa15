"""Faults planted by hand into a copy of the project: each must turn one of its tests red.

Parts have tests of their own; these faults sit in the joints, where one module calls another: an argument dropped, an
order changed, a guard inverted, a limit ignored.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from tests import servers

PROJECT = Path(__file__).parent.parent.parent
DATABASES = ("sqlite", "mariadb", "postgres")
COPIED = ("config", "ingestion", "integrations", "templates", "tests", "manage.py", "pyproject.toml")
LINKED = ("docs", "benchmarks", "examples", "requirements", "README.md", "CHANGELOG.md")
_FAILED, _NO_TESTS = 1, 5
"""pytest's exit codes when tests ran and one failed, and when none was chosen; any other says nothing of the fault."""
_LONGEST = 900.0
_ELSEWHERE = "none of its tests runs on this database: see SQLite's list, or that of the one they are about"


@dataclass(frozen=True, slots=True)
class Fault:
    """`old` stands once in the file at `path`, relative to the project; with `new` in its place `tests` must fail."""

    path: str
    old: str
    new: str
    tests: tuple[str, ...]
    """Ids of tests that must notice the fault, or files: mostly one test, so that all faults are soon planted."""
    equivalent: str = ""
    """Why nobody could notice it. Such a fault is listed and not planted."""

    @property
    def name(self) -> str:
        return f"{self.path}: {self.old.strip().splitlines()[0].strip()[:70]}"

    def times(self) -> int:
        """How often `old` stands in its file today."""
        return (PROJECT / self.path).read_text().count(self.old)


class Verdict(StrEnum):
    CAUGHT = "caught"
    UNNOTICED = "unnoticed"
    EQUIVALENT = "equivalent"
    CUT_SHORT = "cut short"
    """A signal ended pytest: it said nothing of the fault."""
    ELSEWHERE = "elsewhere"
    """None of its tests runs on this database: what they say on SQLite, or on the one they are about, holds."""


@dataclass(frozen=True, slots=True)
class Outcome:
    fault: Fault
    verdict: Verdict
    said: str
    """The last line of pytest."""
    by: str = ""
    """The test that noticed it."""

    @property
    def why(self) -> str:
        return self.by or self.said


def copy(folder: Path) -> None:
    """Put what the tests need into `folder`, which must be empty; with what Python has compiled, for later runs too."""
    for name in COPIED:
        source = PROJECT / name
        if source.is_dir():
            shutil.copytree(source, folder / name)
        else:
            shutil.copy(source, folder / name)
    for name in LINKED:
        (folder / name).symlink_to(PROJECT / name)


def sound(faults: Iterable[Fault], folder: Path, database: str) -> str:
    """Run the tests of all `faults` in the copy as it is: '' when none fails, else what pytest said."""
    tests = dict.fromkeys(test for fault in faults if not fault.equivalent for test in fault.tests)
    code, said = run(tests, folder, database, longest=4 * _LONGEST) if tests else (0, "")
    return "" if code in (0, _NO_TESTS) else said[-5000:]


def plant(fault: Fault, folder: Path, database: str) -> Outcome:
    """Run the fault's tests in the copy with the fault in it, then take it out again."""
    if fault.equivalent:
        return Outcome(fault, Verdict.EQUIVALENT, fault.equivalent)
    file = folder / fault.path
    whole = file.read_text()
    if whole.count(fault.old) != 1:
        said = f"its text stands {whole.count(fault.old)} times in the file: mend the list"
        return Outcome(fault, Verdict.UNNOTICED, said)
    if not any(_runs_on(database, test, folder) for test in fault.tests):
        return Outcome(fault, Verdict.ELSEWHERE, _ELSEWHERE)
    _write(file, whole.replace(fault.old, fault.new))
    try:
        return judged_by(fault, *run(fault.tests, folder, database, "-x"))
    except subprocess.TimeoutExpired:
        return Outcome(fault, Verdict.CAUGHT, f"its tests did not end in {_LONGEST:g} s")
    finally:
        _write(file, whole)


def _runs_on(database: str, test: str, folder: Path) -> bool:
    """Whether the test's file has a mark of that database: each says so itself, and to start pytest takes seconds."""
    text = (folder / test.partition("::")[0]).read_text()
    return database == "sqlite" or "every_database" in text or database in text


def _write(file: Path, text: str) -> None:
    """Python would take what it compiled before for a file of the same length and second."""
    file.write_text(text)
    for compiled in (file.parent / "__pycache__").glob(f"{file.stem}.*"):
        compiled.unlink()


def run(tests: Iterable[str], folder: Path, database: str, *options: str, longest: float = _LONGEST) -> tuple[int, str]:
    """pytest's exit code and what it said. The database is made by the first run in `folder`, and used again."""
    marks = "not soak and not browser" + ("" if database == "sqlite" else f" and (every_database or {database})")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--reuse-db", "-m", marks, *options]
    ours = ("SLUICEGATE_TEST_", "PYTHONDONTWRITEBYTECODE")
    own = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    environ = {**own, **_server(folder, database), "SLUICEGATE_TEST_DB": database}
    done = subprocess.run([*command, *tests], cwd=folder, env=environ, capture_output=True, text=True, timeout=longest)
    # pytest that is ended by a test's time limit says which test it was on stderr only.
    said = "\n".join(text.strip() for text in (done.stderr, done.stdout) if text.strip())
    return done.returncode, said or "pytest said nothing"


def judged_by(fault: Fault, code: int, said: str) -> Outcome:
    last = said.splitlines()[-1]
    if code == _NO_TESTS:
        return Outcome(fault, Verdict.ELSEWHERE, _ELSEWHERE)
    if code < 0:
        return Outcome(fault, Verdict.CUT_SHORT, f"pytest was ended by signal {-code}")
    red = re.search(r"^(?:FAILED|ERROR) (\S+)", said, re.MULTILINE)
    return Outcome(fault, Verdict.CAUGHT if code == _FAILED else Verdict.UNNOTICED, last, red[1] if red else "")


def _server(folder: Path, database: str) -> dict[str, str]:
    """Where the runs in `folder` find their database: to make one anew would take longer than most tests."""
    match database:
        case "mariadb":
            return {"TEST_MARIADB_URL": servers.mariadb_url()}
        case "postgres":
            return {"TEST_POSTGRES_URL": servers.postgres_url()}
        case _:
            return {"TEST_SQLITE_FILE": str(folder / "test.sqlite3")}
