"""Prefetch: one page, never more, is fetched while the page before it is loaded.

The source's generator then runs in a thread of its own, from its first line to its last. That thread uses no database:
requests of the source to its run (a credential, a meter, a file) wait until the run's thread asks for the next page,
and are answered there. So they are answered between two batches, as without prefetch; there is one database connection;
and no thread waits for a lock whose owner waits for that thread. Heartbeats travel the same way, because the run's
thread renews the lease by itself while it loads.
"""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from contextvars import copy_context
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any

from django.db import connections

from ingestion.conf import config
from ingestion.core.capabilities import ReadsAhead
from ingestion.core.context import Context, Secret
from ingestion.core.errors import Paused
from ingestion.core.records import Page
from ingestion.running.execution import WAITING_BEAT, Execution, heartbeat, with_worker_patience


@contextmanager
def pages(execution: Execution) -> Iterator[Iterator[Page]]:
    """The pages of the run's source from its checkpoint on, prefetched when that is safe."""
    if not _is_allowed(execution):
        yield execution.pipeline.source.extract(execution.ctx, execution.run.checkpoint)
        return
    prefetcher = _Prefetcher(execution)
    try:
        yield prefetcher.pages()
    finally:
        prefetcher.end()


def _is_allowed(execution: Execution) -> bool:
    """Whether to prefetch. Not after a death: one in the next page would be blamed on the records of this page."""
    source = execution.pipeline.source
    allowed = config().READ_AHEAD and execution.run.deaths == 0
    return allowed and isinstance(source, ReadsAhead) and source.reads_ahead(execution.ctx)


@dataclass(frozen=True, slots=True)
class _Fetched:
    page: Page


@dataclass(frozen=True, slots=True)
class _End:
    """The source has no more pages, or failed: the last message of its thread."""

    error: BaseException | None = None


class _FetchTimer:
    """Measures how long the source's thread has been fetching one page."""

    def __init__(self) -> None:
        self._wall, self._cpu = time.monotonic(), time.thread_time()

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Leave out the time in which the thread waits for the run's thread."""
        wall = time.monotonic()
        try:
            yield
        finally:
            self._wall += time.monotonic() - wall

    def was_mostly_waiting(self) -> bool:
        """Whether the thread spent more time waiting for the source than computing.

        Two threads that both compute only slow each other down: a run took up to a tenth longer (measured). So prefetch
        begins with the first page that the thread had to wait for.
        """
        computed = time.thread_time() - self._cpu
        return time.monotonic() - self._wall > 2 * computed


