"""Sluicegate over pages that are made one by one, so that nothing but the engine decides how much memory is held."""

from __future__ import annotations

from benchmarks.contestants import engine, ground
from benchmarks.data import Corpus


def prepare(corpus: Corpus) -> ground.Work:
    return engine.prepare(corpus, lazily=True)
