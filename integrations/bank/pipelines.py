"""The pipeline: uploaded statements become transactions."""

from __future__ import annotations

from ingestion import Context, Skip, pipeline
from integrations.bank.destination import BankLedger
from integrations.bank.identity import key_of, look_of, read_ids_setting
from integrations.bank.schema import BankEntry
from integrations.bank.source import BankFiles
from integrations.bank.statements import NOTICES, EntryStatus


@pipeline(
    "bank.statements",
    source=BankFiles(),
    schema=BankEntry,
    destination=BankLedger(),
)
def statements(entry: BankEntry, ctx: Context) -> BankEntry:
    """Bank statements as accounts, statements and transactions."""
    if entry.status is not EntryStatus.BOOKED:
        raise Skip(f"{entry.status} entries are not posted")
    if entry.statement.format in NOTICES and not ctx.config.get("post_notices"):
        raise Skip("announced only, see post_notices")
    return entry if not entry.unreadable else _with_new_id(entry, ctx)


def _with_new_id(entry: BankEntry, ctx: Context) -> BankEntry:
    """An entry from its dead letter that can be read now. Its id is made of its content, as the id in a mended
    file is.
    """
    look = look_of(entry.account.known_by, entry.currency, entry, read_ids_setting(ctx.config))
    return entry.model_copy(update={"external_id": key_of(look, 0)})
