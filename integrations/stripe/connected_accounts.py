"""Events of connected accounts that are not the tenant's: a platform's endpoint gets those of all its customers.

Their content belongs to another party. Before such an event is stored it is reduced to its head, with the hash and the
size of the original, so that its sender can be told which event arrived.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection

from integrations.stripe.objects import MARK, parse_event


def without_other_accounts(body: bytes, accounts: Callable[[], Collection[str]]) -> bytes:
    """`body`; only the head for an event of a connected account that is not among `accounts`, the tenant's own."""
    event = parse_event(body)
    if event is None or not event.account or event.account in accounts():
        return body
    head = {
        "id": event.id,
        "object": "event",
        "type": event.type,
        "created": event.created,
        "account": event.account,
        "livemode": bool(event.livemode),
        "api_version": event.api_version,
        "data": {"object": {}},
        MARK: {"sha256": hashlib.sha256(body).hexdigest(), "size": len(body)},
    }
    return json.dumps(head, separators=(",", ":")).encode()
