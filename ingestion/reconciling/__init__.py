"""Reconciliation of closed periods: compares the figures of a source with the stored rows, and writes only the results.

A check is no run: it needs no lease and no lock. Source and table are read outside any transaction; the results of a
period are written in one. A process that dies in between has written nothing, and the period is checked again later.

comparison  compares the figures of one group        known_causes  why a difference proves nothing
checking    one period of one connection             results       stores results, with what changed
due_checks  which connections and periods are due
"""

from ingestion.reconciling.checking import CheckHooks, can_reconcile, check, require_closed
from ingestion.reconciling.comparison import SHOWN, GroupResult
from ingestion.reconciling.due_checks import check_due_periods, due_periods, take_due_connections

__all__ = [
    "SHOWN",
    "CheckHooks",
    "GroupResult",
    "can_reconcile",
    "check",
    "check_due_periods",
    "due_periods",
    "require_closed",
    "take_due_connections",
]
