"""The pipeline: uploaded statements become transactions."""

from __future__ import annotations

from ingestion import Context, CountsAgree, Skip, pipeline
from integrations.bank.destination import Ledger
from integrations.bank.schema import BankEntry
from integrations.bank.source import BankFiles
from integrations.bank.statements import EntryStatus


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
    return entry
