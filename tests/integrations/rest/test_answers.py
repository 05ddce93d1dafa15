"""An answer of status 200 that says that it failed, through whole runs: nothing of it is taken for success."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from ingestion.models import Tenant, Watermark
from ingestion.vault import credentials
from integrations.rest.source import Configured
from tests.integrations.rest.configured import config
from tests.integrations.rest.test_records import acme, connected, rows, run
from tests.integrations.rest.worlds import World, context, read, reply, rest

__all__ = ["acme"]
pytestmark = [pytest.mark.django_db]
PLAIN: dict[str, Any] = {"records": "$.data[*]", "updated": "", "total": "", "pagination": {"style": "none"}}
SLACK = [
    {"at": "$.error", "later": ["ratelimited"], "credential": ["invalid_auth", "invalid api key"], "changed": ["unknown_method"]},
    {"at": "$.ok", "success": [True], "text": "$.error"},
]  # fmt: skip

ANSWERS: dict[str, tuple[dict[str, Any], Any, str, str]] = {
    "GraphQL, null data": (
        {"records": "$.data.orders[*]"}, {"data": {"orders": None}, "errors": [{"message": "Timeout"}]}, "SourceFailed", "Timeout"),
    "GraphQL, data beside errors": (
        {"records": "$.data.orders[*]"}, {"data": {"orders": [{"id": 1}]}, "errors": [{"message": "half"}]}, "SourceFailed", "half"),
    "GraphQL, no data": ({"records": "$.data.orders[*]"}, {"errors": [{"message": "Boom"}]}, "SourceFailed", "Boom"),
    "GraphQL, the whole answer is the record": ({"records": "$", "key": ""}, {"data": None, "errors": [{"message": "No"}]}, "SourceFailed", "No"),
    "GraphQL, throttled": (
        {"records": "$.data.orders[*]"},
        {"data": None, "errors": [{"message": "slow", "extensions": {"code": "THROTTLED"}}]}, "HeldOff", "slow"),
    "errors as an object": ({}, {"data": [], "errors": {"base": ["not now"]}}, "SourceFailed", "$.errors"),
    "ok is false": ({}, {"ok": False, "error": "gone_fishing", "data": []}, "SourceFailed", "gone_fishing"),
    "ok is false, too many calls": ({}, {"ok": False, "error": "ratelimited", "data": []}, "HeldOff", "ratelimited"),
    "a status in words": ({}, {"status": "error", "data": None, "message": "down"}, "SourceFailed", "down"),
    "an error beside an empty list": ({}, {"error": "invalid api key", "data": []}, "SourceFailed", "invalid api key"),
    "success is false": ({}, {"success": False, "data": [{"id": 1}]}, "SourceFailed", "$.success"),
    "success is the text false": ({}, {"success": "false", "data": []}, "SourceFailed", "$.success"),
    "success is 0": ({}, {"success": 0, "data": []}, "SourceFailed", "$.success"),
    "a status of HTTP in the body": ({}, {"status": 500, "message": "internal", "data": []}, "SourceFailed", "internal"),
    "a code beside a message": ({}, {"code": 40001, "msg": "token expired", "data": []}, "SourceFailed", "token expired"),
    "a code as text": ({}, {"code": "-1", "msg": "no rights", "data": []}, "SourceFailed", "no rights"),
    "a code of errors": ({}, {"errcode": 40001, "errmsg": "x", "data": [{"id": 1}]}, "SourceFailed", "$.errcode"),
    "a failure one object deeper": ({}, {"meta": {"success": False}, "data": []}, "SourceFailed", "$.meta.success"),
    "a status that is an object": ({}, {"status": {"error_code": 1001}, "data": []}, "SourceFailed", "$.status.error_code"),
    "a list of errors beside an empty list": ({}, {"errors": ["no"], "data": []}, "SourceFailed", "$.errors"),
    "a status without records": ({}, {"status": "unauthorized", "data": []}, "SourceFailed", "$.status"),
    "errors of a user beside an empty list": (
        {"records": "$.data.orders.nodes[*]"}, {"data": {"orders": {"nodes": [], "userErrors": [{"message": "no access"}]}}},
        "SourceFailed", "$.data.orders.userErrors"),
    "not ready": ({}, {"status": "processing", "data": []}, "SourceFailed", "not ready"),
    "a code that means too many calls": ({}, {"code": "Throttling", "msg": "x", "errcode": 9, "data": []}, "HeldOff", "errcode"),
    "a code that means too many calls, as a number": ({}, {"code": 429, "message": "slow down", "data": []}, "HeldOff", "slow down"),
    "a number of too many calls without words": ({}, {"code": 429, "data": []}, "HeldOff", "$.code"),
    "a number of too many calls, deeper": (
        {}, {"meta": {"code": 429, "error_message": "not so fast"}, "data": []}, "HeldOff", "not so fast"),
    "a code of HTTP without words": ({}, {"code": 500, "data": []}, "SourceFailed", "$.code"),
    "a code of HTTP as text": ({}, {"code": "401", "data": []}, "SourceFailed", "$.code"),
    "a code beside a message, deeper": ({}, {"meta": {"code": 7, "error_message": "no rights"}, "data": []}, "SourceFailed", "no rights"),
    "a code beside a success that was none": (
        {}, {"code": 2001, "message": "The request was not successful", "data": []}, "SourceFailed", "not successful"),
    "no success": ({}, {"code": 2001, "message": "Unsuccessful request", "data": []}, "SourceFailed", "Unsuccessful"),
    "not ready, asked for otherwise": ({"params": {"state": "done"}}, {"state": "running", "data": []}, "SourceFailed", "not ready"),
    "declared, later": ({"signals": SLACK}, {"ok": False, "error": "ratelimited", "data": []}, "HeldOff", "ratelimited"),
    "declared, credential": ({"signals": SLACK}, {"ok": False, "error": "invalid_auth", "data": []}, "CredentialError", "invalid_auth"),
    "declared, without its truth": ({"signals": SLACK}, {"error": "invalid api key", "data": []}, "CredentialError", "invalid api key"),
    "declared, changed": ({"signals": SLACK}, {"ok": False, "error": "unknown_method", "data": []}, "SourceChanged", "unknown_method"),
    "declared, unknown code": ({"signals": SLACK}, {"ok": False, "error": "fatal", "data": []}, "SourceFailed", "fatal"),
    "declared, the signal is missing": ({"signals": SLACK[1:]}, {"data": [{"id": 1}]}, "SourceFailed", "nothing stands"),
    "declared, the signal has another type": ({"signals": SLACK[1:]}, {"ok": "true", "data": [{"id": 1}]}, "SourceFailed", "$.ok"),
    "declared, a number for success": (
        {"signals": [{"at": "$.code", "success": [0], "later": [7]}]}, {"code": 7, "data": []}, "HeldOff", "$.code"),
    "words of an error alone": ({}, {"errorMessage": "Invalid session", "data": []}, "SourceFailed", "Invalid session"),
    "words of an error alone, beside records": ({}, {"error_message": "half of it", "data": [{"id": 1}]}, "SourceFailed", "half of it"),
    "a truth that is an error": ({}, {"isError": True, "data": []}, "SourceFailed", "$.isError"),
    "records of which some did not come in time": (
        {"records": "$.hits.hits[*]"}, {"timed_out": True, "hits": {"hits": [{"id": 1}]}}, "SourceFailed", "$.timed_out"),
    "records that are not all": ({}, {"incomplete_results": True, "data": [{"id": 1}]}, "SourceFailed", "$.incomplete_results"),
    "a state beside the records, deeper": (
        {"records": "$.result.rows[*]"}, {"result": {"status": "FAIL", "rows": []}}, "SourceFailed", "$.result.status"),
    "a truth beside the records, deeper": (
        {"records": "$.body.list.rows[*]"}, {"body": {"list": {"success": False, "rows": []}}}, "SourceFailed", "$.body.list.success"),
    "a failure beside records, deeper": (
        {"records": "$.response.rows[*]"}, {"response": {"ok": False, "rows": [{"id": 1}]}}, "SourceFailed", "$.response.ok"),
    "a capital letter in front": (
        {}, {"Response": {"Status": "Error", "Message": "denied"}, "data": []}, "SourceFailed", "$.Response.Status"),
    "null where a list was": ({}, {"data": None}, "SourceChanged", "Null stands"),
    "null on the way": ({"records": "$.data.orders[*]"}, {"data": None}, "SourceChanged", "Null stands"),
    "nothing where a list was": ({}, {"items": []}, "SourceChanged", "no 'data'"),
    "an object where a list was": ({}, {"data": {"id": 1, "name": "x"}}, "SourceChanged", "2 of its members"),
    "texts where records were": ({}, {"data": ["a", "b"]}, "SourceChanged", "texts"),
    "the id is renamed everywhere": ({}, {"data": [{"ID": 1}, {"ID": 2}]}, "SourceChanged", "None of the page's 2 records has 'id'"),
}  # fmt: skip


@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_that_failed_is_no_success(acme: Tenant, name: str) -> None:
    changes, body, error, words = ANSWERS[name]
    connection = connected(acme, **{**PLAIN, **changes})

    made = run(connection, lambda request: reply(body))

    assert made.error_class == error
    assert made.state == ("queued" if error == "HeldOff" else "failed")
    assert words in made.error_message
    assert rows(acme) == {}
    assert not Watermark.unscoped.filter(connection=connection).exists()
    connection.refresh_from_db()
    assert connection.is_paused == (error == "CredentialError")


FINE: dict[str, tuple[dict[str, Any], Any, int]] = {
    "words that nothing is wrong": ({}, {"data": [], "errcode": 0, "errmsg": "ok", "error_message": None, "has_error": False}, 0),
    "a thing whose state is one of failure": (
        {"records": "$.subscription.items[*]"}, {"subscription": {"status": "expired", "code": 404, "items": []}}, 0),
    "records named as a state": ({"records": "$.result.status[*]"}, {"result": {"status": [{"id": 1}]}}, 1),
    "a failure within an envelope, declared": (
        {"records": "$.result.rows[*]", "signals": [{"at": "$.result.status", "otherwise": "success"}]},
        {"result": {"status": "failed", "rows": []}}, 0),
    "an empty list of errors": ({}, {"data": [{"id": 1}], "errors": []}, 1),
    "null for an error": ({}, {"data": [{"id": 1}], "error": None, "ok": True, "status": "ok"}, 1),
    "declared": ({"signals": SLACK}, {"data": [{"id": 1}], "ok": True}, 1),
    "errors of a user beside records": (
        {"records": "$.data.orders.nodes[*]"}, {"data": {"orders": {"nodes": [{"id": 1}], "userErrors": [{"message": "x"}]}}}, 1),
    "no errors of a user": ({"records": "$.data.nodes[*]"}, {"data": {"nodes": [], "userErrors": []}}, 0),
    "a count of successes beside records": ({}, {"data": [{"id": 1}], "success": 0}, 1),
    "codes of success": ({}, {"data": [], "code": 0, "msg": "success", "errcode": "0", "ret": 200}, 0),
    "a code of success that is no 0": ({}, {"data": [], "code": 20000, "msg": "操作成功"}, 0),
    "a code of success in a sentence": ({}, {"data": [], "code": 2000, "message": "Request successful"}, 0),
    "a code of success of no records": ({}, {"data": [], "code": 2000, "message": "Success: no records found"}, 0),
    "a code of success in a longer one": ({}, {"data": [], "code": 2000, "message": "The list was read successfully."}, 0),
    "a code of errors that speaks of success": ({}, {"data": [], "errcode": "request_successful"}, 0),
    "a code of success, deeper": ({}, {"data": [], "meta": {"code": 2000, "message": "Request successful"}}, 0),
    "a filter for what runs, repeated": ({"params": {"state": "running"}}, {"data": [], "state": "running"}, 0),
    "a filter for what failed, repeated": ({"params": {"status": "failed"}}, {"data": [{"id": 1}], "status": "failed"}, 1),
    "a code without a word": ({}, {"data": [], "code": 7}, 0),
    "a code beside records": ({}, {"data": [{"id": 1}], "code": 7, "msg": "hello"}, 1),
    "a status of HTTP that is fine": ({}, {"data": [], "status": 200, "success": "true"}, 0),
    "a status beside records, which may be their own": ({}, {"data": [{"id": 1}], "status": 410}, 1),
    "a status object without errors": ({}, {"data": [], "status": {"error_code": 0, "error_message": None}}, 0),
    "work that goes on beside records": ({}, {"data": [{"id": 1}], "status": "processing"}, 1),
    "declared as no failure": (
        {"signals": [{"at": "$.code", "otherwise": "success"}]}, {"code": 40001, "msg": "nothing today", "data": []}, 0),
    "declared as no failure, deeper": (
        {"signals": [{"at": "$.meta.success", "otherwise": "success"}]}, {"meta": {"success": False}, "data": []}, 0),
    "errors that are the records": ({"records": "$.errors[*]"}, {"errors": [{"id": 1}]}, 1),
    "partial data that is wanted": (
        {"records": "$.data.orders[*]", "signals": [{"at": "$.errors", "otherwise": "success"}]},
        {"data": {"orders": [{"id": 1}]}, "errors": [{"message": "half"}]}, 1),
    "null for an empty list": ({"empty": ["null"]}, {"data": None}, 0),
    "nothing for an empty list": ({"empty": ["missing"]}, {"count": 0}, 0),
    "null on the way to an empty list": ({"records": "$.data.orders[*]", "empty": ["null"]}, {"data": None}, 0),
    "records that have a status of error": ({}, {"data": [{"id": 1, "status": "error", "errors": ["x"]}]}, 1),
    "a map of records": ({"key": "n"}, {"data": {"a": {"n": 1}, "b": {"n": 2}}}, 2),
}  # fmt: skip


@pytest.mark.parametrize("name", FINE)
def test_what_is_no_failure_is_none(acme: Tenant, name: str) -> None:
    changes, body, count = FINE[name]

    made = run(connected(acme, **{**PLAIN, **changes}), lambda request: reply(body))

    assert (made.state, made.ok) == ("succeeded", count), made.error_message


def test_a_filter_in_a_body_that_the_answer_repeats_is_no_state() -> None:
    source = rest(method="POST", body={"filter": {"state": "pending"}}, records="$.data[*]", key="id")

    assert [page.records for page in read(source, World(lambda request: reply({"data": [], "state": "pending"})))] == [
        []
    ]


@pytest.mark.parametrize("body", [{"ok": True, "data": [{"id": 1}]}, {"ok": False, "error": "fatal", "data": []}])
def test_a_preview_names_members_that_look_like_a_failure_s_and_shows_the_page(body: Any) -> None:
    world = World(lambda request: reply({**body, "message": "hello", "page": 1}))

    page = Configured(world.connect).preview(context(config=config(records="$.data[*]", key="id")))

    (note,) = [one for one in page.notes if "declare `signals`" in one]
    assert "'ok'" in note
    assert "'message'" in note
    assert "'page'" not in note
    remedies = 'ingest retry RUN. If that is no failure, declare it: "signals": [{"at": "$.'
    fails = [one for one in page.notes if "A run fails at such an answer" in one]
    assert [remedies in one for one in fails] == ([] if body["ok"] else [True])


@pytest.mark.parametrize("body", [{"status": "processing", "data": []}, {"data": []}])
@pytest.mark.parametrize("declared", [False, True])
def test_an_answer_202_without_records_is_not_ready_unless_declared(acme: Tenant, body: Any, declared: bool) -> None:
    signals = [{"at": "$.status", "otherwise": "success"}] if declared else []

    made = run(connected(acme, **PLAIN, signals=signals), lambda request: reply(body, 202))

    assert (made.state, made.error_class) == (("succeeded", "") if declared else ("failed", "SourceFailed"))
    assert declared or "not ready" in made.error_message
    assert declared or '"signals": [{"at": "$.status", "otherwise": "success"}].' in made.error_message
    assert declared or "If it passes: manage.py ingest retry RUN. If that is" in made.error_message


def test_an_answer_202_with_records_is_read(acme: Tenant) -> None:
    made = run(connected(acme, **PLAIN), lambda request: reply({"data": [{"id": 1}]}, 202))

    assert (made.state, made.ok) == ("succeeded", 1)


def test_a_wait_that_the_answer_asks_for_is_the_run_s(acme: Tenant) -> None:
    def later(request: httpx.Request) -> httpx.Response:
        return reply({"ok": False, "error": "ratelimited", "data": []}, Retry_After="77")

    made = run(connected(acme, **PLAIN), later)

    assert made.state == "queued"
    assert made.not_before is not None


@pytest.mark.parametrize(
    ("count", "rejected", "state"),
    [
        (31, 30, "failed"),
        (3, 2, "failed"),
        (2, 1, "partial"),
        (30, 15, "partial"),
        (30, 16, "failed"),
        (31, 0, "succeeded"),
    ],
)
def test_a_run_more_of_whose_records_were_rejected_than_taken_failed(
    acme: Tenant, count: int, rejected: int, state: str
) -> None:
    connection = connected(acme, **{**PLAIN, "updated": "at"})
    body = {"data": [{"id": number, "at": "never" if number < rejected else number} for number in range(count)]}

    made = run(connection, lambda request: reply(body))

    assert (made.state, made.dead, made.watermark_after is None) == (state, rejected, state == "failed")
    if state == "failed":
        assert made.error_class == "ErrorBudgetExceeded"
        assert (
            f"{rejected} of {count} records were rejected; the error budget allows at most half of a run of fewer "
            "than 200 records. Look at the dead letters: when the source has changed, mend the pipeline or the "
            "connection's declaration" in made.error_message
        )


@pytest.mark.parametrize(("ratio", "state"), [(0.05, "failed"), (0.96, "failed"), (0.97, "partial"), (1.0, "partial")])
def test_a_declared_share_above_a_half_is_allowed_of_a_few_records_too(acme: Tenant, ratio: float, state: str) -> None:
    budget = {"ratio": ratio, "at_least": 200}
    connection = connected(acme, **{**PLAIN, "updated": "at", "error_budget": budget})
    body = {"data": [{"id": number, "at": "never" if number < 30 else number} for number in range(31)]}

    assert run(connection, lambda request: reply(body)).state == state


@pytest.mark.parametrize("count", [1, 2, 30])
def test_a_run_all_of_whose_records_were_rejected_failed(acme: Tenant, count: int) -> None:
    connection = connected(acme, **{**PLAIN, "updated": "at"})
    body = {"data": [{"id": number, "at": "yesterday"} for number in range(count)]}

    made = run(connection, lambda request: reply(body))

    assert (made.state, made.error_class, made.dead) == ("failed", "ErrorBudgetExceeded", count)
    assert made.watermark_after is None
    assert not Watermark.unscoped.filter(connection=connection).exists()


def test_a_connection_has_an_error_budget_of_its_own(acme: Tenant) -> None:
    def tenth(request: httpx.Request) -> httpx.Response:
        return reply({"data": [{"id": number, "at": "never" if number < 2 else number} for number in range(10)]})

    strict = {"ratio": 0.1, "at_least": 5}
    lenient = run(connected(acme, **{**PLAIN, "updated": "at"}), tenth)
    failed = run(connected(acme, "strict", **{**PLAIN, "updated": "at", "error_budget": strict}), tenth)

    assert (lenient.state, lenient.dead) == ("partial", 2)
    assert (failed.state, failed.error_class) == ("failed", "ErrorBudgetExceeded")


@pytest.mark.parametrize("signals", [[], [{"at": "$.error", "text": "$.sent"}]])
def test_the_words_of_an_error_never_show_the_credential_to_who_declared_the_call(acme: Tenant, signals: Any) -> None:
    credentials.put(acme.ref, "rest", {"token": "Kx73cretWord", "hosts": "api.example.com"}, cause="set")
    connection = connected(acme, auth={"kind": "bearer"}, signals=signals, **PLAIN)

    def echo(request: httpx.Request) -> httpx.Response:
        sent = request.headers["authorization"]
        return reply({"error": f"no {sent}", "sent": sent.upper(), "data": []})

    made = run(connection, echo)

    assert made.state == "failed"
    assert "kx73cret" not in made.error_message.lower()
    assert "repeats a value of the credential" in made.error_message
