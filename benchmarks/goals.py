"""The goals: which plays are compared, how, and what has to come out. Numbers are those of docs and README."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from benchmarks.bench import Play
from benchmarks.data import Corpus
from benchmarks.meter import Cost

Measure = Callable[..., float]


@dataclass(frozen=True, slots=True)
class Goal:
    """`measure(*costs)` of one round's costs of `plays` has to be at least (or at most) `target`."""

    number: str
    text: str
    plays: tuple[Play, ...]
    measure: Measure
    targets: Mapping[str, float]
    """By database. A database without a target is measured all the same."""
    at_most: bool = False
    rounds: int = 0
    """How often at most; 0: as often as asked for."""

    def met(self, kind: str, value: float) -> bool | None:
        if kind not in self.targets:
            return None
        return value <= self.targets[kind] if self.at_most else value >= self.targets[kind]


def cheaper(other: Cost, engine: Cost) -> float:
    """How many times the other's CPU is the engine's: 2 means half the cost."""
    return other.cpu / engine.cpu


def dearer(cost: Cost, base: Cost) -> float:
    return cost.cpu / base.cpu


def larger(cost: Cost, base: Cost) -> float:
    return cost.peak_mb / base.peak_mb


def archive_share(cost: Cost) -> float:
    return cost.parts["artifact kept"] / cost.records * 1e6 / cost.cpu


def archive_size(cost: Cost) -> float:
    return cost.parts["packed"] / cost.parts["raw"]


def bookkeeping_share(cost: Cost) -> float:
    """Only what stands between the seams: advancing, counts, links, events and commits, of pages without dead letters."""
    hooks = ("claimed", "advanced", "before commit", "committed", "exhausted", "verified", "before close", "closed")
    return sum(cost.parts[name] for name in hooks) / cost.records * 1e6 / cost.cpu


def both(target: float) -> dict[str, float]:
    return {"mariadb": target, "sqlite": target}


def goals(records: int, most: int) -> list[Goal]:
    first, again = Corpus(records), Corpus(records, changed=True)
    half, clean = Corpus(records, invalid=50), Corpus(records, invalid=0)

    def load(name: str) -> Play:
        return Play(name, first)

    def rerun(name: str) -> Play:
        return Play(name, again, after=load(name))

    small, large = Play("engine_lazily", Corpus(10_000)), Play("engine_lazily", Corpus(most))
    engine = load("engine")
    return [
        Goal("G1", "loader alone beside the driver's executemany", (load("driver"), load("loader")), cheaper,
             {"mariadb": 2.0}),
        Goal("G1", "loader alone beside bulk_create", (load("bulk_create"), load("loader")), cheaper, {"mariadb": 5.0}),
        Goal("G2", "first load beside the driver's executemany", (load("driver"), engine), cheaper,
             {"mariadb": 0.5, "sqlite": 0.17}),
        Goal("G3", "1 % changed, beside executemany of all", (rerun("driver"), rerun("engine")), cheaper,
             {"mariadb": 1.3}),
        Goal("G3", "1 % changed, beside the own first load", (engine, rerun("engine")), cheaper, {"mariadb": 3.0}),
        Goal("G6", "first load beside dlt", (load("dlt_merge"), engine), cheaper, both(2.0)),
        Goal("G6", "1 % changed, beside dlt", (rerun("dlt_merge"), rerun("engine")), cheaper, both(7.0)),
        Goal("G7", "first load beside SQLAlchemy Core", (load("sqlalchemy_core"), engine), cheaper, both(1.2)),
        Goal("G7", "1 % changed, beside SQLAlchemy Core", (rerun("sqlalchemy_core"), rerun("engine")), cheaper,
             both(4.0)),
        Goal("G8", f"peak memory of {most:,} records beside 10,000", (large, small), larger, both(1.10), True, 1),
        Goal("G9", "raw pages' share of the first load's CPU", (engine,), archive_share, both(0.20), True),
        Goal("G9", "raw pages, packed beside raw bytes", (engine,), archive_size, both(0.15), True),
        Goal("G10", "bookkeeping's share of a first load's CPU", (Play("engine", clean),), bookkeeping_share,
             both(0.05), True),
        Goal("G11", "50 % invalid beside 1 %", (Play("engine", half), engine), dearer, both(1.8), True),
    ]  # fmt: skip
