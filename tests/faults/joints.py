"""All planted faults."""

from tests.faults import outside, runs, turns

FAULTS = [*runs.FAULTS, *turns.FAULTS, *outside.FAULTS]
