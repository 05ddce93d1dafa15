"""Reads page after page, and checks that the pages end, belong together and lose nothing.

The paginator has no effects but through its callables, such as `fetch`: the same pages give the same records and
checkpoints, wherever the reading was interrupted.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import msgspec

from ingestion import IngestionError, Json, Page, Record, SourceChanged, counted
from integrations.rest.batches import split_into_batches
from integrations.rest.declaration import Declaration
from integrations.rest.exchange import Call, Fetch, NextPage, PageResponse, RawResponse, State
from integrations.rest.identity import Twins
from integrations.rest.page_reader import PageReader
from integrations.rest.page_records import PageRecords
from integrations.rest.paging.cycles import cycle_error
from integrations.rest.paging.links import without_params
from integrations.rest.paging.numbers import STATUSES_PAST_TOTAL, likely_next_states
from integrations.rest.paging.signals import require_encodable, require_end
from integrations.rest.paths import outline, path, spell_path
from integrations.rest.progress import Progress
from integrations.rest.unused_totals import missing_notes, no_change_time_notes, with_stated_counts
from integrations.rest.visited_pages import VisitedPages

_EQUAL_PAGES = 2
"""An equal page may come by chance when rows move by exactly one page; a second one in a row does not."""
_DIGEST_OF_NO_RECORDS = hashlib.sha256(b"").hexdigest()[:16]
_LAST_WAS_EMPTY = " The last one had no records: if that is the end, declare it (empty_ends), or leave `more` out."
RUN_FAILS = "A run fails at such a page."
"""Beginning of a preview's note on a page that neither is the last one nor names a next one."""


