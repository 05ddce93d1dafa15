"""All planted faults."""

from tests.faults import (
    arrivals,
    configs,
    dead_letters,
    kept,
    operators,
    outside,
    runs,
    sources,
    surroundings,
    tenants,
    told,
    turns,
)

FAULTS = [
    *runs.FAULTS,
    *dead_letters.FAULTS,
    *turns.FAULTS,
    *outside.FAULTS,
    *arrivals.FAULTS,
    *configs.FAULTS,
    *kept.FAULTS,
    *operators.FAULTS,
    *tenants.FAULTS,
    *sources.FAULTS,
    *told.FAULTS,
    *surroundings.FAULTS,
]
