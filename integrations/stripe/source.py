"""`Stripe("charges")`: the source of one kind of object, and of its changes."""

from __future__ import annotations

import dataclasses
import re
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

from ingestion import (
    ConfigurationError,
    Context,
    Figure,
    Json,
    Keys,
    Page,
    Record,
    RecordError,
    Refusal,
    Window,
    check_keys,
    require_keys,
)
from integrations.stripe import windows
from integrations.stripe.client import Api, open_api
from integrations.stripe.feed import read_changes
from integrations.stripe.figures import compute_figures
from integrations.stripe.kinds import Kind, kind
from integrations.stripe.listing import CreationSpan, StoredIdsLookup, first_page, list_objects
from integrations.stripe.nested import count_cut_lists
from integrations.stripe.object_changes import ABOUT_NOTHING, News, fetch, keep_newest, news_about, refetch_object
from integrations.stripe.objects import delivered_event, parse_event, partition, read_head, read_mark, record_of
from integrations.stripe.parts import StoredPartsLookup, first_parts, pages_of_parts, refetch_part

_ACCOUNT = re.compile(r"acct_\w{1,100}", re.ASCII)
_PREVIEWED = 20
"""Objects of a preview."""
KEYS = ("account", "emptied", "integration")
"""The keys of a connection's config that this source reads."""


