"""All planted faults."""

from tests.faults import arrivals, kept, letters, operators, outside, runs, sources, surroundings, tenants, told, turns

FAULTS = [
    *runs.FAULTS,
    *letters.FAULTS,
    *turns.FAULTS,
    *outside.FAULTS,
    *arrivals.FAULTS,
    *kept.FAULTS,
    *operators.FAULTS,
    *tenants.FAULTS,
    *sources.FAULTS,
    *told.FAULTS,
    *surroundings.FAULTS,
]
