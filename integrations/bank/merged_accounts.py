"""Accounts that were loaded as one when the number alone counted: whose entries go where as their files come again.

A row is of another account than its own only where the statement that delivered it last comes again as that one's, and
nobody has loaded it again as its own account's: it would have another id since. Where both accounts sent an equal
statement, nothing that was stored tells whose it was; the run says what it took.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from ingestion import Context, counted
from integrations.bank.arrivals import Arrival, Row, ledger
from integrations.bank.models import BankAccount, BankTransaction

_COPY = BankTransaction.Withdrawn.COPY
_MOST = 10


def told(ctx: Context, arrivals: Sequence[Arrival]) -> list[str]:
    """A note where entries take rows that were stored as another account's, and where they may be such rows."""
    stored = [(one, one.stored) for one in arrivals if one.has_moved and one.stored is not None]
    taken = stored + [(one, one.double) for one in arrivals if one.double is not None]
    left = [(one, one.elsewhere) for one in arrivals if one.elsewhere is not None and one.stored is None]
    moved = _pairs(taken)
    kept = _pairs(left)
    if not (moved or kept):
        return []
    accounts = BankAccount.objects.for_tenant(ctx.tenant).in_bulk({pk for pair in (*moved, *kept) for pk in pair})
    return [
        f"{counted(count, 'entry', 'entries')} of the account {accounts[former]}, from when both "
        f"were kept as one, went to the account {accounts[own]}. Where the former has such entries too, load its file "
        "again."
        for (former, own), count in moved.items()
    ][:_MOST] + [
        f"{counted(count, 'entry', 'entries')} of the account {accounts[own]} may be stored as the account "
        f"{accounts[former]} has them, from when both were kept as one. Load the files of that time "
        "again: what is this account's goes to it."
        for (former, own), count in kept.items()
    ][:_MOST]


def _pairs(rows: Sequence[tuple[Arrival, Row]]) -> Counter[tuple[int, int]]:
    pairs = Counter((row.account_id, arrival.owner.account_id) for arrival, row in rows)
    return Counter({pair: count for pair, count in pairs.items() if pair[0] != pair[1]})


def withdraw(ctx: Context, arrivals: Sequence[Arrival]) -> None:
    """Let rows no longer count that are stored once more under the id of their own account, which have gone to it."""
    doubles = [
        BankTransaction(
            pk=one.double.pk, account_id=one.owner.account_id, withdrawn=_COPY, replaced_by_id=one.stored.pk
        )
        for one in arrivals
        if one.double is not None and one.stored is not None
    ]
    if doubles:
        ledger(ctx).bulk_update(doubles, ["account", "withdrawn", "replaced_by"], batch_size=200)
