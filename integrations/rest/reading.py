"""Page after page, and what makes sure that they end, belong together and lose nothing.

Pure but for `fetch`: the same pages give the same records and checkpoints, wherever the reading was interrupted.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import msgspec

from ingestion import Json, Page, Record, RecordError, Refusal, SourceChanged
from integrations.rest.declaration import Declaration
from integrations.rest.exchange import Answer, Call, Fetch, Reply, State, Turn
from integrations.rest.fields import key_reader, mark
from integrations.rest.paths import NULL, path, peek

_SAME = 2
"""An equal page may come by chance when rows move by exactly one page; a second one in a row does not."""
BATCH = 5_000
"""Records of one batch, which is one transaction; a larger page becomes several."""


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a reading stands between two pages. All of it is in the run's checkpoint."""

    state: State
    of: str
    """Fingerprint of the declaration that the state belongs to."""
    done: bool = False
    pages: int = 0
    distinct: int = 0
    """Elements read so far, without those known to be repeated."""
    nulls: int = 0
    first_total: int | None = None
    moved: bool = False
    last: str = ""
    """Digest of the last page."""
    same: int = 0
    """How often that page came in a row."""

    @classmethod
    def at(cls, declaration: Declaration, checkpoint: Json) -> Progress:
        """From a checkpoint; from the start without one, or when the declaration has changed since."""
        start = cls(declaration.pagination.first(), declaration.fingerprint)
        if checkpoint is None:
            return start
        if checkpoint.get("of") != start.of:
            return dataclasses.replace(start, moved=True)  # the totals of the first pages were of something else
        known = {one.name for one in dataclasses.fields(cls)}
        return cls(**{name: value for name, value in checkpoint.items() if name in known})


