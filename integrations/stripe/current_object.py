"""One object as it is now."""

from __future__ import annotations

from urllib.parse import quote

from integrations.stripe.answers import unexpected
from integrations.stripe.client import Api, NoSuchObject
from integrations.stripe.kinds import Kind
from integrations.stripe.nested import completed
from integrations.stripe.objects import glance


def current(api: Api, kind: Kind, identity: str) -> bytes | None:
    """The object's bytes, its lists whole; None when Stripe does not know it, or says that it was deleted.

    Raises SourceChanged for an answer that is about something else: an error inside a 200, say.
    """
    try:
        body = api.get(f"{kind.path}/{quote(identity, safe='')}").body
    except NoSuchObject:
        return None
    found = glance(body)
    if found.id != identity:
        raise unexpected(identity, body)
    return None if found.deleted else completed(api, kind, body)
