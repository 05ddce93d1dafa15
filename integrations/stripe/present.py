"""One object as it is now."""

from __future__ import annotations

from urllib.parse import quote

from integrations.stripe.client import Api, NoSuchObject
from integrations.stripe.kinds import Kind
from integrations.stripe.objects import glance


def current(api: Api, kind: Kind, identity: str) -> bytes | None:
    """The object's bytes; None when Stripe does not know it, or says that it was deleted."""
    try:
        body = api.get(f"{kind.path}/{quote(identity, safe='')}").body
    except NoSuchObject:
        return None
    return None if glance(body).deleted else body
