"""Reads the response to one call: refuses one that says that the call failed, and splits others into records."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import urlsplit

from ingestion import HeldOff, IngestionError, SourceChanged, SourceFailed
from integrations.http.codes import says_later
from integrations.http.limits import DEFAULT
from integrations.http.retry_after import exhausted_for, retry_after
from integrations.rest import answers, charsets
from integrations.rest.declaration import Declaration
from integrations.rest.exchange import Call, PageResponse, RawResponse
from integrations.rest.json_splitting import TooMany
from integrations.rest.page_records import PageRecords, read_records
from integrations.rest.paths import SplitPage, path
from integrations.rest.placeholders import texts
from integrations.rest.totals import total_of


class ReadPage(NamedTuple):
    """A page, split into its records and what paging needs to know of it."""

    page_records: PageRecords
    response: PageResponse
    total_problem: str
    """Why the page's total could not be read."""
    notes: Sequence[str]


@dataclass(frozen=True, slots=True)
class PageReader:
    """Reads responses to the calls of one reading. The callables are those of its paginator."""

    declaration: Declaration
    call: Call
    check_response: Callable[[RawResponse, bytes], None]
    redact: Callable[[IngestionError], IngestionError]
    hold_off: Callable[[float], None]
    is_preview: bool

    def read(self, raw_response: RawResponse, number: int, rows_before: int) -> ReadPage:
        """The response, split into records. Raises where the response says that the call failed."""
        declaration = self.declaration
        is_success = 200 <= raw_response.status < 300
        body = raw_response.body
        if is_success:
            body = charsets.as_utf8(body, raw_response.headers, declaration.charset)
        self.check_response(raw_response, body)
        if not is_success and says_later(raw_response.body, words=False):
            sentence = f"The source answered {raw_response.status} with a code of too many calls."
            wait = _requested_wait(raw_response.headers)
            raise self._prepare_error(HeldOff(sentence, retry_after=wait), raw_response)
        # A declared end is no page, and neither is 204 without a body: both read as an empty one.
        has_no_page = not is_success or (raw_response.status == 204 and not raw_response.body)
        body = b"{}" if has_no_page else body
        page, notes = (SplitPage([], b""), ()) if has_no_page else self._require_success(body, raw_response)
        with_marks, is_utf8 = declaration.pagination.style == "offset", charsets.is_utf8(body)
        page_records = read_records(page.elements, declaration.keys, number, with_marks=with_marks, is_utf8=is_utf8)
        total, total_problem = (
            (None, "") if has_no_page else total_of(declaration, raw_response.headers, body, page.envelope)
        )
        count = len(page.elements)
        ids = [record.key for record in page_records.records] if declaration.keys else []
        response = PageResponse(
            raw_response.url,
            raw_response.headers,
            body,
            count,
            page_records.marks,
            ids,
            total,
            page.envelope,
            rows_read=rows_before + count,
            is_page=not has_no_page,
            status=raw_response.status,
        )
        return ReadPage(page_records, response, total_problem, notes)

    def _require_success(self, body: bytes, raw_response: RawResponse) -> tuple[SplitPage, Sequence[str]]:
        """The page's elements and notes about them. Raises where the page says that the call failed."""
        declaration, wait = self.declaration, _requested_wait(raw_response.headers)
        records_path, sent_values = path(declaration.records), frozenset(texts([self.call.params, self.call.body]))
        try:
            page = records_path.split_page(body, declaration.empty)
        except TooMany:  # the page is too large to be looked through for a failure
            raise
        except SourceChanged:
            if error := answers.response_error(body, declaration.signals, wait, (), sent_values, no_records=True)[0]:
                raise self._prepare_error(error, raw_response) from None
            raise
        # A path with a filter cannot tell envelope and records apart, so the whole body is looked through.
        envelope = page.envelope or (b"" if records_path.plain else body)
        if declaration.records == "$":  # the page is the record, whose members are its own
            envelope = body if answers.has_only_errors(body) or declaration.signals else b""
        no_records = not page.elements
        error, by_declaration = None, False
        if envelope:
            error, by_declaration = answers.response_error(
                envelope, declaration.signals, wait, records_path.leading_names, sent_values, no_records=no_records
            )
        if error is None and no_records and not declaration.signals:
            error = answers.not_ready_error(raw_response.status)
        error = error or answers.error_in_records(page.elements, declaration.keys, wait)
        if error is None:
            words = answers.unexplained_message(envelope) if envelope and no_records and not declaration.signals else ""
            return page, (str(self.redact(SourceFailed(words))),) if words else ()
        error = self._prepare_error(error, raw_response)
        if self.is_preview and not by_declaration:
            return page, (f"A run fails at such an answer. {error}",)
        raise error

    def _prepare_error(self, error: IngestionError, raw_response: RawResponse) -> IngestionError:
        """The error as it may be shown. One that means "later" holds all workers off, as a 429 does."""
        error = self.redact(error)
        if isinstance(error, HeldOff):
            error.host, error.retry_after = (
                urlsplit(raw_response.url).hostname or "",
                error.retry_after or DEFAULT.backoff_cap,
            )
            self.hold_off(error.retry_after)
        return error


def _requested_wait(headers: Mapping[str, str]) -> float | None:
    """Seconds that the source asks callers to wait, by Retry-After or by the rest of its rate limit."""
    seconds = retry_after(headers, DEFAULT.retry_after_cap)
    return exhausted_for(headers, DEFAULT.retry_after_cap) if seconds is None else seconds