@dataclass(slots=True)
class Reading:
    """One reading of a declared source. `call` is filled in: no placeholder is left."""

    declaration: Declaration
    call: Call
    fetch: Fetch
    beat: Callable[[], None] = lambda: None
    hidden: frozenset[str] = frozenset()
    """Query parameters that carry a secret; never kept in a checkpoint."""
    check: Callable[[Page], None] = lambda page: None
    """Raises for a page that must not be kept or shown."""
    _seen: set[int] = field(default_factory=set)

    def pages(self, checkpoint: Json) -> Iterator[Page]:
        progress = Progress.at(self.declaration, checkpoint)
        while not progress.done:
            self.beat()
            before = progress
            page, progress = self.step(before)
            yield from _batches(page, before)

    def step(self, progress: Progress) -> tuple[Page, Progress]:
        """The next page, and where the reading stands after it.

        Raises SourceChanged, Transient or CredentialError; the reading then goes on from `progress` another time.
        """
        if progress.pages >= self.declaration.max_pages:
            raise SourceChanged(
                f"The source gave {progress.pages} pages and promises more (max_pages); it would probably never end."
            )
        number = progress.pages + 1
        reply = self.fetch(self._asked(progress.state))
        records, refused, nulls, answer = self._taken(reply, number)
        digest = hashlib.sha256(b"\0".join(record.body for record in records)).hexdigest()[:16]
        same = progress.same + 1 if records and digest == progress.last else 0
        if same >= _SAME:
            raise SourceChanged(
                f"Page {number} is the same as the two before it. Does the source know the parameter that pages are "
                "asked for with?"
            )
        turn = self._turn(progress.state, answer)
        after = dataclasses.replace(
            progress, state=turn.state or {}, done=turn.state is None, pages=number, last=digest, same=same,
            distinct=progress.distinct + answer.elements - turn.repeats, nulls=progress.nulls + nulls,
            moved=progress.moved or turn.moved,
            first_total=progress.first_total if progress.pages else answer.total,
        )  # fmt: skip
        declares, said = self._declared(after, answer, len(records) + len(refused))
        notes = [*turn.notes, *said]
        if nulls:
            notes.append(f"Page {number} had {nulls} null elements; they are no records.")
        page = Page(records, dataclasses.asdict(after), refused, declares, notes)
        self.check(page)
        return page, after

    def _asked(self, state: State) -> Call:
        call = self.declaration.pagination.ask(self.call, state)
        past_end = getattr(self.declaration.pagination, "past_end", ())
        first = state == self.declaration.pagination.first()
        return call if first or not past_end else dataclasses.replace(call, accept=frozenset(past_end))

    def _taken(self, reply: Reply, number: int) -> tuple[list[Record], list[Refusal], int, Answer]:
        """The page apart: records, refusals, how many null elements, and what paging looks at."""
        there = 200 <= reply.status < 300
        empty = not there or (reply.status == 204 and not reply.body)
        elements = [] if empty else path(self.declaration.records).split(reply.body)
        key_of = key_reader(self.declaration.key)
        records: list[Record] = []
        refused: list[Refusal] = []
        nulls = 0
        for index, body in enumerate(elements):
            position = f"page {number}, item {index}"
            if body == NULL:
                nulls += 1
                continue
            try:
                records.append(Record(key_of(body), body, position))
            except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
                reason = RecordError(f"No usable key {self.declaration.key!r} in the record: {error}")
                refused.append(Refusal(Record("", body, position), reason))
        marks = [mark(record.key or record.body) for record in records]
        ids = [record.key for record in records]
        total = None if empty else self._total(reply)
        body = reply.body if there else b"{}"
        return records, refused, nulls, Answer(reply.url, reply.headers, body, len(elements), marks, ids, total)

    def _total(self, reply: Reply) -> int | None:
        declaration = self.declaration
        if declaration.total_header:
            found: Any = reply.headers.get(
                declaration.total_header.lower(), reply.headers.get(declaration.total_header)
            )
        else:
            found = peek(reply.body, declaration.total) if declaration.total else None
        text = str(found).strip()
        return int(text) if text.isdecimal() and len(text) < 16 else None

    def _turn(self, state: State, answer: Answer) -> Turn:
        turn = self.declaration.pagination.follow(state, answer)
        if turn.state is None:
            return turn
        if "url" in turn.state:
            turn = dataclasses.replace(turn, state={**turn.state, "url": self._without_secrets(turn.state["url"])})
        if self.declaration.pagination.style in ("page", "offset"):
            return turn  # they go back on purpose
        asked = hash(msgspec.json.encode(turn.state))
        if turn.state == state or asked in self._seen:
            raise SourceChanged("The source names a page as the next one that was read already; it would never end.")
        self._seen.add(asked)
        return turn

    def _without_secrets(self, url: str) -> str:
        parts = urlsplit(url)
        if not self.hidden or not parts.query:
            return url
        kept = [pair for pair in parse_qsl(parts.query, keep_blank_values=True) if pair[0] not in self.hidden]
        return parts._replace(query=urlencode(kept)).geturl()

    def _declared(self, after: Progress, answer: Answer, given: int) -> tuple[Mapping[str, Decimal], Sequence[str]]:
        """The count this page declares. Only the last page can say whether all that the source counts have come.

        Each page declares what it brought, the last one also what is missing to the source's total, so that the sum
        over the run is that total, with what is known to be repeated or null counted out.
        """
        if after.first_total is None:
            return {}, ()
        total = answer.total if answer.total is not None else after.first_total
        if not after.done:
            return {"count": Decimal(given)}, ()
        if after.moved or total != after.first_total:
            note = f"Rows came or went while the source was read (its total was {after.first_total}, then {total}); "
            return {"count": Decimal(given)}, (note + "the count says nothing.",)
        missing = total - after.distinct
        return {"count": Decimal(given + (0 if missing == -after.nulls else missing))}, ()


def _batches(page: Page, before: Progress) -> Iterator[Page]:
    """`page` in batches. Until the last one is committed the reading stands before the page: after an interruption it
    is asked for whole again, because it may have changed; what was loaded of it is unchanged then.
    """
    records = list(page.records)
    declared = dict(page.declares)
    while len(records) > BATCH:
        early, records = records[:BATCH], records[BATCH:]
        declares = {"count": Decimal(BATCH)} if declared else {}
        if declared:
            declared["count"] -= BATCH
        yield Page(early, dataclasses.asdict(before), (), declares)
    yield dataclasses.replace(page, records=records, declares=declared)
