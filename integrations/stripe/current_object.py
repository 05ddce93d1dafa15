"""Fetches one object in its present state."""

from __future__ import annotations

from urllib.parse import quote

from integrations.stripe.answers import unexpected_response
from integrations.stripe.client import Api, NoSuchObject
from integrations.stripe.kinds import Kind
from integrations.stripe.nested import complete_cut_lists
from integrations.stripe.objects import read_head


def fetch_current(api: Api, kind: Kind, identity: str) -> bytes | None:
    """The object's bytes with complete lists; None when Stripe does not know it or says that it was deleted.

    Raises SourceChanged for a response about something else: an error in a 200, say.
    """
    try:
        body = api.get(f"{kind.path}/{quote(identity, safe='')}").body
    except NoSuchObject:
        return None
    head = read_head(body)
    if head.id != identity:
        raise unexpected_response(identity, body)
    return None if head.deleted else complete_cut_lists(api, kind, body)
