"""A call over all its attempts: rate-limited, redirected within its origin, logged and repeated."""

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
from integrations.http.call import SLICE, ClientCall
from integrations.http.exchange import ExchangeOutcome, OutgoingRequest, exchange

logger = logging.getLogger("ingestion.http")
_FOLLOWED = frozenset({"GET", "HEAD"})
"""Methods whose redirects are followed."""


@dataclass(frozen=True, slots=True)
class Attempts:
    """One call and everything that its attempts share."""

    ctx: Context
    transport: httpx.BaseTransport
    sleep: Callable[[float], None]
    call: ClientCall
    request: OutgoingRequest
    to_own_origin: bool
    """Whether the request goes to the client's own origin. The integration's rate limit does not concern others."""
    accept: Container[int]

    def run(self, times: int) -> ExchangeOutcome:
        """Attempt the call up to `times` times; return the first final outcome, or the last one."""
        outcome: ExchangeOutcome = tenacity.Retrying(
            sleep=self._pause,
            stop=lambda state: state.attempt_number >= times or self._too_late(state.upcoming_sleep),
            wait=self._wait,
            retry=tenacity.retry_if_result(lambda outcome: outcome.repeatable),
            retry_error_callback=_outcome_of,
        )(self._attempt)
        if self.to_own_origin and outcome.throttled and not outcome.hold_off and isinstance(outcome.error, HeldOff):
            # The source gave no duration, and the waits of this call were too short: hold off all runs of the tenant
            # for as long as this run waits.
            outcome.error.retry_after = self.call.limits.backoff_cap
            self.ctx.hold_off(self.call.limits.backoff_cap)
        return outcome

    def _attempt(self) -> ExchangeOutcome:
        """Send the request once and follow its redirects."""
        request = self.request
        for _ in range(self.call.limits.redirects + 1):
            outcome = self._exchange(request)
            response = outcome.response
            if outcome.error is None or response is None or not status_mapping.is_redirect(outcome.status):
                return outcome
            if request.method not in _FOLLOWED or "location" not in response.headers:
                return outcome
            url = _redirect_target(request, response.headers["location"])
            if isinstance(url, SourceChanged):
                return dataclasses.replace(outcome, error=url)
            request = dataclasses.replace(request, url=url)
        return dataclasses.replace(outcome, error=SourceChanged(f"{self.request.label} is redirected again and again."))

    def _exchange(self, request: OutgoingRequest) -> ExchangeOutcome:
        """Wait for the tenant's rate limit, send one request, log it and pass on the source's hold-off."""
        call, started = self.call, self.call.clock()
        try:
            self.ctx.throttle(1.0)
        except HeldOff as error:
            if call.attempt:  # this host answered an earlier attempt and requested the wait
                error.host = request.url.host
            raise
        waited, started = call.clock() - started, call.clock()
        # The wait for the tenant's own rate limit says nothing of the source's speed, so it extends the deadline; the
        # run's own time limit still holds.
        call.deadline = min(call.deadline + waited, started + self.ctx.left())
        call.attempt += 1
        outcome = exchange(self.transport, request, call, self.accept)
        self._log(request, outcome, call.clock() - started)
        hold_off = outcome.hold_off or (call.limits.backoff if outcome.throttled else 0)
        if hold_off and self.to_own_origin:
            self.ctx.hold_off(hold_off)
        return outcome

    def _log(self, request: OutgoingRequest, outcome: ExchangeOutcome, seconds: float) -> None:
        host, call, ms = request.url.host, self.call, round(seconds * 1000)
        size = call.received or (len(outcome.response.body) if outcome.response else 0)
        result = outcome.status or type(outcome.error).__name__
        logger.info(
            "%s: %s, %d bytes, %d ms, attempt %d of %s",
            request.label,
            result,
            size,
            ms,
            call.attempt,
            call.id,
            extra={
                "tenant_id": self.ctx.tenant.id,
                "pipeline": self.ctx.pipeline,
                "run_id": self.ctx.run_id,
                "event": "http",
                "call_id": call.id,
                "method": request.method,
                "host": host,
                "path": request.label.partition("/")[2],
                "status": outcome.status,
                "bytes": size,
                "ms": ms,
            },
        )

    def _wait(self, state: tenacity.RetryCallState) -> float:
        """Seconds before the next attempt: exponential backoff with jitter, or longer if the source requests it."""
        limits = self.call.limits
        backoff = min(limits.backoff * 2.0 ** (state.attempt_number - 1), limits.backoff_cap)
        jittered = backoff / 2 + random.uniform(0, backoff / 2)  # noqa: S311 - spreads callers, guards nothing
        retry_after: float | None = getattr(_outcome_of(state).error, "retry_after", None)
        return jittered if retry_after is None else max(jittered, retry_after + jittered / 2)

    def _too_late(self, wait: float) -> bool:
        """Whether the wait would pass the deadline; the run's next attempt then waits in the queue, not in a worker."""
        return self.call.clock() + wait >= self.call.deadline

    def _pause(self, seconds: float) -> None:
        """Sleep in slices, with a heartbeat of the run before each."""
        while seconds > 0:
            self.ctx.beat()
            self.sleep(min(seconds, SLICE))
            seconds -= SLICE


def _outcome_of(state: tenacity.RetryCallState) -> ExchangeOutcome:
    assert state.outcome is not None
    outcome: ExchangeOutcome = state.outcome.result()
    return outcome


def _redirect_target(request: OutgoingRequest, location: str) -> httpx.URL | SourceChanged:
    """The address of a redirect within the same origin, or the error of any other redirect."""
    try:
        url = urls.resolve_link(request.url, location)
    except SourceChanged:
        return SourceChanged(f"{request.label} redirects to something that is not an address to call.")
    if urls.origin(url) != urls.origin(request.url):
        return SourceChanged(
            f"{request.label} redirects to another origin, {url.scheme}://{url.netloc.decode('ascii')}; not called. "
            "If the source has moved, change its address."
        )
    return url
