"""Signals, sent with `send_robust` after the commit; listeners get `run` with its tenant and connection loaded."""

from django.dispatch import Signal

run_started = Signal()
"""A run was claimed for the first time. Argument: `run`."""
run_finished = Signal()
"""A run reached a terminal state. Argument: `run`."""
