"""Events of accounts that are none of the tenant's: a platform's endpoint hears of all its customers' accounts.

What they say is another party's. Before anything is stored the event is cut down to its head, with the hash and the
size of what it was, so that its sender can be told which event came here.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection

from integrations.stripe.objects import MARK, event


def without_strangers(body: bytes, accounts: Callable[[], Collection[str]]) -> bytes:
    """`body`, or the head of an event of a connected account that is not among `accounts`, the tenant's own."""
    found = event(body)
    if found is None or not found.account or found.account in accounts():
        return body
    head = {
        "id": found.id,
        "object": "event",
        "type": found.type,
        "created": found.created,
        "account": found.account,
        "livemode": bool(found.livemode),
        "api_version": found.api_version,
        "data": {"object": {}},
        MARK: {"sha256": hashlib.sha256(body).hexdigest(), "size": len(body)},
    }
    return json.dumps(head, separators=(",", ":")).encode()
