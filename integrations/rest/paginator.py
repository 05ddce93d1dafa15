"""Page after page, and what makes sure that they end, belong together and lose nothing.

Pure but for `fetch`: the same pages give the same records and checkpoints, wherever the reading was interrupted.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import NamedTuple
from urllib.parse import parse_qsl, urlencode, urlsplit

import msgspec

from ingestion import HeldOff, IngestionError, Json, Page, Record, SourceChanged, SourceFailed, counted
from integrations.http.codes import says_later
from integrations.http.limits import DEFAULT
from integrations.http.retry_after import exhausted_for, retry_after
from integrations.rest import answers, charsets
from integrations.rest.declaration import Declaration
from integrations.rest.exchange import Answer, Call, Fetch, Reply, State, Turn
from integrations.rest.identity import Twins, spelled, twin
from integrations.rest.json_splitting import TooMany
from integrations.rest.page_records import Elements, taken
from integrations.rest.paging.numbers import PAST_THE_TOTAL, foreseen
from integrations.rest.paging.rings import named_again
from integrations.rest.paging.signals import require_end, require_text
from integrations.rest.paths import Taken, outline, path, path_of
from integrations.rest.placeholders import texts
from integrations.rest.progress import Progress
from integrations.rest.totals import total_of
from integrations.rest.unused_totals import fewer, remembered, undated
from integrations.rest.visited_pages import Memory

_SAME = 2
"""An equal page may come by chance when rows move by exactly one page; a second one in a row does not."""
_NOTHING = hashlib.sha256(b"").hexdigest()[:16]
_EMPTY_LAST = " The last one had no records: if that is the end, declare it (empty_ends), or leave `more` out."
FAILS = "A run fails at such a page."
"""How a patient reading's note begins on a page that is no end and names no next one."""
BATCH = 5_000
"""Records of one batch, which is one transaction; a larger page becomes several."""


class _Parted(NamedTuple):
    """A page taken apart."""

    elements: Elements
    answer: Answer
    untold: str
    """Why its total could not be read."""
    notes: Sequence[str]


