"""Measure Sluicegate beside the raw driver and its peers, and print goals, targets and figures as a table."""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Sequence

from benchmarks import servers
from benchmarks.bench import Bench, Play
from benchmarks.goals import Goal, goals


def main() -> None:
    given = _arguments()
    wanted = [goal for goal in goals(given.records, given.most) if not given.goals or goal.number in given.goals]
    for kind in given.database:
        bench = Bench(servers.start(kind))
        for number in range(given.rounds):
            _round(bench, [goal for goal in wanted if not goal.rounds or number < goal.rounds])
            print(f"{time.strftime('%H:%M:%S')} round {number + 1} of {given.rounds} on {kind} is done", flush=True)
        print(f"\n### {kind}, {given.records:,} records, {given.rounds} rounds\n")
        _print_goals(bench, wanted)
        _print_costs(bench)


def _round(bench: Bench, wanted: Sequence[Goal]) -> None:
    """Every play once. Plays that fill the tables for another are not played twice."""
    plays = dict.fromkeys(play for goal in wanted for play in goal.plays)
    filling = {play.after for play in plays}
    for play in plays:
        if play not in filling:
            bench.play(play)


def _print_goals(bench: Bench, wanted: Sequence[Goal]) -> None:
    print("| goal | what | target | min | median | max | |")
    print("|---|---|---|---|---|---|---|")
    for goal in wanted:
        rounds = zip(*(bench.costs[play] for play in goal.plays), strict=True)
        values = [goal.measure(*costs) for costs in rounds]
        middle = statistics.median(values)
        target = goal.targets.get(bench.server.kind)
        sign = "" if target is None else f"{'≤' if goal.at_most else '≥'} {target:g}"
        verdict = {True: "met", False: "**missed**", None: ""}[goal.met(bench.server.kind, middle)]
        print(
            f"| {goal.number} | {goal.text} | {sign} | {min(values):.2f} | {middle:.2f} | {max(values):.2f} | {verdict} |"
        )


def _print_costs(bench: Bench) -> None:
    print("\n| play | client µs/record | server µs/record | wall µs/record | records/s | peak MB |")
    print("|---|---|---|---|---|---|")
    for play, costs in bench.costs.items():
        records = play.corpus.records
        client, server, wall = (
            statistics.median(getattr(cost, name) for cost in costs) / records * 1e6
            for name in ("client", "server", "wall")
        )
        peak = statistics.median(cost.peak_mb for cost in costs)
        print(f"| {_title(play)} | {client:.1f} | {server:.1f} | {wall:.1f} | {1e6 / wall:,.0f} | {peak:.0f} |")
    print()


def _title(play: Play) -> str:
    corpus = play.corpus
    kind = "1 % changed" if corpus.changed else "first load"
    invalid = "" if corpus.invalid == 1 else f", {corpus.invalid} % invalid"
    return f"{play.name}, {kind}{invalid}, {corpus.records:,}"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("goals", nargs="*", metavar="G", help="goals to measure, such as G2 G3; all when none is named")
    parser.add_argument("--database", nargs="+", choices=["mariadb", "sqlite"], default=["mariadb", "sqlite"])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument("--most", type=int, default=1_000_000, help="records of the memory goal")
    parser.add_argument("--quick", action="store_true", help="20,000 records, 3 rounds, 100,000 for the memory goal")
    given = parser.parse_args()
    if given.quick:
        given.records, given.rounds, given.most = 20_000, 3, 100_000
    return given


if __name__ == "__main__":
    main()