@dataclass(frozen=True, slots=True)
class Stripe:
    """Objects of one kind: the first run reads all of them, later runs those that changed.

    Records are the objects as Stripe sent them. An object that came with an event has a further member `sluicegate`,
    `{"as_of": 1767225600, "deleted": false}`. A deleted object has Stripe's `"deleted": true`; some have only an id.
    """

    object: str
    """A key of `KINDS`: charges, customers, invoices and so on."""
    refetch: bool = False
    """Always fetch the object of an event, for schemas of your own that do not accept the account's API version."""
    stored_ids: StoredIdsLookup | None = field(default=None, repr=False)
    """Looks up which objects are stored, so that a list shows which of them were deleted."""
    stored_parts: StoredPartsLookup | None = field(default=None, repr=False)
    """Looks up which parts are stored, so that parts that the whole no longer has become deletions."""
    open: Callable[[Context], AbstractContextManager[Api]] = field(default=open_api, repr=False)
    clock: Callable[[], float] = field(default=time.time, repr=False)
    keys: Keys = ()
    """Further keys of a connection's config, for functions of your own: their names, or a pydantic model of them."""

    def __post_init__(self) -> None:
        kind(self.object)
        flag: object = self.refetch
        if not isinstance(flag, bool):
            raise ConfigurationError(f"refetch of Stripe must be True or False; it is {flag!r}.")
        for name in (
            "open",
            "clock",
            *(name for name in ("stored_ids", "stored_parts") if getattr(self, name) is not None),
        ):
            if not callable(getattr(self, name)):
                raise ConfigurationError(f"{name} of Stripe must be a function; it is {getattr(self, name)!r}.")
        require_keys("Stripe", self.keys)

    @property
    def kind(self) -> Kind:
        return kind(self.object)

    def check_config(self, config: Mapping[str, Any]) -> None:
        check_keys(config, KEYS, self.keys, source=self)
        account, emptied = config.get("account", ""), config.get("emptied", False)
        if account != "" and not (isinstance(account, str) and _ACCOUNT.fullmatch(account)):
            raise ConfigurationError("`account` is the id of a connected account, as Stripe writes it: acct_1A2b3C.")
        if not isinstance(emptied, bool):
            raise ConfigurationError("`emptied` is true or false, without quotation marks.")

    def reads_windows(self, ctx: Context) -> bool:
        """True: a backfill lists the objects created in its window, with deletions of those that are missing."""
        return True

    def reads_ahead(self, ctx: Context) -> bool:
        """True: reading changes nothing in Stripe's lists and its feed."""
        return True

    def totals_of(self, ctx: Context) -> Collection[str]:
        return ()

    def extract(self, ctx: Context, checkpoint: Json) -> Iterator[Page]:
        checkpoint = self._unless_outlived(checkpoint)
        plan = windows.make_plan(self.kind, ctx, self.clock())
        if checkpoint:
            span = CreationSpan(*checkpoint["span"]) if checkpoint["span"] else None
            plan = windows.ReadingPlan(span, checkpoint["since"])
        plan_facts = {"span": dataclasses.astuple(plan.span) if plan.span else None, "since": plan.since}
        position = checkpoint["place"] if checkpoint else None
        notes = [plan.note] if plan.note else []
        with self.open(ctx) as api:
            if plan.span is not None:
                pages = list_objects(ctx, api, self.kind, plan.span, position, self.stored_ids)
            else:
                pages = read_changes(ctx, api, self.kind, plan.since, position, self._refetch)
            for page in self._of_parts(ctx, api, pages, position):
                page = dataclasses.replace(page, checkpoint={**plan_facts, "place": page.checkpoint}, notes=notes)
                yield page
                notes = []

    @property
    def _refetch(self) -> bool:
        """Whether objects of events are always fetched: events of old API versions lack the present ids of parts."""
        return self.refetch or bool(self.kind.parts)

    def _of_parts(self, ctx: Context, api: Api, pages: Iterable[Page], position: Json = None) -> Iterator[Page]:
        """The pages, or pages of their objects' parts if the kind is one of parts; lists left cut short are counted."""
        if self.kind.parts:
            yield from pages_of_parts(ctx, api, self.kind, pages, self.stored_parts, position)
            return
        for page in pages:
            short_lists = count_cut_lists(self.kind, (record.body for record in page.records))
            yield dataclasses.replace(page, left_out={**page.left_out, **short_lists}) if short_lists else page

    def _unless_outlived(self, checkpoint: Json) -> Json:
        """The checkpoint; None where it is of a feed and so old that events are gone, so that the run begins anew."""
        if checkpoint and checkpoint["span"] is None and windows.is_outlived(checkpoint["since"], self.clock()):
            return None
        return checkpoint

    def receive(self, ctx: Context, deliveries: Sequence[Record]) -> Page:
        """The objects of delivered events as they are now; each is fetched once, however many events concern it."""
        changed: dict[str, News] = {}
        refused: list[Refusal] = []
        irrelevant = 0
        for delivery in deliveries:
            event = delivered_event(delivery)
            if isinstance(event, Refusal):
                refused.append(event)
                continue
            news = news_about(self.kind, event)
            if news is not None:
                keep_newest(changed, news)
            else:
                irrelevant += 1
        objects: list[Record | Refusal] = []
        with self.open(ctx) as api:
            for news in changed.values():
                objects.append(fetch(api, self.kind, news))
                ctx.beat()
            page = _joined(self._of_parts(ctx, api, [_page([*refused, *objects])]))
        events_left_out = {ABOUT_NOTHING: irrelevant} if irrelevant else {}
        return dataclasses.replace(page, left_out={**page.left_out, **events_left_out})

    def reopen(self, ctx: Context, record: Record) -> Page:
        """A refused record again: an event is processed, the object of an event is fetched, a listed object is read."""
        if parse_event(record.body) is not None:
            return self.receive(ctx, [record])
        mark = read_mark(record.body)
        if mark.whole:
            with self.open(ctx) as api:
                return _page([refetch_part(ctx, api, self.kind, record)])
        if mark.as_of is None and read_head(record.body).object != self.kind.object:
            reason = f"This is neither an event nor one of the {self.object}; abandon this letter."
            return Page([], None, [Refusal(record, RecordError(reason))])
        if mark.as_of is None and not self.kind.parts:
            return _page([record_of(record.body, record.position, self.kind.object)])
        with self.open(ctx) as api:
            if mark.as_of is None:
                result = record_of(record.body, record.position, self.kind.object)
            else:
                result = refetch_object(api, self.kind, record)
            return _joined(self._of_parts(ctx, api, [_page([result])]))

    def test(self, ctx: Context) -> str:
        """Read one object and, if the kind has events, one event, which proves the key and its rights."""
        with self.open(ctx) as api:
            api.get(self.kind.path, {"limit": 1, **self.kind.lists[0]})
            if self.kind.events:
                api.get("/v1/events", {"limit": 1, "type": self.kind.events[0]})
        mode = "unknown" if api.live is None else "live" if api.live else "test"
        return f"Stripe answered: the key (mode {mode}) may read {self.object} and their events."

    def preview(self, ctx: Context) -> Page:
        with self.open(ctx) as api:
            records, refused = first_page(api, self.kind, _PREVIEWED)
            if self.kind.parts:
                records, refused = first_parts(ctx, api, self.kind, records, _PREVIEWED)
        return Page(records, None, refused)

    def figures(self, ctx: Context, window: Window) -> Mapping[str, Figure]:
        """Count, sum and ids of the objects created in a closed period, by currency."""
        with self.open(ctx) as api:
            return compute_figures(api, self.kind, window)


def _page(results: Sequence[Record | Refusal]) -> Page:
    records, refused = partition(results)
    return Page(records, None, refused)


def _joined(pages: Iterable[Page]) -> Page:
    """The records, refusals and counts of several pages as one page."""
    records: list[Record] = []
    refused: list[Refusal] = []
    left_out: Counter[str] = Counter()
    for page in pages:
        records += page.records
        refused += page.refused
        left_out += Counter(page.left_out)
    return Page(records, None, refused, left_out=dict(left_out))
