"""Fetches pages that will probably be requested next, in parallel. This changes only the speed of a reading.

The paginator goes on page by page, and takes responses from here that have arrived already. A page whose prefetch
failed is forgotten, and requested in the ordinary way, with all its attempts.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeout

from ingestion import Context, IngestionError
from integrations.http import Client, Response
from integrations.rest.exchange import Call

_BEAT_EVERY = 2.0
"""Seconds between two heartbeats of the run while it waits for a page."""


class Prefetcher:
    """Fetches pages in threads. `open_client` makes their client, for a context without database and rate limit."""

    def __init__(self, ctx: Context, max_pages: int, open_client: Callable[[Context], Client]) -> None:
        self._ctx, self._max_pages, self._open_client = ctx, max_pages, open_client
        self._pool: ThreadPoolExecutor | None = None
        self._client: Client | None = None
        self._pending: list[tuple[Call, Future[Response]]] = []

    def start(self, calls: Sequence[Call]) -> None:
        """Begin to fetch all of `calls` but the first, which the caller sends itself; each within the tenant's rate.

        Pending calls that are not among them have turned out to be no pages of this reading, and are cancelled.
        """
        for _, future in (entry for entry in self._pending if entry[0] not in calls):
            future.cancel()
        self._pending = [entry for entry in self._pending if entry[0] in calls]
        for call in calls[1 : self._max_pages + 1]:
            if all(call != pending_call for pending_call, _ in self._pending):
                self._ctx.throttle(1.0)  # in this thread: the others may not wait for it, nor look at the run
                self._pending.append((call, self._threads().submit(self._fetch, self._shared_client(), call)))

    def take(self, call: Call) -> Response | None:
        """The response to `call` if it was prefetched; None if it was not, or its prefetch failed."""
        entry = next((entry for entry in self._pending if entry[0] == call), None)
        if entry is None:
            return None
        self._pending.remove(entry)
        while True:
            try:
                return entry[1].result(timeout=_BEAT_EVERY)
            except FutureTimeout:
                self._ctx.beat()
            except IngestionError:
                return None

    def close(self) -> None:
        """Forget all pending calls."""
        if self._client is not None:
            self._client.close()
        if self._pool is not None:
            # Not waited for: a source that hangs must not hold up the end of the run.
            self._pool.shutdown(wait=False, cancel_futures=True)
        self._client, self._pool, self._pending = None, None, []

    @staticmethod
    def _fetch(client: Client, call: Call) -> Response:
        return client.request(
            call.method,
            call.url,
            params=call.params,
            headers=call.headers,
            json=call.body,
            idempotent=True,
            accept=call.accept,
        )

    def _threads(self) -> ThreadPoolExecutor:
        if self._pool is None:
            self._pool = ThreadPoolExecutor(self._max_pages, thread_name_prefix="page")
        return self._pool

    def _shared_client(self) -> Client:
        if self._client is None:
            thread_context = dataclasses.replace(self._ctx, beat=_no_beat, throttle=_no_throttle)
            self._client = self._open_client(thread_context)
        return self._client


def _no_beat() -> None:
    return None


def _no_throttle(weight: float = 1.0) -> None:
    return None
