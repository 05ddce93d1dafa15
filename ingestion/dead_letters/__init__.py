"""Dead letters inside a run: written, looked up, closed and replayed. Operators act through `ingestion.actions`."""
