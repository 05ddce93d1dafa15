"""Pages that are none, are too large, or hold what is no record."""

from __future__ import annotations

import pytest

from ingestion import CredentialError, IngestionError, SourceChanged, Transient
from integrations.rest import PageNumber
from tests.integrations.rest.pages import ROWS
from tests.integrations.rest.worlds import World, ids, read, reply, rest


def test_null_elements_are_no_records_but_noted() -> None:
    world = World(lambda request: reply({"data": [{"id": 1}, None, {"id": 2}], "count": 3}))

    (page,) = read(rest(total="$.count"), world)

    assert ids([page]) == ["1", "2"]
    assert "1 null elements" in page.notes[0]
    assert page.declares["count"] == 2


BAD_BODIES: dict[str, tuple[bytes, type[IngestionError]]] = {
    "a web page": (b"<!DOCTYPE html><html><title>Sign in</title></html>", SourceChanged),
    "truncated JSON": (b'{"data": [{"id": 1}, {"id"', Transient),
    "nothing": (b"", SourceChanged),
    "text": (b"OK", SourceChanged),
    "another shape": (b'{"items": []}', SourceChanged),
    "an object where a list was": (b'{"data": "none"}', SourceChanged),
    "a number": (b"5", SourceChanged),
    "two documents": (b'{"data": []}{"data": []}', SourceChanged),
    "deep nesting": (b'{"data": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", SourceChanged),
    "wrong encoding": ('{"data": [{"id": "é"}]}'.encode("utf-16"), SourceChanged),
}


@pytest.mark.parametrize("name", BAD_BODIES)
@pytest.mark.parametrize("records", ["$.data[*]", "$.data[?@.id != 'x']"])
def test_a_body_that_is_no_page_ends_in_a_named_error(name: str, records: str) -> None:
    body, error = BAD_BODIES[name]
    if records != "$.data[*]" and name in ("another shape", "an object where a list was", "a number"):
        pytest.skip("a filter that finds nothing is no error")

    with pytest.raises(error):
        read(rest(records=records), World(lambda request: reply(body)))


@pytest.mark.parametrize(
    ("body", "good", "refused"),
    [
        (b'{"data": [{"id": 1}, {"name": "no id"}, {"id": null}, {"id": ""}, 7, [1], "x", {"id": {}}]}', 1, 7),
        (b'{"data": [{"id": 12345678901234567890123}, {"id": "a"}]}', 2, 0),
        (b'\xef\xbb\xbf{"data": [{"id": 1}]}', 1, 0),
        (b'{"data": []}', 0, 0),
    ],
)
def test_a_bad_record_is_refused_and_the_others_are_kept(body: bytes, good: int, refused: int) -> None:
    (page,) = read(rest(), World(lambda request: reply(body)))

    assert (len(page.records), len(page.refused)) == (good, refused)


@pytest.mark.parametrize(
    ("status", "error"), [(400, SourceChanged), (401, CredentialError), (403, CredentialError), (404, SourceChanged),
                          (429, Transient), (500, Transient), (503, Transient), (302, SourceChanged)]
)  # fmt: skip
def test_a_refusal_on_the_first_page_has_its_class(status: int, error: type[IngestionError]) -> None:
    with pytest.raises(error):
        read(rest(pagination=PageNumber()), World(lambda request: reply({}, status)))


def test_an_empty_204_is_an_empty_page() -> None:
    assert ids(read(rest(), World(lambda request: reply(b"", 204)))) == []


@pytest.mark.slow
def test_a_page_too_large_for_one_batch_becomes_several_and_is_read_again_whole() -> None:
    rows = [{"id": number} for number in range(12_500)]
    declared, world = rest(total="$.count"), World(lambda request: reply({"data": rows, "count": len(rows)}))

    pages = read(declared, world)

    assert [len(page.records) for page in pages] == [5000, 5000, 2500]
    assert [page.checkpoint["done"] for page in pages] == [False, False, True]
    assert sum(page.declares["count"] for page in pages) == 12_500
    assert len(ids(read(declared, world, pages[0].checkpoint))) == 12_500
    assert read(declared, world, pages[2].checkpoint) == []


@pytest.mark.parametrize("body", [b'{"data": [' + b'{"id": 1},' * 200 + b'{"id": 2}]}', b" " * 5000 + b"{}"])
def test_a_page_above_its_limit_is_refused(body: bytes) -> None:
    with pytest.raises(SourceChanged, match="bytes"):
        read(rest(max_page_bytes=1024), World(lambda request: reply(body)))


@pytest.mark.parametrize("total", ["many", "-5", "1e3", "", "9" * 30])
def test_a_senseless_total_is_no_total(total: str) -> None:
    (page,) = read(rest(records="$", total_header="X-Total"), World(lambda request: reply(ROWS, X_Total=total)))

    assert page.declares == {}
