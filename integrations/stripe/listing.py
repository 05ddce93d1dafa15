"""Lists of the objects of one kind that were created in a span of time, newest first.

The span ends before the run began, so no new object shifts the pages; an object that changes meanwhile has an event,
which the next run reads. Where objects can be deleted, each batch is also compared with the stored objects of its time:
a stored object that is not in the list is fetched, and becomes a deletion when Stripe no longer knows it. This needs no
memory of the whole list, and an interrupted list continues where it stopped.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import asdict, dataclass
from itertools import takewhile
from typing import Any, Protocol

from ingestion import Context, CredentialError, Json, Page, Record, Refusal, SourceChanged
from integrations.stripe.client import Api, NoSuchObject
from integrations.stripe.current_object import fetch_current
from integrations.stripe.kinds import Kind, Params
from integrations.stripe.nested import complete_cut_lists
from integrations.stripe.objects import ObjectHead, add_mark, make_stub, partition, read_head, record_of, split_list

_LIMIT = 100
"""The most that Stripe lists at once."""
_BATCH = 1000
"""Objects that make one batch, ten calls."""
_ALL_GONE = 10
"""When this many stored objects are unknown at once, the key is more likely another account's than all deleted."""
_EDGE = 1000
"""Ids of a batch's last second in its checkpoint; any beyond (after a bulk import) are fetched one by one."""


class StoredIdsLookup(Protocol):
    """Looks up which objects are stored and not deleted."""

    def __call__(self, ctx: Context, params: Params, start: int, end: int, live: bool | None) -> Set[str]:
        """The ids of the stored objects created in [start, end) that the list with these `params` should contain."""
        ...


@dataclass(frozen=True, slots=True)
class CreationSpan:
    """The time of creation of objects to list, in seconds since 1970; with `since` None from the beginning."""

    since: int | None
    until: int

    @property
    def params(self) -> Mapping[str, int]:
        return {"lt": self.until} if self.since is None else {"gte": self.since, "lt": self.until}


@dataclass(slots=True)
class ListPosition:
    """How far a listing has come; its checkpoint."""

    number: int = 0
    """The index of the list in the kind's `lists`."""
    after: str = ""
    """The id of the last object that was listed."""
    created: int | None = None
    """When the object `after` was created."""
    edge: tuple[str, ...] = ()
    """Ids of listed objects that were created in the same second as `after`."""


def list_objects(
    ctx: Context, api: Api, kind: Kind, span: CreationSpan, checkpoint: Json, stored_ids: StoredIdsLookup | None
) -> Iterator[Page]:
    """Pages of all objects of the span. A page's checkpoint continues here, with the same span."""
    position = ListPosition(**checkpoint) if checkpoint else ListPosition()
    while position.number < len(kind.lists):
        bodies, more, next_position = _batch(ctx, api, kind, span, position)
        records, refused = partition(_records(kind, bodies))
        if stored_ids is not None and kind.deletable:
            start = (next_position.created or 0) + 1 if more else span.since or 0
            end = span.until if position.created is None else position.created + 1
            lookup = functools.partial(stored_ids, ctx, kind.lists[position.number], start, end, api.live)
            stored = ctx.between_batches(lookup)
            listed = {record.key for record in (*records, *(refusal.record for refusal in refused))}
            records += _missing(ctx, api, kind, stored, sorted(stored - listed - set(position.edge)))
        position = next_position if more else ListPosition(position.number + 1)
        yield Page(records, asdict(position), refused)


