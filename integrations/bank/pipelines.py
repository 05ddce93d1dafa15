"""The pipeline: uploaded statements become transactions."""

from __future__ import annotations

from ingestion import Context, CountsAgree, Skip, pipeline
from integrations.bank.destination import Ledger
from integrations.bank.schema import BankEntry
from integrations.bank.source import BankFiles
from integrations.bank.statements import EntryStatus

NOTICES = frozenset({"camt.052", "camt.054", "mt942"})
"""Formats that announce, in part in finer pieces, what the statement books later: posting both would double it.
An account without statements sets `post_notices` in its connection's config.
"""


@pipeline(
    "bank.statements",
    source=BankFiles(),
    schema=BankEntry,
    destination=Ledger(),
    reconciliations=[CountsAgree()],
)
def statements(entry: BankEntry, ctx: Context) -> BankEntry:
    """Bank statements as accounts, statements and transactions."""
    if entry.status is not EntryStatus.BOOKED:
        raise Skip(f"{entry.status} entries are not posted")
    if entry.statement.format in NOTICES and not ctx.config.get("post_notices"):
        raise Skip("announced only, see post_notices")
    return entry