@dataclass(slots=True)
class Paginator:
    """One reading of a declared source. In `call` every placeholder is filled in."""

    declaration: Declaration
    call: Call
    fetch: Fetch
    beat: Callable[[], None] = lambda: None
    secret_params: frozenset[str] = frozenset()
    """Query parameters that carry a secret; never kept in a checkpoint."""
    check_response: Callable[[RawResponse, bytes], None] = lambda raw_response, body: None
    """Called with a response and its body in UTF-8; raises where nothing of it may be looked up or kept."""
    check_page: Callable[[Page], None] = lambda page: None
    """Called with each page; raises where it must not be kept or shown."""
    redact: Callable[[IngestionError], IngestionError] = lambda error: error
    """Called with an error in the source's words; returns one that may be shown."""
    prefetch: Callable[[Sequence[Call]], None] = lambda calls: None
    """Called before a page is fetched, with its call and those that will probably follow it."""
    hold_off: Callable[[float], None] = lambda seconds: None
    """Called with the seconds for which no worker may call the source, where a response of status 200 says so."""
    subject: str = ""
    """The subject of the proofs of this reading."""
    is_preview: bool = False
    """For a preview: what a run would fail for becomes a note of the page."""
    _visited_states: set[int] = field(default_factory=set)
    _visited_pages: VisitedPages = field(default_factory=VisitedPages)
    _twins: Twins | None = None

    def pages(self, checkpoint: Json) -> Iterator[Page]:
        """All pages after a checkpoint, large ones in batches."""
        progress = Progress.from_checkpoint(self.declaration, checkpoint)
        while not progress.done:
            self.beat()
            earlier = progress
            page, progress = self.read_page(earlier)
            yield from split_into_batches(page, earlier)

    def read_page(self, progress: Progress) -> tuple[Page, Progress]:
        """The page that `progress` stands before, and the progress after it.

        Raises SourceChanged, SourceFailed, Transient or CredentialError; a later run then goes on from `progress`.
        """
        if progress.pages >= self.declaration.max_pages:
            raise SourceChanged(
                f"The source gave {counted(progress.pages, 'page')} and promises more (max_pages); "
                f"it would probably never end.{_LAST_WAS_EMPTY if progress.last == _DIGEST_OF_NO_RECORDS else ''}"
            )
        number = progress.pages + 1
        call = self._call_for(progress.state)
        if progress.pages and self.declaration.concurrency > 1:
            self.prefetch(
                [call, *(self._call_for(state) for state in likely_next_states(self.declaration, progress.state))]
            )
        page_records, response, total_problem, notes = self._page_reader().read(
            self.fetch(call), number, progress.distinct
        )
        records = page_records.records
        digest = hashlib.sha256(b"\0".join(record.body for record in records)).hexdigest()[:16]
        response = dataclasses.replace(response, repeats_last_page=bool(records) and digest == progress.last)
        next_page = self._next_page(progress.state, response)
        equal_pages = self._count_equal_pages(progress, response, next_page)
        counted_progress = self._count_repeated(progress, page_records, next_page)
        next_progress = counted_progress.after_page(next_page, response, page_records.nulls, total_problem)
        next_progress = dataclasses.replace(next_progress, last=digest, equal_pages=equal_pages)
        next_progress = with_stated_counts(self.declaration, response, next_progress)
        if next_page.drops_page:
            records = []
        elif not self.declaration.keys:
            records, rows = self._number_twins(page_records, response.elements, next_page.rows_reached, progress)
            next_progress = dataclasses.replace(next_progress, rows=rows)
        declares, next_progress = next_progress.declare_count(len(records) + len(page_records.refused))
        page = self._page(records, page_records, next_progress, next_page, response)
        more_notes = (*no_change_time_notes(self.declaration, records, number), *missing_notes(next_progress))
        page = dataclasses.replace(page, declares=declares, notes=[*notes, *next_page.notes, *page.notes, *more_notes])
        self.check_page(page)
        return page, next_progress

    def _count_equal_pages(self, progress: Progress, response: PageResponse, next_page: NextPage) -> int:
        """How many pages in a row are equal to the one before. Raises SourceChanged for the second such page."""
        if not response.repeats_last_page or next_page.drops_page:
            return 0
        if progress.equal_pages + 1 >= _EQUAL_PAGES:
            raise SourceChanged(
                f"Page {progress.pages + 1} is the same as the two before it. Does the source know the parameter that "
                "pages are asked for with? If it gives its last page for ever, declare that in `pagination`: "
                '"clamped": true.'
            )
        return progress.equal_pages + 1

    def _count_repeated(self, progress: Progress, page_records: PageRecords, next_page: NextPage) -> Progress:
        """The progress with records counted that an earlier page had too. Records without an id are not compared."""
        if not self.declaration.keys or next_page.drops_page:
            return progress
        records = zip(page_records.indexes, page_records.records, strict=True)
        new_records = [record for index, record in records if index >= next_page.repeated_rows]
        return self._visited_pages.count_repeated(new_records, progress, next_page)

    def _page(
        self,
        records: list[Record],
        page_records: PageRecords,
        next_progress: Progress,
        next_page: NextPage,
        response: PageResponse,
    ) -> Page:
        left_out = {"null elements": page_records.nulls} if page_records.nulls else {}
        if next_page.drops_page:
            left_out["rows of the last page given again"] = len(page_records.records)
        proofs = [next_progress.proof(self.subject)] if next_progress.done else []
        notes = list(next_progress.notes(proofs))
        if page_records.nulls:
            notes.append(f"Page {next_progress.pages} had {page_records.nulls} null elements; they are no records.")
        envelope = outline(response.envelope) if response.envelope else b""
        return Page(
            records,
            dataclasses.asdict(next_progress),
            page_records.refused,
            {},
            notes,
            left_out,
            proofs,
            envelope=envelope,
            last=next_progress.done and self.declaration.pagination.style != "none",
        )

    def _call_for(self, state: State) -> Call:
        """The call for the page at a state. Pages past the end may be answered with a declared status."""
        call = self.declaration.pagination.call_for(self.call, state)
        if state == self.declaration.pagination.first_state():
            return call
        past_end = frozenset(getattr(self.declaration.pagination, "past_end", ()))
        return dataclasses.replace(
            call, accept=past_end | (STATUSES_PAST_TOTAL if state.get("past_total") else frozenset())
        )

    def _page_reader(self) -> PageReader:
        return PageReader(
            self.declaration, self.call, self.check_response, self.redact, self.hold_off, is_preview=self.is_preview
        )

    def _next_page(self, state: State, response: PageResponse) -> NextPage:
        """What follows the page. Raises SourceChanged for a next page that cannot be read, or was read already."""
        try:
            next_page = self.declaration.pagination.follow(state, response)
            require_encodable(next_page.state)
            next_page = self._strip_secrets(next_page, state, response)
            if next_page.state is None and not next_page.drops_page:
                signal_paths = {spell_path(path(signal.at).steps) for signal in self.declaration.signals}
                require_end(response, self.declaration.pagination, signal_paths)
        except SourceChanged as error:
            if not self.is_preview:
                raise
            return NextPage(None, (f"{RUN_FAILS} {error}",))
        if next_page.state is None or self.declaration.pagination.style in ("page", "offset"):
            return next_page  # these styles go back on purpose, so a state may come twice
        state_hash = hash(msgspec.json.encode(next_page.state))
        if next_page.state == state or state_hash in self._visited_states:
            raise cycle_error(self.declaration.pagination, state, next_page.state)
        self._visited_states.add(state_hash)
        return next_page

    def _number_twins(
        self, page_records: PageRecords, element_count: int, rows_reached: int | None, progress: Progress
    ) -> tuple[list[Record], list[str] | None]:
        """The page's records without an id, equal ones numbered over the whole reading; and the rows for a checkpoint.

        Every element of the page has a row there, as the paging styles count rows: null and refused elements too.
        """
        position = progress.distinct if rows_reached is None else rows_reached - element_count
        if self._twins is None:
            self._twins = Twins.of(progress.rows or [])
            if progress.rows is None:
                position = 0  # more rows than a checkpoint holds: from here on equal records are counted anew
        records = self._twins.number_records(page_records.records, page_records.indexes, element_count, position)
        return records, self._twins.for_checkpoint()

    def _strip_secrets(self, next_page: NextPage, state: State, response: PageResponse) -> NextPage:
        """The next page, its address without parameters that carry a secret, which a checkpoint must not hold.

        Without them the address may turn out to be the page's own: that is the end where `repeat_ends` says so.
        """
        if next_page.state is None or "url" not in next_page.state:
            return next_page
        url = without_params(next_page.state["url"], self.secret_params)
        own_url = without_params(state.get("url", response.url), self.secret_params)
        if url == own_url and getattr(self.declaration.pagination, "repeat_ends", False):
            return dataclasses.replace(next_page, state=None)
        return dataclasses.replace(next_page, state={**next_page.state, "url": url})
