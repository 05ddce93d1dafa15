"""The limits of lines, records, deliveries and redirects: what is at one is taken, what is one past it is refused."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from ingestion import JsonLines, SourceChanged, UnreadableFile, actions
from ingestion.core import json_sources
from ingestion.core.errors import PayloadTooLarge
from ingestion.models import Delivery
from ingestion.testing import make_tenant, registered
from integrations.http import Client, Limits
from integrations.push import Pushed
from tests.ingestion.received import connected
from tests.ingestion.runs import configured, counts, dead_letters, item, items, load, new_tenant, over
from tests.integrations.rest.worlds import World, context, reply


@pytest.mark.django_db
@pytest.mark.parametrize(("past", "ok"), [(0, 1), (1, 0)])
def test_a_record_may_have_so_many_bytes_and_one_more_makes_it_a_letter(past: int, ok: int) -> None:
    tenant, size = new_tenant(), len(json.dumps(item(1)).encode())
    pipeline = dataclasses.replace(over(items(1)), max_payload_bytes=size - past)

    run = load(pipeline, tenant)

    assert counts(run) == (1, ok, 0, 1 - ok)
    assert [dead_letter.error_class for dead_letter in dead_letters(tenant)] == ["PayloadTooLarge"] * (1 - ok)


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b""])
@pytest.mark.parametrize("past", [0, 1])
def test_a_line_may_have_so_many_bytes_beside_its_end(tmp_path: Path, end: bytes, past: int) -> None:
    line = json.dumps(item(1)).encode()
    (tmp_path / "lines").write_bytes(line + end)
    reading = JsonLines(str(tmp_path / "lines"), max_line_bytes=len(line) - past).extract(context(), None)

    if past:
        with pytest.raises(UnreadableFile, match=f"above {len(line) - 1} bytes"):
            list(reading)
    else:
        assert [record.body for page in reading for record in page.records] == [line]


def test_a_byte_order_mark_is_no_part_of_the_first_line(tmp_path: Path) -> None:
    (tmp_path / "lines").write_bytes(b'\xef\xbb\xbf{"id": 1}\n{"id": 2}\n')

    (page,) = JsonLines(str(tmp_path / "lines")).extract(context(), None)

    assert ([record.key for record in page.records], page.refused) == (["1", "2"], [])
    assert page.checkpoint == 23


@pytest.mark.slow
def test_a_page_of_empty_lines_is_not_the_end_of_a_file(tmp_path: Path) -> None:
    blank = b"\n" + b" " * 40 + b"\r\n"  # both kinds, few enough to be quick
    first, last = (json.dumps(item(number)).encode() for number in (1, 2))
    blanks = blank * (json_sources._PAGE_BYTES // len(blank) + 2)
    (tmp_path / "lines").write_bytes(b"\n".join((first, blanks, last)))

    pages = list(JsonLines(str(tmp_path / "lines"), page_size=1).extract(context(), None))

    assert [record.body for page in pages for record in page.records] == [first, last]


@pytest.mark.django_db
@pytest.mark.parametrize("past", [0, 1])
def test_a_delivery_may_have_so_many_bytes(past: int) -> None:
    with registered(over([], source=Pushed())) as pipeline:
        to = connected(pipeline, make_tenant("acme"))
        with configured(MAX_DELIVERY_BYTES=2000):
            if past:
                with pytest.raises(PayloadTooLarge, match="2001 bytes; the limit is 2000"):
                    actions.deliver(to, "msg", b"x" * 2001, wake=False)
            else:
                actions.deliver(to, "msg", b"x" * 2000, wake=False)

    assert Delivery.unscoped.count() == 1 - past


@pytest.mark.parametrize(("most", "hops", "arrives"), [(3, 3, True), (3, 4, False), (0, 0, True), (0, 1, False)])
def test_so_many_redirects_are_followed_in_a_row(most: int, hops: int, arrives: bool) -> None:
    def moved(request: httpx.Request) -> httpx.Response:
        at = int(request.url.params.get("at", 0))
        return reply({}, 302, location=f"/?at={at + 1}") if at < hops else reply({"at": at})

    world: Any = World(moved)
    with Client(context(), "https://api.example.com", transport=world, limits=Limits(redirects=most)) as client:
        if arrives:
            assert client.get("/").json() == {"at": hops}
        else:
            with pytest.raises(SourceChanged, match="redirected again and again"):
                client.get("/")
    assert len(world.asked) == min(hops, most) + 1
