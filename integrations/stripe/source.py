"""`Stripe("charges")`: the objects of one kind, kept up with."""

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
from integrations.stripe.feed import changes
from integrations.stripe.figures import figures
from integrations.stripe.kinds import Kind, kind
from integrations.stripe.listing import Known, Span, first_page, listed
from integrations.stripe.nested import left_out
from integrations.stripe.object_changes import ABOUT_NOTHING, News, about, add, fetched, fetched_again
from integrations.stripe.objects import delivered, event, glance, mark_of, named, parted
from integrations.stripe.parts import KnownParts, first_parts, in_parts, part_again

_SHOWN = 20
_ACCOUNT = re.compile(r"acct_\w{1,100}", re.ASCII)
KEYS = ("account", "emptied", "integration")
"""What the kind reads of a connection's config."""


@dataclass(frozen=True, slots=True)
class Stripe:
    """Objects of one kind: first all of them, then what changed. Records are the objects as Stripe sent them.

    An object that came with an event has a member `sluicegate` beside its own, `{"as_of": 1767225600, "deleted":
    false}`, and a deleted one Stripe's `"deleted": true`; of some deleted objects there is only the id.
    """

    object: str
    """A key of `KINDS`: charges, customers, invoices and so on."""
    refetch: bool = False
    """Always fetch what an event tells of. For schemas of your own that do not take the account's API version."""
    known: Known | None = field(default=None, repr=False)
    """Which objects are stored, so that full lists find out what was deleted."""
    known_parts: KnownParts | None = field(default=None, repr=False)
    """Which parts are stored, so that those which their whole has no more become deletions."""
    open: Callable[[Context], AbstractContextManager[Api]] = field(default=open_api, repr=False)
    clock: Callable[[], float] = field(default=time.time, repr=False)
    keys: Keys = ()
    """Further keys of a connection's config, for functions of your own: their names, or a pydantic model of them."""

    def __post_init__(self) -> None:
        kind(self.object)
        flag: object = self.refetch
        if not isinstance(flag, bool):
            raise ConfigurationError(f"refetch of Stripe must be True or False; it is {flag!r}.")
        for name in ("open", "clock", *(name for name in ("known", "known_parts") if getattr(self, name) is not None)):
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
        """A backfill lists what was created in its window, and what vanished from it."""
        return True

    def reads_ahead(self, ctx: Context) -> bool:
        """Stripe's lists and its feed know nothing of who has read them."""
        return True

    def totals_of(self, ctx: Context) -> Collection[str]:
        return ()

    def extract(self, ctx: Context, checkpoint: Json) -> Iterator[Page]:
        checkpoint = self._usable(checkpoint)
        plan = windows.plan(self.kind, ctx, self.clock())
        if checkpoint:
            span = Span(*checkpoint["span"]) if checkpoint["span"] else None
            plan = windows.Plan(span, checkpoint["since"])
        frame = {"span": dataclasses.astuple(plan.span) if plan.span else None, "since": plan.since}
        place = checkpoint["place"] if checkpoint else None
        notes = [plan.note] if plan.note else []
        with self.open(ctx) as api:
            if plan.span is not None:
                pages = listed(ctx, api, self.kind, plan.span, place, self.known)
            else:
                pages = changes(ctx, api, self.kind, plan.since, place, self._refetch)
            for page in self._of_parts(ctx, api, pages, place):
                page = dataclasses.replace(page, checkpoint={**frame, "place": page.checkpoint}, notes=notes)
                yield page
                notes = []

    @property
    def _refetch(self) -> bool:
        """Parts always: an event of an older version has them under ids that say less."""
        return self.refetch or bool(self.kind.parts)

    def _of_parts(self, ctx: Context, api: Api, pages: Iterable[Page], place: Json = None) -> Iterator[Page]:
        """The pages, or those of the parts of what is on them, with what stays out of them counted."""
        if self.kind.parts:
            yield from in_parts(ctx, api, self.kind, pages, self.known_parts, place)
            return
        for page in pages:
            short = left_out(self.kind, (one.body for one in page.records))
            yield dataclasses.replace(page, left_out={**page.left_out, **short}) if short else page

    def _usable(self, checkpoint: Json) -> Json:
        """A feed that waited so long that events are gone is begun anew, as a list."""
        if checkpoint and checkpoint["span"] is None and windows.outlived(checkpoint["since"], self.clock()):
            return None
        return checkpoint

    def receive(self, ctx: Context, deliveries: Sequence[Record]) -> Page:
        """The objects that webhooks tell of, as they are now: each is fetched once, however often it was told."""
        changed: dict[str, News] = {}
        refused: list[Refusal] = []
        pointless = 0
        for delivery in deliveries:
            one = delivered(delivery)
            if isinstance(one, Refusal):
                refused.append(one)
                continue
            news = about(self.kind, one)
            if news is not None:
                add(changed, news)
            else:
                pointless += 1
        found: list[Record | Refusal] = []
        with self.open(ctx) as api:
            for news in changed.values():
                found.append(fetched(api, self.kind, news))
                ctx.beat()
            page = _joined(self._of_parts(ctx, api, [_page([*refused, *found])]))
        told_of_nothing = {ABOUT_NOTHING: pointless} if pointless else {}
        return dataclasses.replace(page, left_out={**page.left_out, **told_of_nothing})

    def reopen(self, ctx: Context, record: Record) -> Page:
        """What was refused, tried once more: an event told again, an object fetched again, a list's object named."""
        if event(record.body) is not None:
            return self.receive(ctx, [record])
        mark = mark_of(record.body)
        if mark.whole:
            with self.open(ctx) as api:
                return _page([part_again(ctx, api, self.kind, record)])
        if mark.as_of is None and glance(record.body).object != self.kind.object:
            why = f"This is neither an event nor one of the {self.object}; abandon this letter."
            return Page([], None, [Refusal(record, RecordError(why))])
        if mark.as_of is None and not self.kind.parts:
            return _page([named(record.body, record.position, self.kind.object)])
        with self.open(ctx) as api:
            if mark.as_of is None:
                again = named(record.body, record.position, self.kind.object)
            else:
                again = fetched_again(api, self.kind, record)
            return _joined(self._of_parts(ctx, api, [_page([again])]))

    def test(self, ctx: Context) -> str:
        """Asks for one object and, where there are any, one event: proves the key and its rights."""
        with self.open(ctx) as api:
            api.get(self.kind.path, {"limit": 1, **self.kind.lists[0]})
            if self.kind.events:
                api.get("/v1/events", {"limit": 1, "type": self.kind.events[0]})
        mode = "unknown" if api.live is None else "live" if api.live else "test"
        return f"Stripe answered: the key (mode {mode}) may read {self.object} and their events."

    def preview(self, ctx: Context) -> Page:
        with self.open(ctx) as api:
            records, refused = first_page(api, self.kind, _SHOWN)
            if self.kind.parts:
                records, refused = first_parts(ctx, api, self.kind, records, _SHOWN)
        return Page(records, None, refused)

    def figures(self, ctx: Context, window: Window) -> Mapping[str, Figure]:
        """Count, sum and ids of the objects created in a closed period, by currency."""
        with self.open(ctx) as api:
            return figures(api, self.kind, window)


def _page(found: Sequence[Record | Refusal]) -> Page:
    records, refused = parted(found)
    return Page(records, None, refused)


def _joined(pages: Iterable[Page]) -> Page:
    """Pages of one answer as one."""
    parts = list(pages)
    records, refused = [one for page in parts for one in page.records], [one for page in parts for one in page.refused]
    return Page(records, None, refused, left_out=dict(sum((Counter(page.left_out) for page in parts), Counter())))
