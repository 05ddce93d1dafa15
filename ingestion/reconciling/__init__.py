"""Reconciliation of closed periods: what the source says of a day against what is stored. Only reads, but for verdicts.

It is no run: it needs no lease and no lock. Source and table are asked outside any transaction; the verdicts of a
period are written in one. A process that dies in between has written nothing, and the period is checked again later.

judging   one group's figures become a verdict      excuses   why a difference proves nothing
checking  one connection, one period                verdicts  written down, with what changed
cadence   which periods are due, and whose turn it is
"""

from ingestion.reconciling.checking import Hooks, can_reconcile, check, require_closed
from ingestion.reconciling.comparison import SHOWN, Verdict
from ingestion.reconciling.due_checks import carry, look, take_turns

__all__ = ["SHOWN", "Hooks", "Verdict", "can_reconcile", "carry", "check", "look", "require_closed", "take_turns"]
