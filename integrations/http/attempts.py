"""A call over all its attempts: throttled, redirected on its own origin, logged, repeated."""

from __future__ import annotations

import dataclasses
import logging
import random
from collections.abc import Callable, Container
from dataclasses import dataclass

import httpx
import tenacity

from ingestion import Context, HeldOff, SourceChanged
from integrations.http import status_mapping, urls
from integrations.http.call import SLICE, Call
from integrations.http.exchange import Asked, Outcome, exchange

logger = logging.getLogger("ingestion.http")
_FOLLOWED = frozenset({"GET", "HEAD"})


@dataclass(frozen=True, slots=True)
class Attempts:
    """What every attempt of one call shares."""

    ctx: Context
    transport: httpx.BaseTransport
    sleep: Callable[[float], None]
    call: Call
    asked: Asked
    own: bool
    """Whether it goes to the client's own origin; another's limits are none of the integration's."""
    accept: Container[int]

    def all(self, times: int) -> Outcome:
        """The first outcome that need not or must not be repeated, or the last one."""
        outcome: Outcome = tenacity.Retrying(
            sleep=self._pause,
            stop=lambda state: state.attempt_number >= times or self._too_late(state.upcoming_sleep),
            wait=self._wait,
            retry=tenacity.retry_if_result(lambda outcome: outcome.again),
            retry_error_callback=_last,
        )(self._one)
        if self.own and outcome.throttled and not outcome.hold_off and isinstance(outcome.error, HeldOff):
            # Nothing says how long, and waiting in this call was not enough: everybody waits as long as the run does.
            outcome.error.retry_after = self.call.limits.backoff_cap
            self.ctx.hold_off(self.call.limits.backoff_cap)
        return outcome

    def _one(self) -> Outcome:
        asked = self.asked
        for _ in range(self.call.limits.redirects + 1):
            outcome = self._exchange(asked)
            response = outcome.response
            if outcome.error is None or response is None or not status_mapping.redirects(outcome.status):
                return outcome
            if asked.method not in _FOLLOWED or "location" not in response.headers:
                return outcome
            url = _next(asked, response.headers["location"])
            if isinstance(url, SourceChanged):
                return dataclasses.replace(outcome, error=url)
            asked = dataclasses.replace(asked, url=url)
        return dataclasses.replace(outcome, error=SourceChanged(f"{self.asked.what} is redirected again and again."))

    def _exchange(self, asked: Asked) -> Outcome:
        call, started = self.call, self.call.clock()
        try:
            self.ctx.throttle(1.0)
        except HeldOff as error:
            if call.attempt:  # this host answered an earlier attempt, and asked for the wait
                error.host = asked.url.host
            raise
        waited, started = call.clock() - started, call.clock()
        # The tenant's own rate limit is not the source's slowness; whoever waits for all of it has no more time.
        call.ends = min(call.ends + waited, started + self.ctx.left())
        call.attempt += 1
        outcome = exchange(self.transport, asked, call, self.accept)
        self._log(asked, outcome, call.clock() - started)
        hold_off = outcome.hold_off or (call.limits.backoff if outcome.throttled else 0)
        if hold_off and self.own:
            self.ctx.hold_off(hold_off)
        return outcome

    def _log(self, asked: Asked, outcome: Outcome, seconds: float) -> None:
        host, call, ms = asked.url.host, self.call, round(seconds * 1000)
        size = call.received or (len(outcome.response.body) if outcome.response else 0)
        result = outcome.status or type(outcome.error).__name__
        logger.info(
            "%s: %s, %d bytes, %d ms, attempt %d of %s", asked.what, result, size, ms, call.attempt, call.id,
            extra={
                "tenant_id": self.ctx.tenant.id, "pipeline": self.ctx.pipeline, "run_id": self.ctx.run_id,
                "event": "http", "call_id": call.id, "method": asked.method, "host": host,
                "path": asked.what.partition("/")[2], "status": outcome.status, "bytes": size, "ms": ms,
            },
        )  # fmt: skip

    def _wait(self, state: tenacity.RetryCallState) -> float:
        limits = self.call.limits
        own = min(limits.backoff * 2.0 ** (state.attempt_number - 1), limits.backoff_cap)
        jittered = own / 2 + random.uniform(0, own / 2)  # noqa: S311 - spreads callers, guards nothing
        asked: float | None = getattr(_last(state).error, "retry_after", None)
        return jittered if asked is None else max(jittered, asked + jittered / 2)

    def _too_late(self, wait: float) -> bool:
        """A wait beyond the deadline is better spent by the run's next attempt than by a worker that sleeps."""
        return self.call.clock() + wait >= self.call.ends

    def _pause(self, seconds: float) -> None:
        while seconds > 0:
            self.ctx.beat()
            self.sleep(min(seconds, SLICE))
            seconds -= SLICE


def _last(state: tenacity.RetryCallState) -> Outcome:
    assert state.outcome is not None
    outcome: Outcome = state.outcome.result()
    return outcome


def _next(asked: Asked, location: str) -> httpx.URL | SourceChanged:
    """Where a redirect leads, if that may be followed: only the same origin gets what this one got."""
    try:
        url = urls.resolved(asked.url, location)
    except SourceChanged:
        return SourceChanged(f"{asked.what} redirects to something that is not an address to call.")
    if urls.origin(url) != urls.origin(asked.url):
        return SourceChanged(
            f"{asked.what} redirects to another origin, {url.scheme}://{url.netloc.decode('ascii')}; not called. "
            "If the source has moved, change its address."
        )
    return url
