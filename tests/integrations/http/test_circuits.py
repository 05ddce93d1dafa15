"""A host that keeps failing is left alone, then tried by one call."""

from __future__ import annotations

import contextlib
import dataclasses
import threading
from dataclasses import dataclass

import httpx
import pytest

from ingestion import CircuitOpen, CredentialError, SourceChanged, TenantRef, Transient
from integrations.http import Circuits
from tests.integrations.http.callers import Told, client, context

KEY = ("acme", "api.example.com")


@dataclass
class Clock:
    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Answers:
    """A source that answers with `status`, and counts how often it was asked."""

    status: int = 500
    asked: int = 0

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked += 1
        return httpx.Response(self.status)


def call(circuits: Circuits, answers: Answers, told: Told | None = None, tenant: str = "acme") -> None:
    ctx = dataclasses.replace(context(told), tenant=TenantRef(1, tenant))
    transport = httpx.MockTransport(answers)
    with client("https://api.example.com", ctx=ctx, breaker=circuits, transport=transport) as calling:
        calling.request("POST", "/")


def opened(clock: Clock, answers: Answers) -> Circuits:
    circuits = Circuits(after=3, cooldown=60, clock=clock)
    for _ in range(3):
        with pytest.raises(Transient):
            call(circuits, answers)
    return circuits


def test_a_circuit_opens_after_failures_in_a_row_and_makes_no_call_then() -> None:
    answers = Answers()
    circuits = opened(Clock(), answers)

    with pytest.raises(CircuitOpen, match="left alone for 60 s") as raised:
        call(circuits, answers)

    assert answers.asked == 3
    assert raised.value.retry_after == 60


def test_everybody_is_told_to_wait_when_a_circuit_opens() -> None:
    told, circuits = Told(), Circuits(after=1, cooldown=60)

    with pytest.raises(Transient):
        call(circuits, Answers(), told)

    assert told.held_off == [60]


def test_one_call_tries_whether_the_host_is_back() -> None:
    clock, answers = Clock(), Answers()
    circuits = opened(clock, answers)

    clock.now += 61
    assert [circuits.blocked(KEY) > 0 for _ in range(3)] == [False, True, True]


def test_a_probe_that_fails_opens_the_circuit_again() -> None:
    clock, answers = Clock(), Answers()
    circuits = opened(clock, answers)

    clock.now += 61
    with pytest.raises(Transient):
        call(circuits, answers)
    with pytest.raises(CircuitOpen):
        call(circuits, answers)

    assert answers.asked == 4


def test_a_probe_that_succeeds_closes_the_circuit() -> None:
    clock, answers = Clock(), Answers()
    circuits = opened(clock, answers)

    clock.now, answers.status = clock.now + 61, 200
    call(circuits, answers)
    call(circuits, answers)

    assert answers.asked == 5


def test_a_probe_that_never_reports_back_gives_way() -> None:
    clock = Clock()
    circuits = opened(clock, Answers())
    clock.now += 61
    assert circuits.blocked(KEY) == 0

    clock.now += 61
    assert circuits.blocked(KEY) == 0


@pytest.mark.parametrize("status", [200, 401, 404, 429])
def test_a_host_that_answers_sensibly_is_alive(status: int) -> None:
    answers = Answers()
    circuits = Circuits(after=2)

    for wanted in (500, status, 500, status, 500):
        answers.status = wanted
        with contextlib.suppress(Transient, SourceChanged, CredentialError):
            call(circuits, answers)

    assert answers.asked == 5


def test_one_tenant_s_trouble_stops_no_other() -> None:
    answers = Answers()
    circuits = opened(Clock(), answers)
    answers.status = 200

    call(circuits, answers, tenant="other")

    assert answers.asked == 4


def test_a_crowd_lets_one_probe_through() -> None:
    clock = Clock()
    circuits = opened(clock, Answers())
    clock.now += 61
    through: list[float] = []
    together = threading.Barrier(16)

    def ask() -> None:
        together.wait()
        through.append(circuits.blocked(KEY))

    crowd = [threading.Thread(target=ask) for _ in range(16)]
    for one in crowd:
        one.start()
    for one in crowd:
        one.join()

    assert sum(wait == 0 for wait in through) == 1


def test_it_remembers_no_more_hosts_than_it_should() -> None:
    circuits = Circuits(after=1)

    for number in range(10_100):
        circuits.failed(("acme", f"{number}.example.com"))

    assert len(circuits._states) == 10_000
    assert circuits.blocked(("acme", "10099.example.com")) > 0