@dataclass(slots=True)
class Reading:
    """One way through a declared source. `call` is filled in: no placeholder is left."""

    declaration: Declaration
    call: Call
    fetch: Fetch
    beat: Callable[[], None] = lambda: None
    hidden: frozenset[str] = frozenset()
    """Query parameters that carry a secret; never kept in a checkpoint."""
    vet: Callable[[Reply, bytes], None] = lambda reply, body: None
    """Raises for an answer, and its body in UTF-8, in which nothing must be looked up."""
    check: Callable[[Page], None] = lambda page: None
    """Raises for a page that must not be kept or shown."""
    hush: Callable[[IngestionError], IngestionError] = lambda error: error
    """The error, or another one in its place where its words may not be shown."""
    foresee: Callable[[Sequence[Call]], None] = lambda calls: None
    """Told, before a page is fetched, which ones will probably follow it."""
    hold_off: Callable[[float], None] = lambda seconds: None
    """Told how long the source wants to be left alone, by everybody, where an answer of status 200 says so."""
    named: str = ""
    """What its proofs are said to be of."""
    patient: bool = False
    """For somebody who looks at a page: what a run would fail for becomes a note of the page."""
    _seen: set[int] = field(default_factory=set)
    _memory: Memory = field(default_factory=Memory)
    _twins: Twins | None = None

    def pages(self, checkpoint: Json) -> Iterator[Page]:
        progress = Progress.at(self.declaration, checkpoint)
        while not progress.done:
            self.beat()
            before = progress
            page, progress = self.step(before)
            yield from _batches(page, before)

    def step(self, progress: Progress) -> tuple[Page, Progress]:
        """The next page, and where the reading stands after it.

        Raises SourceChanged, SourceFailed, Transient or CredentialError; the reading then goes on from `progress`
        another time.
        """
        if progress.pages >= self.declaration.max_pages:
            raise SourceChanged(
                f"The source gave {counted(progress.pages, 'page')} and promises more (max_pages); "
                f"it would probably never end.{_EMPTY_LAST if progress.last == _NOTHING else ''}"
            )
        number = progress.pages + 1
        asked = self._asked(progress.state)
        if progress.pages and self.declaration.concurrency > 1:
            self.foresee([asked, *(self._asked(state) for state in foreseen(self.declaration, progress.state))])
        elements, answer, untold, notes = self._parted(self.fetch(asked), number, progress)
        records = elements.records
        digest = hashlib.sha256(b"\0".join(record.body for record in records)).hexdigest()[:16]
        answer = dataclasses.replace(answer, again=bool(records) and digest == progress.last)
        turn = self._turn(progress.state, answer)
        same = progress.same + 1 if answer.again and not turn.dropped else 0
        if same >= _SAME:
            raise SourceChanged(
                f"Page {number} is the same as the two before it. Does the source know the parameter that pages are "
                'asked for with? If it gives its last page for ever, declare that in `pagination`: "clamped": true.'
            )
        before = progress
        if self.declaration.keys and not turn.dropped:
            new = [record for place, record in zip(elements.places, records, strict=True) if place >= turn.repeats]
            before = self._memory.look(new, progress, turn)
        after = before.after(turn, answer, elements.nulls, untold)
        after = remembered(self.declaration, answer, dataclasses.replace(after, last=digest, same=same))
        if turn.dropped:
            records = []
        elif not self.declaration.keys:
            records, after = self._told_apart(elements, answer.elements, progress, after, turn)
        declares, after = after.declares(len(records) + len(elements.refused))
        page = dataclasses.replace(self._page(records, elements, after, turn, answer), declares=declares)
        others = (*undated(self.declaration, records, number), *fewer(after))
        page = dataclasses.replace(page, notes=[*notes, *turn.notes, *page.notes, *others])
        self.check(page)
        return page, after

    def _page(self, records: list[Record], elements: Elements, after: Progress, turn: Turn, answer: Answer) -> Page:
        left_out = {"null elements": elements.nulls} if elements.nulls else {}
        if turn.dropped:
            left_out["rows of the last page given again"] = len(elements.records)
        proofs = [after.proof(self.named)] if after.done else []
        notes = list(after.notes(proofs))
        if elements.nulls:
            notes.append(f"Page {after.pages} had {elements.nulls} null elements; they are no records.")
        envelope = outline(answer.around) if answer.around else b""
        return Page(
            records, dataclasses.asdict(after), elements.refused, {}, notes, left_out, proofs, envelope=envelope,
            last=after.done and self.declaration.pagination.style != "none",
        )  # fmt: skip

    def _asked(self, state: State) -> Call:
        call = self.declaration.pagination.ask(self.call, state)
        if state == self.declaration.pagination.first():
            return call
        past_end = frozenset(getattr(self.declaration.pagination, "past_end", ()))
        return dataclasses.replace(call, accept=past_end | (PAST_THE_TOTAL if state.get("past_total") else frozenset()))

    def _parted(self, reply: Reply, number: int, progress: Progress) -> _Parted:
        """The page apart, once what it says of itself is no failure."""
        declared = self.declaration
        there = 200 <= reply.status < 300
        body = charsets.as_utf8(reply.body, reply.headers, declared.charset) if there else reply.body
        self.vet(reply, body)
        if not there and says_later(reply.body, words=False):
            raise self._told(
                HeldOff(f"The source answered {reply.status} with a code of too many calls.",
                        retry_after=_wait_asked(reply.headers)), reply)  # fmt: skip
        empty = not there or (reply.status == 204 and not reply.body)
        body = b"{}" if empty else body
        page, notes = (Taken([], b""), ()) if empty else self._succeeded(body, reply)
        marked, sound = declared.pagination.style == "offset", charsets.is_utf8(body)
        elements = taken(page.elements, declared.keys, number, marked=marked, sound=sound)
        total, untold = (None, "") if empty else total_of(declared, reply.headers, body, page.around)
        count = len(page.elements)
        ids = [record.key for record in elements.records] if declared.keys else []
        answer = Answer(reply.url, reply.headers, body, count, elements.marks, ids, total, page.around,
                        read=progress.distinct + count, there=not empty, status=reply.status)  # fmt: skip
        return _Parted(elements, answer, untold, notes)

    def _succeeded(self, body: bytes, reply: Reply) -> tuple[Taken, Sequence[str]]:
        """The page's elements, unless the page says that it failed."""
        declared, wait = self.declaration, _wait_asked(reply.headers)
        records, sent = path(declared.records), frozenset(texts([self.call.params, self.call.body]))
        try:
            page = records.take(body, declared.empty)
        except TooMany:
            raise
        except SourceChanged:
            if error := answers.failure(body, declared.signals, wait, (), sent, bare=True)[0]:
                raise self._told(error, reply) from None
            raise
        around = page.around or (b"" if records.plain else body)
        if declared.records == "$":
            around = body if answers.only_errors(body) or declared.signals else b""
        bare = not page.elements
        error, by_declaration = None, False
        if around:
            error, by_declaration = answers.failure(around, declared.signals, wait, records.way, sent, bare=bare)
        if error is None and bare and not declared.signals:
            error = answers.unready(reply.status)
        error = error or answers.listed(page.elements, declared.keys, wait)
        if error is None:
            words = answers.remark(around) if around and bare and not declared.signals else ""
            return page, (str(self.hush(SourceFailed(words))),) if words else ()
        error = self._told(error, reply)
        if self.patient and not by_declaration:
            return page, (f"A run fails at such an answer. {error}",)
        raise error

    def _told(self, error: IngestionError, reply: Reply) -> IngestionError:
        """`error` as it may be shown. One that means "later" holds everybody off, as a 429 does."""
        error = self.hush(error)
        if isinstance(error, HeldOff):
            error.host, error.retry_after = urlsplit(reply.url).hostname or "", error.retry_after or DEFAULT.backoff_cap
            self.hold_off(error.retry_after)
        return error

    def _turn(self, state: State, answer: Answer) -> Turn:
        try:
            turn = self.declaration.pagination.follow(state, answer)
            require_text(turn.state)
            turn = self._without_secrets(turn, state, answer)
            if turn.state is None and not turn.dropped:
                told = {path_of(path(signal.at).steps) for signal in self.declaration.signals}
                require_end(answer, self.declaration.pagination, told)
        except SourceChanged as error:
            if not self.patient:
                raise
            return Turn(None, (f"{FAILS} {error}",))
        if turn.state is None or self.declaration.pagination.style in ("page", "offset"):
            return turn  # the latter go back on purpose
        asked = hash(msgspec.json.encode(turn.state))
        if turn.state == state or asked in self._seen:
            raise named_again(self.declaration.pagination, state, turn.state)
        self._seen.add(asked)
        return turn

    def _told_apart(
        self, elements: Elements, length: int, before: Progress, after: Progress, turn: Turn
    ) -> tuple[list[Record], Progress]:
        """Records without an id, equal ones numbered over the whole reading.

        Every one of the page's `length` elements has a row there, as the styles count them: null and refused ones too.
        """
        notes = before.rows is None and self._twins is None
        twins = self._twins = self._twins or Twins.of(before.rows or [])
        position = before.distinct if turn.reached is None else turn.reached - length
        if notes:  # too many to be kept over an interruption: from here on equals are counted anew
            position = len(twins.rows)
        names = [""] * length
        for place, record in zip(elements.places, elements.records, strict=True):
            names[place] = record.key
        numbers = twins.number(names, max(0, position))
        told = [
            Record(twin(one.key, numbers[place]), spelled(one.body, numbers[place]), one.position)
            for place, one in zip(elements.places, elements.records, strict=True)
        ]
        return told, dataclasses.replace(after, rows=twins.kept())

    def _without_secrets(self, turn: Turn, state: State, answer: Answer) -> Turn:
        """The turn to an address without them; it is the end where that is the page itself and repeating it ends."""
        if turn.state is None or "url" not in turn.state:
            return turn
        url, here = self._stripped(turn.state["url"]), self._stripped(state.get("url", answer.url))
        if url == here and getattr(self.declaration.pagination, "repeat_ends", False):
            return dataclasses.replace(turn, state=None)
        return dataclasses.replace(turn, state={**turn.state, "url": url})

    def _stripped(self, url: str) -> str:
        parts = urlsplit(url)
        if not self.hidden or not parts.query:
            return url
        kept = [pair for pair in parse_qsl(parts.query, keep_blank_values=True) if pair[0] not in self.hidden]
        return parts._replace(query=urlencode(kept)).geturl()


def _wait_asked(headers: Mapping[str, str]) -> float | None:
    """Seconds that the source asks to wait, by Retry-After or by what is left of its rate limit."""
    asked = retry_after(headers, DEFAULT.retry_after_cap)
    return exhausted_for(headers, DEFAULT.retry_after_cap) if asked is None else asked


def _batches(page: Page, before: Progress) -> Iterator[Page]:
    """`page` in batches. Until the last one is committed the reading stands before the page: after an interruption it
    is asked for whole again, because it may have changed; what was loaded of it is unchanged then. What stands around
    its records stands around those of each batch.
    """
    records = list(page.records)
    declared = dict(page.declares)
    while len(records) > BATCH:
        early, records = records[:BATCH], records[BATCH:]
        declares = {"count": Decimal(BATCH)} if declared else {}
        if declared:
            declared["count"] -= BATCH
        else:  # read again after an interruption, they are measured twice
            before = dataclasses.replace(before, undeclared=before.undeclared + BATCH)
        yield Page(early, dataclasses.asdict(before), (), declares, envelope=page.envelope, last=page.last)
    yield dataclasses.replace(page, records=records, declares=declared)
