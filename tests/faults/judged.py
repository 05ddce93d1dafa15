"""Judgements that were made before, one JSON object a line: a run that was interrupted goes on where it stopped.

A judgement stands for its commit, its database and the fault's own text; after a change to any of them it is made anew.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import astuple, dataclass
from pathlib import Path

from tests.faults.planting import COPIED, LINKED, PROJECT, Fault, Outcome, Verdict

_Verdict = tuple[Verdict, str, str]
"""A verdict, what pytest said, and the test that noticed the fault."""

_BEGIN = b'{"commit": '


class NoJudgements(Exception):
    """The file cannot be used; nothing was planted, and the file is as it was."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A file of judgements, read for one commit and one database."""

    file: Path
    commit: str
    database: str
    verdicts: Mapping[str, _Verdict]
    """What stands in the file for that commit and database, by `digest`."""

    @classmethod
    def read(cls, file: Path, commit: str, database: str) -> Judged:
        """Also cut off a last line that was not written whole, so that the next one begins a line."""
        try:
            with file.open("a+b") as lines:
                lines.seek(0)
                whole, end, torn = lines.read().rpartition(b"\n")
                verdicts = dict(_verdicts(file, whole.splitlines(), (commit, database)))
                if torn[: len(_BEGIN)] != _BEGIN[: len(torn)]:
                    raise NoJudgements(f"{file} ends with what is no judgement")
                if torn:
                    lines.truncate(len(whole + end))
        except OSError as error:
            raise NoJudgements(str(error)) from error
        return cls(file, commit, database, verdicts)

    def outcome(self, fault: Fault) -> Outcome | None:
        """What was judged of the fault before, if anything."""
        verdict = self.verdicts.get(digest(fault))
        return Outcome(fault, *verdict) if verdict else None

    def add(self, outcome: Outcome) -> None:
        """Write the judgement; what was cut short is none."""
        if outcome.verdict == Verdict.CUT_SHORT:
            return
        at = {"commit": self.commit, "database": self.database, "digest": digest(outcome.fault)}
        told = {"verdict": outcome.verdict, "said": outcome.said, "by": outcome.by}
        with self.file.open("a") as lines:
            lines.write(json.dumps({**at, "fault": outcome.fault.name, **told}) + "\n")


def _verdicts(file: Path, lines: Iterable[bytes], at: tuple[str, str]) -> Iterator[tuple[str, _Verdict]]:
    """Every line is looked at, also those of other commits: of a file that is no list of judgements nothing is cut."""
    for number, line in enumerate(lines, start=1):
        try:
            row = json.loads(line)
            verdict = Verdict(row["verdict"]), str(row["said"]), str(row["by"])
            if (row["commit"], row["database"]) == at:
                yield row["digest"], verdict
        except (ValueError, KeyError, TypeError) as error:
            raise NoJudgements(f"{file}, line {number} is no judgement: {error!r}") from error


def digest(fault: Fault) -> str:
    """A fault that was changed in the list, or is held against other tests, is another."""
    return hashlib.sha256(json.dumps(astuple(fault)).encode()).hexdigest()


def commit(project: Path = PROJECT) -> str:
    """The commit that is judged. What is not committed would be judged under its name, so there must be nothing."""
    if changed := _git(project, "status", "--porcelain", "--", *COPIED, *LINKED):
        raise NoJudgements(f"Commit first, for a judgement is kept by the commit it was made of:\n{changed}")
    return _git(project, "rev-parse", "HEAD").strip()


def _git(project: Path, *words: str) -> str:
    done = subprocess.run(["git", *words], cwd=project, capture_output=True, text=True)
    if done.returncode:
        raise NoJudgements(f"git {words[0]}: {done.stderr.strip()}")
    return done.stdout
