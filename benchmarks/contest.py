"""One contestant's work in a process of its own: `python -m benchmarks.contest NAME PAGES [--changed]`, cost as JSON."""

from __future__ import annotations

import argparse
import dataclasses
import importlib
import json
import os
from pathlib import Path

import django


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("name")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--records", type=int, required=True)
    parser.add_argument("--changed", action="store_true")
    parser.add_argument("--server-pid", type=int, default=0)
    parser.add_argument("--empty", action="store_true", help="empty the tables first")
    parser.add_argument("--profile", default="")
    given = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "benchmarks.settings")
    django.setup()
    from benchmarks import meter
    from benchmarks.contestants import ground

    if given.empty:
        ground.migrate()
    contestant = importlib.import_module(f"benchmarks.contestants.{given.name}")
    work = contestant.prepare(given.folder, given.changed)
    stored: list[int] = []
    run = lambda: stored.append(work())
    if given.profile:
        import cProfile

        p = cProfile.Profile()
        run = lambda: p.runcall(lambda: stored.append(work()))
    cost = meter.measure(run, given.records, given.server_pid)
    if given.profile:
        p.dump_stats(given.profile)
    print(
        json.dumps(
            {
                **dataclasses.asdict(cost),
                "stored": stored[0],
                "parts": {k: round(v * 1e6 / given.records, 2) for k, v in getattr(contestant, "parts", {}).items()},
            }
        )
    )


if __name__ == "__main__":
    main()
