"""Objects that are parts of a whole: the lines of an invoice, and deletions of lines that it no longer has.

The whole's list holds all its present parts, so a stored part that is not in the list was deleted. One read of an
invoice therefore brings all of its lines up to date, however often they changed in between.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from typing import Any, Protocol
from urllib.parse import quote

from ingestion import Context, Json, Page, Record, Refusal
from integrations.stripe.client import Api, NoSuchObject
from integrations.stripe.current_object import fetch_current
from integrations.stripe.kinds import Kind
from integrations.stripe.nested import fetch_list, items_if_complete
from integrations.stripe.objects import add_mark, make_stub, partition, read_head, read_mark, record_of
from integrations.stripe.schemas.base import ALLOWANCE

_PAGE = 2000
"""Parts of one page at most: a thousand invoices may have a quarter of a million lines."""
PART = "line_item"
"""The `object` member of invoice lines, the only kind of parts."""


class StoredPartsLookup(Protocol):
    """Looks up which parts are stored and not deleted."""

    def __call__(self, ctx: Context, wholes: Sequence[str]) -> Mapping[str, Set[str]]:
        """The ids of the stored parts of these wholes, by the whole's id."""
        ...


def pages_of_parts(
    ctx: Context, api: Api, kind: Kind, pages: Iterable[Page], stored_parts: StoredPartsLookup | None, checkpoint: Json
) -> Iterator[Page]:
    """Pages of parts from pages of wholes. `checkpoint` is that before the first page.

    The checkpoint of a page of wholes comes with the last of its parts; after an interruption the page is read again.
    """
    for page in pages:
        records: list[Record] = []
        refused = list(page.refused)
        ids = [whole.key for whole in page.records]
        stored: Mapping[str, Set[str]] = {}
        if stored_parts is not None and ids:
            stored = ctx.between_batches(functools.partial(stored_parts, ctx, ids))
        for whole in page.records:
            parts, refused_parts = partition(parts_of(ctx, api, kind, whole, stored.get(whole.key, frozenset())))
            ctx.beat()
            records += parts
            refused += refused_parts
            if len(records) >= _PAGE and whole is not page.records[-1]:
                yield Page(records, checkpoint, refused)
                records, refused = [], []
        yield dataclasses.replace(page, records=records, refused=refused)
        checkpoint = page.checkpoint


def parts_of(ctx: Context, api: Api, kind: Kind, whole: Record, stored: Set[str]) -> list[Record | Refusal]:
    """The present parts of one whole, and deletions of those in `stored` that it no longer has."""
    head, since = read_head(whole.body), read_mark(whole.body).as_of
    whole_facts: dict[str, Any] = {"whole": whole.key, "created": head.created}
    bodies = [] if head.deleted else bodies_of(api, kind, whole)
    lines = enumerate((add_mark(body, since, **whole_facts) for body in bodies), start=1)
    parts = [record_of(body, f"{whole.key}, line {number}", PART) for number, body in lines]
    present = {part.key for part in parts if isinstance(part, Record)}
    deleted_at = int(ctx.now.timestamp()) if since is None else since
    deletions = []
    for part_id in sorted(stored - present):
        body = add_mark(make_stub(part_id, PART), deleted_at, deleted=True, whole=whole.key)
        deletions.append(Record(part_id, body, f"gone from {whole.key}"))
    return [*parts, *deletions]


def bodies_of(api: Api, kind: Kind, whole: Record) -> list[bytes]:
    """The bodies of all parts: from the whole itself if its list is complete, else from the list's own address."""
    bodies = items_if_complete(whole.body, kind.parts)
    if bodies is not None:
        return bodies
    try:
        return fetch_list(api, f"{kind.path}/{quote(whole.key, safe='')}/{kind.parts}")
    except NoSuchObject:  # the whole was deleted after it was listed
        return []


def refetch_part(ctx: Context, api: Api, kind: Kind, record: Record) -> Record | Refusal:
    """A part that was refused, as its whole has it now; a deletion where the whole no longer has it."""
    whole_id = read_mark(record.body).whole
    body = fetch_current(api, kind, whole_id)
    since = int((ctx.now - ALLOWANCE).timestamp())
    marked_body = add_mark(make_stub(whole_id, kind.object) if body is None else body, since, deleted=body is None)
    parts = parts_of(ctx, api, kind, Record(whole_id, marked_body), {record.key})
    return next(part for part in parts if isinstance(part, Record) and part.key == record.key)


def first_parts(
    ctx: Context, api: Api, kind: Kind, wholes: Iterable[Record], limit: int
) -> tuple[list[Record], list[Refusal]]:
    """The first `limit` parts of the wholes, for a preview."""
    parts: list[Record | Refusal] = []
    for whole in wholes:
        parts += parts_of(ctx, api, kind, whole, frozenset())
        if len(parts) >= limit:
            break
    return partition(parts[:limit])
