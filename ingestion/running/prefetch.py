"""One page is fetched while the one before it is loaded, never more than one.

The source's generator then lives in a thread of its own, from its first line to its last. That thread uses no
database: what the source asks of its run (a credential, a meter, a file) waits until the run's own thread wants the
next page, and is answered there. So it is answered between two batches, as without reading ahead; there is one database
connection; and nobody waits for a lock whose holder waits for him. Signs of life travel the same way: while the run's
thread loads, it renews the lease by itself.
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
from ingestion.running.execution import WAITING_BEAT, Execution, heartbeat, within_limits


@contextmanager
def pages(execution: Execution) -> Iterator[Iterator[Page]]:
    """What the run's source has from its checkpoint on; read ahead when that is safe."""
    if not _may(execution):
        yield execution.pipeline.source.extract(execution.ctx, execution.run.checkpoint)
        return
    reader = _Reader(execution)
    try:
        yield reader.pages()
    finally:
        reader.end()


def _may(execution: Execution) -> bool:
    """Not after a death: one in the next page would be blamed on the records of the page before."""
    source = execution.pipeline.source
    allowed = config().READ_AHEAD and execution.run.deaths == 0
    return allowed and isinstance(source, ReadsAhead) and source.reads_ahead(execution.ctx)


@dataclass(frozen=True, slots=True)
class _Fetched:
    page: Page


@dataclass(frozen=True, slots=True)
class _Over:
    """The source has no more pages, or failed. The thread's last word."""

    error: BaseException | None = None


class _Clocks:
    """When this thread began to fetch a page."""

    def __init__(self) -> None:
        self._wall, self._cpu = time.monotonic(), time.thread_time()

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """While this thread waits for its run and not for its source."""
        wall = time.monotonic()
        try:
            yield
        finally:
            self._wall += time.monotonic() - wall

    def waited(self) -> bool:
        """Whether it has waited for its source since for longer than it computed.

        Two threads that both compute only get in each other's way: a run was up to a tenth slower (measured). So a
        source is read in turn until one of its pages was waited for, and ahead from then on.
        """
        computed = time.thread_time() - self._cpu
        return time.monotonic() - self._wall > 2 * computed


class _Reader:
    """The source's thread, and the way between it and the run's own."""

    def __init__(self, execution: Execution) -> None:
        self._execution = execution
        self._renew = heartbeat(execution.claim, execution.hooks, at_least_every=WAITING_BEAT)
        self._owner = threading.get_ident()
        self._said: SimpleQueue[_Fetched | _Over | Callable[[], None]] = SimpleQueue()
        """Pages, and what the run's thread is to do meanwhile."""
        self._taken = threading.Semaphore(0)
        """Raised when the next page may be fetched."""
        self._clocks = _Clocks()
        self._waits = self._owed = False
        """Whether the source is worth being read ahead; whether the page that was taken has not raised `_taken` yet."""
        self._listening = self._beaten = self._ended = self._over = False
        given = (self._read, self._context())
        name = f"reader of run {execution.run.pk}"
        self._thread = threading.Thread(target=copy_context().run, args=given, name=name, daemon=True)
        self._thread.start()

    def pages(self) -> Iterator[Page]:
        while (page := self._next()) is not None:
            yield page
            del page  # or it would be held while the next one is waited for

    def end(self) -> None:
        """Let the source stop where it is, and return when its thread is gone. Whatever it still says is lost."""
        self._ended = True
        self._taken.release()
        while not self._over:
            self._hear(self._said.get())
        self._thread.join()

    def _next(self) -> Page | None:
        self._listening = True
        self._go_for_the_next()
        try:
            while not self._over:
                page = self._hear(self._said.get())
                if page is not None:
                    self._owed = True
                    if self._waits:
                        self._go_for_the_next()
                    return page
            return None
        finally:
            self._listening = False

    def _go_for_the_next(self) -> None:
        if self._owed:
            self._owed = False
            self._taken.release()

    def _hear(self, said: _Fetched | _Over | Callable[[], None]) -> Page | None:
        match said:
            case _Fetched(page):
                return page
            case _Over(error):
                self._over = True
                if error is not None and not self._ended:
                    raise error
            case do:
                do()
        return None

    def _read(self, ctx: Context) -> None:
        """All of the source's thread."""
        over = _Over()
        try:
            found = self._execution.pipeline.source.extract(ctx, self._execution.run.checkpoint)
            self._clocks = _Clocks()
            try:
                for page in found:
                    self._waits = self._waits or self._clocks.waited()
                    self._said.put(_Fetched(page))
                    del page
                    self._taken.acquire()
                    if self._ended:
                        break
                    self._clocks = _Clocks()
            finally:
                if isinstance(found, Generator):
                    found.close()  # here, and not in whichever thread collects it
        except BaseException as error:  # noqa: BLE001  raised in the run's thread, after the pages before it
            over = _Over(error)
        finally:
            try:
                connections.close_all()  # of a source that used one all the same
            finally:
                self._said.put(over)  # the run's thread waits for it, whatever happened here

    def _context(self) -> Context:
        """The run as the source sees it from its thread."""
        execution = self._execution
        ctx = dataclasses.replace(
            execution.ctx,
            beat=self._beat,
            credential=self._credential,
            exchange=self._in_its_thread(execution.ctx.exchange),
            spend=self._in_its_thread(execution.ctx.spend),
            read=self._in_its_thread(execution.ctx.read),
            between_batches=self._in_its_thread(execution.ctx.between_batches),
        )
        return within_limits(ctx, execution.pipeline, execution.run, execution.hooks, self._beat)

    def _in_its_thread(self, do: Callable[..., Any]) -> Callable[..., Any]:
        """`do` as the source may call it: by the run's thread, when it next waits for a page."""

        def ask(*given: Any) -> Any:
            if threading.get_ident() == self._owner:
                return do(*given)  # by something that the run's thread is doing for the source already
            self._go_on()
            answer: Future[Any] = Future()

            def answer_source() -> None:
                try:
                    self._go_on()
                    answer.set_result(do(*given))
                except BaseException as error:  # noqa: BLE001  raised where it was asked for
                    answer.set_exception(error)

            with self._clocks.stopped():
                self._said.put(answer_source)
                return answer.result()

        return ask

    def _credential(self) -> Secret:
        """The one that is held needs no database: a source may look at it for every page."""
        return self._execution.credentials.at_hand() or self._in_its_thread(self._execution.ctx.credential)()

    def _beat(self) -> None:
        if threading.get_ident() == self._owner:
            self._renew()
            return
        self._go_on()
        if self._listening and not self._beaten:
            self._beaten = True
            self._said.put(self._beat_for_it)

    def _beat_for_it(self) -> None:
        self._beaten = False
        if not self._ended:
            self._renew()

    def _go_on(self) -> None:
        if self._ended:
            raise Paused("The run has ended, or was given back; its source need not read on.")
