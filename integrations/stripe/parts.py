"""Objects that are parts of others: an invoice's lines, with what was stored of them and is gone.

A whole tells of its parts: what its list holds now is what there is, and a stored part that the list has no more was
deleted. So one look at an invoice settles all of its lines, however often they changed in between.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from typing import Any, Protocol
from urllib.parse import quote

from ingestion import Context, Json, Page, Record, Refusal
from integrations.stripe.client import Api, NoSuchObject
from integrations.stripe.current_object import current
from integrations.stripe.kinds import Kind
from integrations.stripe.nested import inside, whole
from integrations.stripe.objects import glance, mark_of, marked, named, parted, stub
from integrations.stripe.schemas.base import ALLOWANCE

_PAGE = 2000
"""Parts of one page: a thousand invoices may have a quarter of a million lines."""
PART = "line_item"
"""The `object` member of the only kind of parts so far."""


class KnownParts(Protocol):
    """Which parts are stored and not deleted."""

    def __call__(self, ctx: Context, wholes: Sequence[str]) -> Mapping[str, Set[str]]:
        """The ids of the parts of these objects, by the object's id."""
        ...


def in_parts(
    ctx: Context, api: Api, kind: Kind, pages: Iterable[Page], known: KnownParts | None, place: Json
) -> Iterator[Page]:
    """Pages of wholes as pages of their parts. `place` is the checkpoint before the first of them.

    A page's checkpoint is reached with the last of its parts; what came before is read again after an interruption.
    """
    for page in pages:
        records: list[Record] = []
        refused = list(page.refused)
        stored = _stored(ctx, page.records, known)
        for one in page.records:
            found, odd = parted(parts_of(ctx, api, kind, one, stored.get(one.key, frozenset())))
            ctx.beat()
            records += found
            refused += odd
            if len(records) >= _PAGE and one is not page.records[-1]:
                yield Page(records, place, refused)
                records, refused = [], []
        yield dataclasses.replace(page, records=records, refused=refused)
        place = page.checkpoint


def _stored(ctx: Context, wholes: Sequence[Record], known: KnownParts | None) -> Mapping[str, Set[str]]:
    ids = [one.key for one in wholes]
    return ctx.between_batches(lambda: known(ctx, ids)) if known is not None and ids else {}


def parts_of(ctx: Context, api: Api, kind: Kind, record: Record, stored: Set[str]) -> list[Record | Refusal]:
    """The parts of one whole as they are now, and those of `stored` that are gone."""
    head, since = glance(record.body), mark_of(record.body).as_of
    about: dict[str, Any] = {"whole": record.key, "created": head.created}
    bodies = [] if head.deleted else bodies_of(api, kind, record)
    lines = enumerate((marked(body, since, **about) for body in bodies), start=1)
    found = [named(body, f"{record.key}, line {number}", PART) for number, body in lines]
    there = {one.key for one in found if isinstance(one, Record)}
    ended = int(ctx.now.timestamp()) if since is None else since
    gone = [
        Record(identity, marked(stub(identity, PART), ended, deleted=True, whole=record.key), f"gone from {record.key}")
        for identity in sorted(stored - there)
    ]
    return [*found, *gone]


def bodies_of(api: Api, kind: Kind, record: Record) -> list[bytes]:
    """All parts: those that came with the whole when they are all of them, else its whole list."""
    came = inside(record.body, kind.parts)
    if came is not None:
        return came
    try:
        return whole(api, f"{kind.path}/{quote(record.key, safe='')}/{kind.parts}")
    except NoSuchObject:  # deleted since it was listed
        return []


def part_again(ctx: Context, api: Api, kind: Kind, record: Record) -> Record | Refusal:
    """A part that was refused, as its whole has it now; a deletion where the whole has it no more."""
    identity = mark_of(record.body).whole
    body = current(api, kind, identity)
    since = int((ctx.now - ALLOWANCE).timestamp())
    now = marked(stub(identity, kind.object) if body is None else body, since, deleted=body is None)
    again = parts_of(ctx, api, kind, Record(identity, now), {record.key})
    return next(one for one in again if isinstance(one, Record) and one.key == record.key)


def first_parts(
    ctx: Context, api: Api, kind: Kind, wholes: Iterable[Record], limit: int
) -> tuple[list[Record], list[Refusal]]:
    """The first `limit` parts of the wholes, for people to look at."""
    found: list[Record | Refusal] = []
    for one in wholes:
        found += parts_of(ctx, api, kind, one, frozenset())
        if len(found) >= limit:
            break
    return parted(found[:limit])
