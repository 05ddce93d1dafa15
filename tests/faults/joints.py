"""All planted faults."""

from tests.faults import arrivals, operators, outside, runs, tenants, turns

FAULTS = [*runs.FAULTS, *turns.FAULTS, *outside.FAULTS, *arrivals.FAULTS, *operators.FAULTS, *tenants.FAULTS]
