"""Faults planted by hand into a copy of the project: each must turn one of its tests red.

Parts have tests of their own; these faults sit in the joints, where one module calls another: an argument dropped, an
order changed, a guard inverted, a limit ignored.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).parent.parent.parent
_COPIED = ("config", "ingestion", "integrations", "templates", "tests", "manage.py", "pyproject.toml")
_FAILED = 1
"""pytest's exit code when tests ran and one failed; any other one says nothing about the fault."""
_LONGEST = 900.0


@dataclass(frozen=True, slots=True)
class Fault:
    """`old` stands once in the file at `path`, relative to the project; with `new` in its place `tests` must fail."""

    path: str
    old: str
    new: str
    tests: tuple[str, ...]
    """Files, folders or ids as pytest takes them, in which the fault must be noticed."""

    @property
    def name(self) -> str:
        return f"{self.path}: {self.old.strip().splitlines()[0].strip()[:70]}"

    def times(self) -> int:
        """How often `old` stands in its file today."""
        return (PROJECT / self.path).read_text().count(self.old)


@dataclass(frozen=True, slots=True)
class Outcome:
    fault: Fault
    caught: bool
    said: str
    """The last line of pytest."""


def copy(folder: Path) -> None:
    """Put what the tests need into `folder`, which must be empty."""
    for name in _COPIED:
        source = PROJECT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, folder / name)
    for name in ("docs", "benchmarks", "examples", "requirements", "README.md", "CHANGELOG.md"):
        (folder / name).symlink_to(PROJECT / name)


def plant(fault: Fault, folder: Path, database: str) -> Outcome:
    """Run the fault's tests in the copy with the fault in it, then take it out again."""
    file = folder / fault.path
    sound = file.read_text()
    if sound.count(fault.old) != 1:
        return Outcome(fault, False, f"its text stands {sound.count(fault.old)} times in the file: mend the list")
    file.write_text(sound.replace(fault.old, fault.new))
    try:
        return _judged(fault, folder, database)
    finally:
        file.write_text(sound)


def _judged(fault: Fault, folder: Path, database: str) -> Outcome:
    marks = "not soak and not browser" + ("" if database == "sqlite" else f" and (every_database or {database})")
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "-m", marks, *fault.tests]
    own = {name: value for name, value in os.environ.items() if not name.startswith("SLUICEGATE_TEST_")}
    environ = {**own, "SLUICEGATE_TEST_DB": database, "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        done = subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, timeout=_LONGEST)
    except subprocess.TimeoutExpired:
        return Outcome(fault, True, f"its tests did not end in {_LONGEST:g} s")
    last = (done.stdout.strip().splitlines() or [done.stderr.strip()[-200:]])[-1]
    return Outcome(fault, done.returncode == _FAILED, last)
