"""Every bound of a declaration: what is at it is taken, what is one past it is refused by name. And those of a run."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import annotated_types
import httpx
import pytest

from ingestion import ConfigurationError, SourceChanged
from ingestion.models import Tenant
from integrations.rest import Rest
from integrations.rest.answers import Signal
from integrations.rest.batches import BATCH
from integrations.rest.config import _MAX_CHARACTERS, KINDS, STYLES
from integrations.rest.declaration import ErrorBudget
from integrations.rest.json_splitting import MAX_MEMBERS
from tests.integrations.rest.test_records import acme, connected, rows, run
from tests.integrations.rest.worlds import World, ids, read, reply, rest

__all__ = ["acme"]
SOUND: dict[str, Any] = {"base_url": "https://api.example.com"}
NEEDS: dict[tuple[str, str], dict[str, Any]] = {
    ("", "concurrency"): {"pagination": {"style": "page"}},
}
"""What makes a value at its bound a declaration that fits together."""


def placed(where: str, values: dict[str, Any]) -> dict[str, Any]:
    """A declaration with `values` in one of its parts."""
    kind, _, name = where.partition(" ")
    match kind:
        case "":
            return {**SOUND, **values}
        case "signals":
            return {**SOUND, "signals": [{"at": "$.ok", **values}]}
        case "error_budget":
            return {**SOUND, "error_budget": values}
        case "pagination":
            return {**SOUND, "pagination": {"style": name, **values}}
    urls = {"token_url": "https://login.example.com/token"} if "token_url" in KINDS[name].model_fields else {}
    named = {"name": "X-Key"} if name == "api_key" else {}
    return {**SOUND, "auth": {"kind": name, **urls, **named, **values}}


def bounds() -> Iterator[tuple[str, str, Any, Any]]:
    """Part, field, a value at its bound and one past it."""
    parts: dict[str, Any] = {"": Rest, "signals": Signal, "error_budget": ErrorBudget}
    parts.update({f"pagination {name}": cls for name, cls in STYLES.items()})
    parts.update({f"auth {name}": cls for name, cls in KINDS.items()})
    for where, cls in parts.items():
        for name, field in cls.model_fields.items():
            listed = "tuple" in str(field.annotation)
            for bound in field.metadata:
                match bound:
                    case annotated_types.Ge(ge=least):
                        yield where, name, least, least - 1
                    case annotated_types.Le(le=most):
                        yield where, name, most, most + 1
                    case annotated_types.MinLen(min_length=least):
                        yield where, name, None, [] if listed else "x" * (least - 1)
                    case annotated_types.MaxLen(max_length=most):
                        one: Any = {"at": "$.ok"} if name == "signals" else "v"
                        yield where, name, [one] * most if listed else None, ([one] if listed else "v") * (most + 1)


BOUNDS = list(bounds())
NAMES = [f"{number} {where} {name}" for number, (where, name, *_) in enumerate(BOUNDS)]


def test_the_bounds_are_found() -> None:
    assert len(BOUNDS) > 40


@pytest.mark.parametrize(("where", "name", "at", "past"), BOUNDS, ids=NAMES)
def test_one_past_a_bound_of_a_declaration_is_refused_by_its_name(where: str, name: str, at: Any, past: Any) -> None:
    with pytest.raises(ConfigurationError, match=name):
        Rest.from_json(placed(where, {name: past}))

    if at is not None:
        needs = NEEDS.get((where, name), {})
        Rest.model_validate_json(json.dumps({**placed(where, {name: at}), **needs}))


def test_a_declaration_may_be_so_long_and_no_longer() -> None:
    """Counted as it is written down; parameters may be long."""
    filler_length = _MAX_CHARACTERS - len(json.dumps({**SOUND, "params": {"q": ""}}))

    Rest.from_json({**SOUND, "params": {"q": "x" * filler_length}})
    with pytest.raises(ConfigurationError, match="the limit is 32768"):
        Rest.from_json({**SOUND, "params": {"q": "x" * (filler_length + 1)}})


def paged(request: httpx.Request) -> httpx.Response:
    start = int(request.url.params.get("cursor", 0))
    return reply({"data": [{"id": start}], "next_cursor": start + 1 if start < 4 else None})


@pytest.mark.django_db
@pytest.mark.parametrize(("most", "state"), [(5, "succeeded"), (4, "failed")])
def test_a_run_reads_as_many_pages_as_declared_and_fails_over_the_next(acme: Tenant, most: int, state: str) -> None:
    changes = {"updated": "", "total": "", "pagination": {"style": "cursor"}, "max_pages": most}

    made = run(connected(acme, **changes), paged)

    assert (made.state, len(rows(acme))) == (state, most)
    assert ("max_pages" in made.error_message) == (state == "failed")


def test_a_page_may_have_so_many_bytes_and_not_one_more() -> None:
    body = json.dumps({"data": [{"id": 1, "text": "x" * 2000}]}).encode()

    assert ids(read(rest(max_page_bytes=len(body)), World(lambda request: reply(body)))) == ["1"]
    with pytest.raises(SourceChanged, match="Ask for smaller pages"):
        read(rest(max_page_bytes=len(body) - 1), World(lambda request: reply(body)))


@pytest.mark.slow
@pytest.mark.parametrize("count", [MAX_MEMBERS, MAX_MEMBERS + 1])
def test_a_page_may_have_so_many_elements_and_not_one_more(count: int) -> None:
    body = b'{"data": [' + b",".join(b'{"id":%d}' % number for number in range(count)) + b"]}"

    if count == MAX_MEMBERS:
        assert sum(len(page.records) for page in read(rest(), World(lambda request: reply(body)))) == MAX_MEMBERS
    else:
        with pytest.raises(SourceChanged, match="more than 100000"):
            read(rest(), World(lambda request: reply(body)))


@pytest.mark.parametrize(("count", "batches"), [(BATCH, 1), (BATCH + 1, 2)])
def test_a_batch_has_so_many_records_and_the_next_one_begins_another(count: int, batches: int) -> None:
    body = json.dumps({"data": [{"id": number} for number in range(count)]}).encode()

    pages = read(rest(), World(lambda request: reply(body)))

    assert [len(page.records) for page in pages] == [BATCH, 1][:batches]


@pytest.mark.parametrize(("times", "ends"), [(2, True), (3, False)])
def test_a_page_may_come_twice_in_a_row_and_not_three_times(times: int, ends: bool) -> None:
    """Rows may move by exactly one page, once."""

    def repeated(request: httpx.Request) -> httpx.Response:
        page = int(request.url.params["page"])
        return reply({"data": [{"id": 1}] if page <= times else []})

    declared = rest(pagination={"style": "page"})
    if ends:
        assert ids(read(declared, World(repeated))) == ["1", "1"]
    else:
        with pytest.raises(SourceChanged, match="the same as the two before"):
            read(declared, World(repeated))


@pytest.mark.parametrize(("length", "followed"), [(8000, True), (8001, False)])
def test_the_address_of_a_next_page_may_have_so_many_characters(length: int, followed: bool) -> None:
    start = "https://api.example.com/things?at="
    following = start + "x" * (length - len(start))

    def linked(request: httpx.Request) -> httpx.Response:
        return reply({"data": [{"id": 2 if "at" in request.url.params else 1}],
                      "next": None if "at" in request.url.params else following})  # fmt: skip

    declared = rest(pagination={"style": "next_url", "next": "$.next"})
    if followed:
        assert ids(read(declared, World(linked))) == ["1", "2"]
    else:
        with pytest.raises(SourceChanged, match="more than 8000 characters"):
            read(declared, World(linked))
