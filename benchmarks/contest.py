"""One contestant's work in a process of its own; prints its cost as one line of JSON. `python -m benchmarks` calls it."""

from __future__ import annotations

import argparse
import dataclasses
import importlib
import json
import os

import django


def main() -> None:
    given = _arguments()
    os.environ["DJANGO_SETTINGS_MODULE"] = "benchmarks.settings"
    django.setup()
    from benchmarks import meter
    from benchmarks.contestants import ground
    from benchmarks.data import Corpus

    if given.empty:
        ground.empty_tables()
    contestant = importlib.import_module(f"benchmarks.contestants.{given.name}")
    work = contestant.prepare(Corpus(given.records, given.invalid, given.changed))
    stored: list[int] = []
    cost = meter.measure(lambda: stored.append(work()), given.records, given.server_pid)
    cost = dataclasses.replace(cost, stored=stored[0], parts=dict(getattr(contestant, "parts", {})))
    print(json.dumps(dataclasses.asdict(cost)))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.contest", description=__doc__)
    parser.add_argument("name", help="a module in benchmarks/contestants")
    parser.add_argument("records", type=int)
    parser.add_argument("--invalid", type=int, default=1, help="how many of a hundred records cannot be validated")
    parser.add_argument("--changed", action="store_true", help="one record of a hundred differs from the first load")
    parser.add_argument("--empty", action="store_true", help="empty the tables first")
    parser.add_argument("--server-pid", type=int, default=0, help="the database server, whose CPU counts too")
    return parser.parse_args()


if __name__ == "__main__":
    main()
