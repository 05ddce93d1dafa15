"""Runs contestants, each in a process of its own, on databases of their own, and keeps what they cost."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import defaultdict
from dataclasses import dataclass, field

from benchmarks import servers
from benchmarks.data import Corpus
from benchmarks.meter import Cost


@dataclass(frozen=True, slots=True)
class Play:
    """One contestant's work on one corpus. `after` is played before it, on the same tables, to fill them."""

    name: str
    corpus: Corpus
    after: Play | None = None


@dataclass(slots=True)
class Bench:
    """One database and the costs measured on it."""

    server: servers.Server
    costs: dict[Play, list[Cost]] = field(default_factory=lambda: defaultdict(list))

    def play(self, play: Play) -> Cost:
        """Play it and everything it comes after, from empty tables on."""
        if play.after is None:
            servers.reset(self.server)
        else:
            self.play(play.after)
        cost = self._child(play)
        self.costs[play].append(cost)
        return cost

    def _child(self, play: Play) -> Cost:
        corpus = play.corpus
        command = [sys.executable, "-m", "benchmarks.contest", play.name, str(corpus.records)]
        command += ["--invalid", str(corpus.invalid), "--server-pid", str(self.server.pid)]
        command += ["--changed"] * corpus.changed + ["--empty"] * (play.after is None)
        environment = {
            **os.environ,
            "DATABASE_URL": self.server.url,
            "SLUICEGATE_VAR": str(servers.session_folder() / "var"),
        }
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"{' '.join(command[2:])} failed:\n{done.stderr[-3000:]}")
        cost = Cost(**json.loads(done.stdout.splitlines()[-1]))
        if cost.stored != corpus.valid:
            raise RuntimeError(f"{play.name} stored {cost.stored} rows of {corpus.valid} valid ones.")
        return cost
