"""What Sluicegate costs, measured beside the raw driver and its peers. `python -m benchmarks --help` says how to run it."""
