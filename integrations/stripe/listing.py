"""Lists of one kind of object, created in a span of time, newest first.

The span ends before the run began, so nothing new moves the pages; what changes meanwhile tells its event afterwards.
Where objects can vanish, each page also finds the stored ones that should be on it and are not: they are asked for
one by one, and those that Stripe does not know any more become deletions. That needs no memory of the whole list, and
an interrupted list goes on where it stopped.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import asdict, dataclass
from itertools import takewhile
from typing import Any, Protocol

from ingestion import Context, CredentialError, Json, Page, Record, Refusal, SourceChanged
from integrations.stripe.client import Api, NoSuchObject
from integrations.stripe.current_object import current
from integrations.stripe.kinds import Kind, Params
from integrations.stripe.nested import completed
from integrations.stripe.objects import Head, glance, marked, named, parted, split, stub

_LIMIT = 100
"""The most that Stripe lists at once."""
_BATCH = 1000
"""Objects that make one batch, ten calls."""
_ALL_GONE = 10
"""So many stored objects, all of them unknown at once, are sooner another account's key than deletions."""
_EDGE = 1000
"""Ids of a page's last second that the next one is told of; more (a bulk import) are asked for one by one."""


class Known(Protocol):
    """Which objects are stored and not deleted."""

    def __call__(self, ctx: Context, of: Params, start: int, end: int, live: bool | None) -> Set[str]:
        """The ids of those created in [start, end) that the list with the parameters `of` should hold."""
        ...


@dataclass(frozen=True, slots=True)
class Span:
    """Seconds since 1970; `since` None: from the beginning."""

    since: int | None
    until: int

    @property
    def params(self) -> Mapping[str, int]:
        return {"lt": self.until} if self.since is None else {"gte": self.since, "lt": self.until}


@dataclass(slots=True)
class Place:
    """Where a listing stands; its checkpoint."""

    number: int = 0
    """Which of the kind's lists."""
    after: str = ""
    created: int | None = None
    """When the object `after` was created."""
    edge: tuple[str, ...] = ()
    """The objects listed before, created in that same second."""


def listed(ctx: Context, api: Api, kind: Kind, span: Span, checkpoint: Json, known: Known | None) -> Iterator[Page]:
    """All objects of the span, in batches. Their checkpoints continue here, with the same span."""
    place = Place(**checkpoint) if checkpoint else Place()
    while place.number < len(kind.lists):
        bodies, more, following = _batch(ctx, api, kind, span, place)
        records, refused = parted(_named(kind, bodies))
        if known is not None and kind.deletable:
            listed_now = {record.key for record in (*records, *(one.record for one in refused))}
            records += _missing(ctx, api, kind, span, place, following, more, listed_now, known)
        place = following if more else Place(place.number + 1)
        yield Page(records, asdict(place), refused)


def walked(api: Api, kind: Kind, span: Span, place: Place) -> Iterator[tuple[list[bytes], bool]]:
    """The pages of one list after `place`, each with whether there are more. Raises SourceChanged."""
    after, created, until = place.after, place.created, span.until
    more = True
    while more:
        asked = {"limit": _LIMIT, "created": dict(Span(span.since, until).params), **kind.lists[place.number]}
        if after:
            asked["starting_after"] = after
        try:
            bodies, more = split(api.get(kind.path, asked).body)
        except NoSuchObject as missing:
            if missing.parameter != "starting_after" or created is None:
                raise SourceChanged(f"Stripe does not list {kind.name}: {missing}") from None
            after, until = "", created + 1  # the object that marked our place was deleted: its second again, then on
            continue
        if bodies:
            newest, oldest = glance(bodies[0]), _last(kind, bodies)
            _in_order(kind, after, created, newest.created or 0, oldest.id or "")
            after, created = oldest.id or "", oldest.created or 0
        elif more:
            raise SourceChanged(f"Stripe says that there are more {kind.name}, and sent none.")
        yield bodies, more


def _named(kind: Kind, bodies: Sequence[bytes]) -> list[Record | Refusal]:
    return [named(body, f"item {number}", kind.object) for number, body in enumerate(bodies, start=1)]


def _last(kind: Kind, bodies: Sequence[bytes]) -> Head:
    """The last object of the kind, after which the list goes on; what is refused behind it then comes once more."""
    heads = map(glance, reversed(bodies))
    return next((head for head in heads if head.id and head.is_of(kind.object)), Head())


def _in_order(kind: Kind, after: str, created: int | None, newest: int, last: str) -> None:
    """A server that does not know the cursor begins again; the list would never end."""
    if not last:
        raise SourceChanged(f"None of a page of {kind.name} has an id that can be read, to go on after.")
    if created is not None and (newest > created or last == after):
        raise SourceChanged(f"The list of {kind.name} does not go on after {after}; it would never end.")


def _batch(ctx: Context, api: Api, kind: Kind, span: Span, place: Place) -> tuple[list[bytes], bool, Place]:
    bodies: list[bytes] = []
    more = True
    pages = walked(api, kind, span, place)
    while more and len(bodies) < _BATCH:
        page, more = next(pages)
        bodies += [completed(api, kind, body) for body in page] if kind.whole_lists else page
        ctx.beat()
    if not bodies:
        return bodies, more, place
    last = _last(kind, bodies)
    created = last.created or 0
    before = place.edge if place.created == created else ()
    heads = filter(lambda one: one.id, map(glance, reversed(bodies)))
    same_second = takewhile(lambda one: (one.created or 0) == created, heads)
    edge = [str(one.id) for one in same_second]
    return bodies, more, Place(place.number, str(last.id), created, (*before, *edge)[-_EDGE:])


def _missing(
    ctx: Context, api: Api, kind: Kind, span: Span, place: Place, following: Place, more: bool, on_it: Set[str],
    known: Known,
) -> list[Record]:  # fmt: skip
    """Stored objects that this batch should have held: as they are now, or as deletions."""
    start = (following.created or 0) + 1 if more else span.since or 0
    end = span.until if place.created is None else place.created + 1
    found: list[Record] = []
    stored = ctx.between_batches(lambda: known(ctx, kind.lists[place.number], start, end, api.live))
    absent = sorted(stored - on_it - set(place.edge))
    strange = len(absent) >= _ALL_GONE and len(absent) == len(stored) and not ctx.config.get("emptied")
    for number, identity in enumerate(absent, start=1):
        ctx.beat()
        body = current(api, kind, identity)
        strange = strange and body is None
        if strange and number == len(absent):
            raise CredentialError(
                f"Stripe knows none of the {number} {kind.name} that are stored from this time. Is the key another "
                'account\'s? If they were all deleted there, say so: config {"emptied": true} for this run.'
            )
        if body is None:
            body = marked(stub(identity, kind.object), int(ctx.now.timestamp()), deleted=True)
        found.append(Record(identity, body, "was stored, and not in the list"))
    return found


def first_page(api: Api, kind: Kind, limit: int) -> tuple[list[Record], list[Refusal]]:
    """The newest objects, for people to look at."""
    asked: dict[str, Any] = {"limit": limit, **kind.lists[0]}
    bodies, _ = split(api.get(kind.path, asked).body)
    return parted(_named(kind, bodies))
