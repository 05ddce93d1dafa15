"""Pages that will probably be asked for, fetched side by side before they are. What comes of it is only speed.

The reading goes on page by page, and takes from here what is here already. A page whose fetching failed is
forgotten, and asked for in the ordinary way, with all its attempts.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYet

from ingestion import Context, IngestionError
from integrations.http import Client, Response
from integrations.rest.exchange import Call

_LOOK = 2.0
"""Seconds between two signs of life of the run while it waits for a page."""


class Foresight:
    """`open_client` makes the client of the threads, for a context that touches neither database nor rate limit."""

    def __init__(self, ctx: Context, most: int, open_client: Callable[[Context], Client]) -> None:
        self._ctx, self._most, self._open = ctx, most, open_client
        self._pool: ThreadPoolExecutor | None = None
        self._client: Client | None = None
        self._under_way: list[tuple[Call, Future[Response]]] = []

    def want(self, calls: Sequence[Call]) -> None:
        """Begin to fetch all of `calls` but the first, which is asked for now; each within the tenant's rate.

        What is under way and not among them has turned out to be no page of this reading.
        """
        for _, page in (one for one in self._under_way if one[0] not in calls):
            page.cancel()
        self._under_way = [one for one in self._under_way if one[0] in calls]
        for call in calls[1 : self._most + 1]:
            if all(call != known for known, _ in self._under_way):
                self._ctx.throttle(1.0)  # here: the threads must not wait for it, and may not look at the run
                self._under_way.append((call, self._threads().submit(self._fetch, self._connected(), call)))

    def take(self, call: Call) -> Response | None:
        """The answer to `call` if it was foreseen and came; None otherwise."""
        found = next((one for one in self._under_way if one[0] == call), None)
        if found is None:
            return None
        self._under_way.remove(found)
        while True:
            try:
                return found[1].result(timeout=_LOOK)
            except NotYet:
                self._ctx.beat()
            except IngestionError:
                return None

    def close(self) -> None:
        """Forget what is under way."""
        if self._client is not None:
            self._client.close()
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)
        self._client, self._pool, self._under_way = None, None, []

    @staticmethod
    def _fetch(client: Client, call: Call) -> Response:
        return client.request(
            call.method, call.url, params=call.params, headers=call.headers, json=call.body, idempotent=True,
            accept=call.accept,
        )  # fmt: skip

    def _threads(self) -> ThreadPoolExecutor:
        if self._pool is None:
            self._pool = ThreadPoolExecutor(self._most, thread_name_prefix="page")
        return self._pool

    def _connected(self) -> Client:
        if self._client is None:
            quiet = dataclasses.replace(self._ctx, beat=_nothing, throttle=_unlimited)
            self._client = self._open(quiet)
        return self._client


def _nothing() -> None:
    return None


def _unlimited(weight: float = 1.0) -> None:
    return None
