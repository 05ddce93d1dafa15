"""What another origin asks for is nothing that the integration's own calls wait for."""

from __future__ import annotations

import httpx
import pytest

from ingestion import Transient
from tests.integrations.http.callers import Told, client


def _busy(request: httpx.Request) -> httpx.Response:
    return httpx.Response(429, headers={"Retry-After": "77"})


@pytest.mark.parametrize(("address", "held_off"), [("https://files.example.com/a", []), ("/a", [77.0])])
def test_a_hold_off_is_the_integrations_only_when_its_own_origin_asked(address: str, held_off: list[float]) -> None:
    told = Told()
    calling = client("https://api.example.com", told, transport=httpx.MockTransport(_busy))

    with calling, pytest.raises(Transient):
        calling.get(address, elsewhere=True)

    assert told.held_off == held_off
