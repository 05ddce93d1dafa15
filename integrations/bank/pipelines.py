"""The pipeline: uploaded statements become transactions."""

from __future__ import annotations

from ingestion import Context, Skip, pipeline
from integrations.bank.destination import Ledger
from integrations.bank.identity import ids_told, key_of, look_of
from integrations.bank.schema import BankEntry
from integrations.bank.source import BankFiles
from integrations.bank.statements import NOTICES, EntryStatus


@pipeline(
    "bank.statements",
    source=BankFiles(),
    schema=BankEntry,
    destination=Ledger(),
)
def statements(entry: BankEntry, ctx: Context) -> BankEntry:
    """Bank statements as accounts, statements and transactions."""
    if entry.status is not EntryStatus.BOOKED:
        raise Skip(f"{entry.status} entries are not posted")
    if entry.statement.format in NOTICES and not ctx.config.get("post_notices"):
        raise Skip("announced only, see post_notices")
    return entry if not entry.unreadable else _known_by_itself(entry, ctx)


def _known_by_itself(entry: BankEntry, ctx: Context) -> BankEntry:
    """An entry that can be read now, from its dead letter: its id is made of what it says, as a mended file's is."""
    look = look_of(entry.account.known_by, entry.currency, entry, ids_told(ctx.config))
    return entry.model_copy(update={"external_id": key_of(look, 0)})
