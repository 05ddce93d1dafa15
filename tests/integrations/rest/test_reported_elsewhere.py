"""What was reported of tools like this one, rebuilt with made-up data against a real server, through the commands."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from ingestion.models import Run, Tenant
from ingestion.testing import make_tenant
from ingestion.vault import credentials
from tests.ingestion.commands.shell import Answer, asked, ingest
from tests.ingestion.runs import configured
from tests.integrations.rest.test_records import rows

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("redis")]
ROWS = [{"id": number, "name": f"n{number}"} for number in range(1, 24)]
NAMED = ("--tenant", "acme", "--pipeline", "rest.records", "--name", "shop")
Answered = tuple[int, Any, dict[str, str]]


class Site:
    """A server on this machine that answers with a function from the query's parameters and the number of the call."""

    def __init__(self, answer: Callable[[dict[str, str], int], Answered]) -> None:
        self.calls: list[dict[str, str]] = []
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                query = {name: texts[-1] for name, texts in parse_qs(urlsplit(self.path).query).items()}
                site.calls.append({"path": urlsplit(self.path).path, **query})
                status, body, headers = answer(query, len(site.calls))
                content = body if isinstance(body, bytes) else json.dumps(body).encode()
                self.send_response(status)
                for name, value in {"Content-Length": str(len(content)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *words: Any) -> None:
                """Nothing: the tests look at `calls`."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = False  # closing waits for them: later tests fork, and no thread may be left
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()


@pytest.fixture
def serve() -> Iterator[Callable[..., Site]]:
    sites: list[Site] = []

    def served(answer: Any) -> Site:
        sites.append(Site(answer))
        return sites[-1]

    with configured(PRIVATE_NETWORKS=["127.0.0.0/8"], THROTTLE_SECONDS=1):
        yield served
    for site in sites:
        site.server.shutdown()
        site.server.server_close()
        site.thread.join()


@pytest.fixture
def acme() -> Tenant:
    return make_tenant("acme")


def connect(acme: Tenant, site: Site, **declared: Any) -> None:
    credentials.put(acme.ref, "shop", {"hosts": site.url}, cause="set")
    api = {"base_url": site.url, "path": "/things", "records": "$.data[*]", **declared}
    answer = ingest("connect", *NAMED, "--config", f"rest={json.dumps(api)}")
    assert answer.code == 0, answer.error


def run_through_the_command() -> tuple[Answer, Run]:
    answer = ingest("run", *NAMED)
    return answer, Run.unscoped.latest("pk")


def part(start: int, size: int = 10) -> list[Any]:
    return ROWS[start : start + size]


def total_is_null(query: dict[str, str], call: int) -> Answered:
    return 200, {"data": part(int(query.get("offset", 0))), "total": None}, {}


def pages_told_once(query: dict[str, str], call: int) -> Answered:
    page = int(query["page"])
    told = {"total": 23, "lastPage": 3} if page == 1 else {}
    return 200, {"data": part(10 * (page - 1)), "pagination": {"perPage": 10, **told}}, {}


def in_a_ring(query: dict[str, str], call: int) -> Answered:
    after = {"": "A", "A": "B", "B": "A"}[query.get("cursor", "")]
    return 200, {"data": part(len(query.get("cursor", "")) * 10, 5), "next_cursor": after}, {}


def bad_request(query: dict[str, str], call: int) -> Answered:
    return 400, {"message": "base is not known"}, {}


def proxied_page(query: dict[str, str], call: int) -> Answered:
    return 200, b"<!DOCTYPE html><html>Sign in</html>", {"Content-Type": "text/html"}


def cut_off(query: dict[str, str], call: int) -> Answered:
    start = int(query.get("cursor", 0))
    if start == 10 and call < 5:
        return 200, json.dumps({"data": part(start)}).encode()[:60], {"Content-Length": "500"}
    return 200, {"data": part(start), "next_cursor": start + 10 if start < 20 else None}, {}


def numbers_beyond_a_float(query: dict[str, str], call: int) -> Answered:
    return 200, b'{"data": [{"id": 9007199254740993, "n": 0.1234567890123456789}, {"id": 9007199254740992}]}', {}


REPORTS: dict[str, tuple[Any, dict[str, Any], str, int]] = {
    "github.com/dlt-hub/dlt/issues/4429": (
        total_is_null, {"pagination": {"style": "offset", "limit": 10}, "total": "$.total"}, "", 23),
    "github.com/dlt-hub/dlt/issues/1414": (
        pages_told_once, {"pagination": {"style": "page", "pages": "$.pagination.lastPage"}, "total": "$.pagination.total"}, "", 23),
    "github.com/apache/iceberg-go/pull/1484": (
        in_a_ring, {"pagination": {"style": "cursor"}}, "read already", 10),
    "github.com/airbytehq/airbyte/issues/2165": (bad_request, {}, "answered 400", 0),
    "github.com/airbytehq/airbyte-python-cdk/issues/1148": (
        lambda query, call: (200, {"data": part(0), "next_cursor": "same"}, {}), {"pagination": {"style": "cursor"}}, "read already", 10),
    "a login page": (proxied_page, {}, "JSON", 0),
    "numbers beyond a float": (numbers_beyond_a_float, {}, "", 2),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("report", REPORTS)
def test_it_is_read_whole_or_the_run_says_why_not(acme: Tenant, serve: Any, report: str) -> None:
    answer, declared, refusal, loaded = REPORTS[report]
    site = serve(answer)
    connect(acme, site, **declared)

    said, run = run_through_the_command()

    assert (run.state, refusal in run.error_message) == ("failed" if refusal else "succeeded", True), run.error_message
    assert (said.code == 0) == (not refusal)
    assert len(rows(acme)) == loaded
    assert len(site.calls) <= 12


@pytest.mark.slow
def test_a_retry_after_of_nothing_is_no_reason_to_ask_at_once(acme: Tenant, serve: Any) -> None:
    """github.com/dlt-hub/dlt/issues/4036: all attempts were used up within a second."""
    site = serve(lambda query, call: (429, {}, {"Retry-After": "0"}))
    connect(acme, site)

    _, run = run_through_the_command()

    assert (run.state, run.error_class) == ("queued", "HeldOff")
    assert run.not_before is not None
    assert (run.not_before - run.created_at).total_seconds() > 25
    assert [row["integration"] for row in asked("hold-off", "show")["hold_offs"]] == ["shop"]


@pytest.mark.slow
def test_what_came_before_a_rate_limit_stays_and_the_run_goes_on_from_there(acme: Tenant, serve: Any) -> None:
    """github.com/airbytehq/airbyte/issues/3401 and 52151: a sync that meets a limit lost what it had."""
    refused = {10: True}

    def limited(query: dict[str, str], call: int) -> Answered:
        start = int(query.get("cursor", 0))
        if refused.get(start):
            return 429, {}, {"Retry-After": "300"}
        return 200, {"data": part(start), "next_cursor": start + 10 if start < 20 else None}, {}

    site = serve(limited)
    connect(acme, site, pagination={"style": "cursor"})

    _, run = run_through_the_command()
    held_off, before, refused[10] = run.error_class, len(rows(acme)), False
    ended = ingest("hold-off", "end", *NAMED)
    again = ingest("run", *NAMED) if ended.code == 0 else ended
    run.refresh_from_db()

    assert (before, held_off, run.state) == (10, "HeldOff", "succeeded")
    assert (ended.code, again.code, len(rows(acme))) == (0, 0, 23), again.error


@pytest.mark.slow
def test_an_answer_that_broke_off_is_asked_for_again(acme: Tenant, serve: Any) -> None:
    site = serve(cut_off)
    connect(acme, site, pagination={"style": "cursor"})

    said, run = run_through_the_command()

    assert (said.code, run.state, len(rows(acme))) == (0, "succeeded", 23), run.error_message


def test_the_preview_says_what_a_run_would_fail_for(acme: Tenant, serve: Any) -> None:
    connect(acme, serve(bad_request))

    said = ingest("preview", *NAMED)

    assert said.code != 0
    assert "answered 400" in said.error + said.out