class _Prefetcher:
    """The source's thread, and the messages between it and the run's thread."""

    def __init__(self, execution: Execution) -> None:
        self._execution = execution
        self._renew = heartbeat(execution.claim, execution.hooks, at_least_every=WAITING_BEAT)
        self._run_thread = threading.get_ident()
        self._messages: SimpleQueue[_Fetched | _End | Callable[[], None]] = SimpleQueue()
        """From the source's thread to the run's: pages, and functions to call there."""
        self._next_page_wanted = threading.Semaphore(0)
        """Released when the source's thread may fetch the next page."""
        self._timer = _FetchTimer()
        self._source_is_slow = False
        """Whether prefetching this source is worth it."""
        self._request_is_due = False
        """Whether a page was delivered and the next one not requested yet."""
        self._run_is_waiting = self._heartbeat_is_queued = self._is_stopping = self._has_ended = False
        arguments = (self._fetch_pages, self._context())
        name = f"reader of run {execution.run.pk}"
        self._thread = threading.Thread(target=copy_context().run, args=arguments, name=name, daemon=True)
        self._thread.start()

    def pages(self) -> Iterator[Page]:
        while (page := self._next()) is not None:
            yield page
            del page  # or it would stay in memory during the wait for the next one

    def end(self) -> None:
        """Stop the source where it is and return when its thread has ended. Pages that it still sends are lost."""
        self._is_stopping = True
        self._next_page_wanted.release()
        while not self._has_ended:
            self._handle(self._messages.get())
        self._thread.join()

    def _next(self) -> Page | None:
        self._run_is_waiting = True
        self._request_next_page()
        try:
            while not self._has_ended:
                page = self._handle(self._messages.get())
                if page is not None:
                    self._request_is_due = True
                    if self._source_is_slow:
                        self._request_next_page()
                    return page
            return None
        finally:
            self._run_is_waiting = False

    def _request_next_page(self) -> None:
        if self._request_is_due:
            self._request_is_due = False
            self._next_page_wanted.release()

    def _handle(self, message: _Fetched | _End | Callable[[], None]) -> Page | None:
        match message:
            case _Fetched(page):
                return page
            case _End(error):
                self._has_ended = True
                if error is not None and not self._is_stopping:
                    raise error
            case call:
                call()
        return None

    def _fetch_pages(self, ctx: Context) -> None:
        """Everything that the source's thread does."""
        end = _End()
        try:
            source_pages = self._execution.pipeline.source.extract(ctx, self._execution.run.checkpoint)
            self._timer = _FetchTimer()
            try:
                for page in source_pages:
                    self._source_is_slow = self._source_is_slow or self._timer.was_mostly_waiting()
                    self._messages.put(_Fetched(page))
                    del page
                    self._next_page_wanted.acquire()
                    if self._is_stopping:
                        break
                    self._timer = _FetchTimer()
            finally:
                if isinstance(source_pages, Generator):
                    source_pages.close()  # in this thread, not in the one that happens to collect it
        except BaseException as error:  # noqa: BLE001  raised in the run's thread, after the pages before it
            end = _End(error)
        finally:
            try:
                connections.close_all()  # in case the source has used a database after all
            finally:
                self._messages.put(end)  # the run's thread waits for this message in any case

    def _context(self) -> Context:
        """The run's context for a source that runs in its own thread."""
        execution = self._execution
        ctx = dataclasses.replace(
            execution.ctx,
            beat=self._beat,
            credential=self._credential,
            exchange=self._in_run_thread(execution.ctx.exchange),
            spend=self._in_run_thread(execution.ctx.spend),
            read=self._in_run_thread(execution.ctx.read),
            between_batches=self._in_run_thread(execution.ctx.between_batches),
        )
        return with_worker_patience(ctx, execution.pipeline, execution.run, execution.hooks, self._beat)

    def _in_run_thread(self, call: Callable[..., Any]) -> Callable[..., Any]:
        """A function for the source that has `call` executed by the run's thread, when it next waits for a page."""

        def ask(*arguments: Any) -> Any:
            if threading.get_ident() == self._run_thread:
                return call(*arguments)  # the run's thread is answering the source already
            self._require_running()
            answer: Future[Any] = Future()

            def answer_source() -> None:
                try:
                    self._require_running()
                    answer.set_result(call(*arguments))
                except BaseException as error:  # noqa: BLE001  raised where it was asked for
                    answer.set_exception(error)

            with self._timer.paused():
                self._messages.put(answer_source)
                return answer.result()

        return ask

    def _credential(self) -> Secret:
        """The credential. A cached one needs no database: a source may ask for it with every page."""
        return self._execution.credentials.cached() or self._in_run_thread(self._execution.ctx.credential)()

    def _beat(self) -> None:
        if threading.get_ident() == self._run_thread:
            self._renew()
            return
        self._require_running()
        if self._run_is_waiting and not self._heartbeat_is_queued:
            self._heartbeat_is_queued = True
            self._messages.put(self._renew_for_source)

    def _renew_for_source(self) -> None:
        self._heartbeat_is_queued = False
        if not self._is_stopping:
            self._renew()

    def _require_running(self) -> None:
        if self._is_stopping:
            raise Paused("The run has ended or was requeued; its source need not read on.")