def list_pages(api: Api, kind: Kind, span: CreationSpan, position: ListPosition) -> Iterator[tuple[list[bytes], bool]]:
    """The pages of one list after `position`, each with whether there are more. Raises SourceChanged."""
    after, created, until = position.after, position.created, span.until
    more = True
    while more:
        created_params = dict(CreationSpan(span.since, until).params)
        params = {"limit": _LIMIT, "created": created_params, **kind.lists[position.number]}
        if after:
            params["starting_after"] = after
        try:
            bodies, more = split_list(api.get(kind.path, params).body)
        except NoSuchObject as error:
            if error.parameter != "starting_after" or created is None:
                raise SourceChanged(f"Stripe does not list {kind.name}: {error}") from None
            # The object at the cursor was deleted: list its second again, and what is older.
            after, until = "", created + 1
            continue
        if bodies:
            newest, oldest = read_head(bodies[0]), _last(kind, bodies)
            _require_progress(kind, after, created, newest.created or 0, oldest.id or "")
            after, created = oldest.id or "", oldest.created or 0
        elif more:
            raise SourceChanged(f"Stripe says that there are more {kind.name}, and sent none.")
        yield bodies, more


def _records(kind: Kind, bodies: Sequence[bytes]) -> list[Record | Refusal]:
    return [record_of(body, f"item {number}", kind.object) for number, body in enumerate(bodies, start=1)]


def _last(kind: Kind, bodies: Sequence[bytes]) -> ObjectHead:
    """The last object of the kind, after which the list continues; refused objects after it come once more."""
    heads = map(read_head, reversed(bodies))
    return next((head for head in heads if head.id and head.is_of(kind.object)), ObjectHead())


def _require_progress(kind: Kind, after: str, created: int | None, newest: int, last: str) -> None:
    """Raise SourceChanged for a server that ignores the cursor and starts again; the list would never end."""
    if not last:
        raise SourceChanged(f"None of a page of {kind.name} has an id that can be read, to go on after.")
    if created is not None and (newest > created or last == after):
        raise SourceChanged(f"The list of {kind.name} does not go on after {after}; it would never end.")


def _batch(
    ctx: Context, api: Api, kind: Kind, span: CreationSpan, position: ListPosition
) -> tuple[list[bytes], bool, ListPosition]:
    """The objects of one batch, whether there are more, and the position after them."""
    bodies: list[bytes] = []
    more = True
    pages = list_pages(api, kind, span, position)
    while more and len(bodies) < _BATCH:
        page, more = next(pages)
        bodies += [complete_cut_lists(api, kind, body) for body in page] if kind.whole_lists else page
        ctx.beat()
    if not bodies:
        return bodies, more, position
    last = _last(kind, bodies)
    created = last.created or 0
    edge_before = position.edge if position.created == created else ()
    heads = (head for head in map(read_head, reversed(bodies)) if head.id)
    edge = [str(head.id) for head in takewhile(lambda head: (head.created or 0) == created, heads)]
    return bodies, more, ListPosition(position.number, str(last.id), created, (*edge_before, *edge)[-_EDGE:])


def _missing(ctx: Context, api: Api, kind: Kind, stored: Set[str], absent: Sequence[str]) -> list[Record]:
    """The objects of `stored` that are `absent` from the list: as they are now, or as deletions.

    Raises CredentialError when Stripe knows none of the stored objects.
    """
    records: list[Record] = []
    all_unknown = len(absent) >= _ALL_GONE and len(absent) == len(stored) and not ctx.config.get("emptied")
    for number, identity in enumerate(absent, start=1):
        ctx.beat()
        body = fetch_current(api, kind, identity)
        all_unknown = all_unknown and body is None
        if all_unknown and number == len(absent):
            raise CredentialError(
                f"Stripe knows none of the {number} {kind.name} that are stored from this time. Is the key another "
                'account\'s? If they were all deleted there, say so: config {"emptied": true} for this run.'
            )
        if body is None:
            body = add_mark(make_stub(identity, kind.object), int(ctx.now.timestamp()), deleted=True)
        records.append(Record(identity, body, "was stored, and not in the list"))
    return records


def first_page(api: Api, kind: Kind, limit: int) -> tuple[list[Record], list[Refusal]]:
    """The newest `limit` objects, for a preview."""
    params: dict[str, Any] = {"limit": limit, **kind.lists[0]}
    bodies, _ = split_list(api.get(kind.path, params).body)
    return partition(_records(kind, bodies))
