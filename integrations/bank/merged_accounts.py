"""Accounts that were loaded as one while the number alone counted, and where their rows go when their files come again.

A row moves to another account only if the statement that delivered it last comes again as a statement of that account,
and if no file of its own account was loaded since: the row would have another id then. Where both accounts sent an
equal statement, nothing stored tells whose it was. The run says which rows it moved.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from ingestion import Context, counted
from integrations.bank.arrivals import Arrival, StoredRow, ledger
from integrations.bank.models import BankAccount, BankTransaction

_COPY = BankTransaction.Withdrawn.COPY
_MOST = 10


def note_moved_rows(ctx: Context, arrivals: Sequence[Arrival]) -> list[str]:
    """A note where entries take rows that were stored under another account, and where they may be such rows."""
    stored = [(arrival, arrival.stored) for arrival in arrivals if arrival.has_moved and arrival.stored is not None]
    moved_rows = stored + [(arrival, arrival.duplicate) for arrival in arrivals if arrival.duplicate is not None]
    unmoved_rows = [
        (arrival, arrival.elsewhere) for arrival in arrivals if arrival.elsewhere is not None and arrival.stored is None
    ]
    moves = _count_by_accounts(moved_rows)
    possible = _count_by_accounts(unmoved_rows)
    if not (moves or possible):
        return []
    accounts = BankAccount.objects.for_tenant(ctx.tenant).in_bulk({pk for pair in (*moves, *possible) for pk in pair})
    return [
        f"{counted(count, 'entry', 'entries')} of the account {accounts[former]}, from when both "
        f"were kept as one, went to the account {accounts[current]}. Where the former has such entries too, load its "
        "file "
        "again."
        for (former, current), count in moves.items()
    ][:_MOST] + [
        f"{counted(count, 'entry', 'entries')} of the account {accounts[current]} may be stored as the account "
        f"{accounts[former]} has them, from when both were kept as one. Load the files of that time "
        "again: what is this account's goes to it."
        for (former, current), count in possible.items()
    ][:_MOST]


def _count_by_accounts(rows: Sequence[tuple[Arrival, StoredRow]]) -> Counter[tuple[int, int]]:
    pairs = Counter((row.account_id, arrival.owner.account_id) for arrival, row in rows)
    return Counter({pair: count for pair, count in pairs.items() if pair[0] != pair[1]})


def withdraw_duplicates(ctx: Context, arrivals: Sequence[Arrival]) -> None:
    """Withdraw rows whose entry is stored a second time under the id of the account that the row moved to."""
    doubles = [
        BankTransaction(
            pk=arrival.duplicate.pk,
            account_id=arrival.owner.account_id,
            withdrawn=_COPY,
            replaced_by_id=arrival.stored.pk,
        )
        for arrival in arrivals
        if arrival.duplicate is not None and arrival.stored is not None
    ]
    if doubles:
        ledger(ctx).bulk_update(doubles, ["account", "withdrawn", "replaced_by"], batch_size=200)
