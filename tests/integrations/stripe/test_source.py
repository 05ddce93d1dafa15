"""What a run asks Stripe for, page by page, and what becomes of interruptions and odd answers."""

from __future__ import annotations

import dataclasses
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import httpx
import pytest

import ingestion
from ingestion import (
    ConfigurationError,
    Context,
    CredentialError,
    Figure,
    Page,
    Previewable,
    Receives,
    Record,
    Secret,
    SourceChanged,
    TenantRef,
    Transient,
    Window,
)
from integrations.stripe import KINDS, Stripe
from integrations.stripe.client import API_VERSION, open_api
from tests.integrations.stripe.account import DAY, Account, Once

START = datetime(1970, 1, 1, tzinfo=UTC)


def at(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def day_of(moment: datetime) -> Window:
    start = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    return Window(start, start + timedelta(days=1))


def context(account: Account, since: int = 0, until: int | None = None, **values: Any) -> Context:
    end = at(account.now if until is None else until)
    window = Window(at(since), end)
    return Context(TenantRef(1, "acme"), "stripe.test", 1, at(account.now), window, **values)


def source(account: Account, kind: str, **values: Any) -> Stripe:
    return Stripe(kind, open=account.open, clock=lambda: float(account.now), **values)


def ids(pages: list[Page]) -> list[str]:
    return [record.key for page in pages for record in page.records]


def full(kind: str, count: int, every: int = 60) -> Account:
    account = Account()
    for _ in range(count):
        account.create(kind)
        account.now += every
    return account


@pytest.mark.parametrize("every", [0, 1, 60])
def test_a_list_is_read_whole_and_its_records_are_stripe_s_bytes(every: int) -> None:
    account = full("charges", 2345, every)
    account.now += 1

    pages = list(source(account, "charges").extract(context(account), None))

    assert sorted(ids(pages)) == sorted(account.objects)
    assert [len(page.records) for page in pages] == [1000, 1000, 345]
    first = pages[0].records[0]
    assert first.body == json.dumps(account.objects[first.key]).encode()


@pytest.mark.parametrize("kind", ["charges", "prices"])
def test_a_list_goes_on_after_any_of_its_pages(kind: str) -> None:
    account = full(kind, 2100)
    for identity in list(account.objects)[::2] if kind == "prices" else ():
        account.objects[identity]["active"] = False
    whole = list(source(account, kind).extract(context(account), None))

    for number, page in enumerate(whole, start=1):
        checkpoint = json.loads(json.dumps(page.checkpoint))
        rest = list(source(account, kind).extract(context(account), checkpoint))
        assert ids(rest) == ids(whole[number:])


def test_what_is_created_while_a_list_is_read_belongs_to_the_next_run() -> None:
    account = full("charges", 1500)
    ctx = context(account)
    account.meanwhile = lambda path: account.create("charges")

    pages = list(source(account, "charges").extract(ctx, None))

    assert len(ids(pages)) == len(set(ids(pages))) == 1500


def test_a_list_goes_on_when_the_object_that_marked_its_place_was_deleted() -> None:
    account = full("customers", 2500)
    pages = source(account, "customers").extract(context(account), None)
    first = next(pages)
    account.delete(first.records[-1].key)

    rest = list(source(account, "customers").extract(context(account), first.checkpoint))

    assert set(ids([first, *rest])) >= set(account.objects)


def test_a_server_that_forgets_the_cursor_is_found_out() -> None:
    account = full("charges", 300)
    known = account.answer
    account.answer = lambda request: known(
        httpx.Request("GET", request.url.copy_remove_param("starting_after"), headers=request.headers)
    )  # type: ignore[method-assign]

    with pytest.raises(SourceChanged, match="never end"):
        list(source(account, "charges").extract(context(account), None))


def test_events_carry_settled_objects_and_only_doubtful_ones_are_fetched() -> None:
    account = full("invoices", 5)
    settled, tied, young, _, _ = account.objects
    since = account.now
    account.update(settled)
    account.now += 60
    account.update(tied, status="open")
    account.update(tied, status="paid")
    account.now += 60
    account.update(young)
    account.now += 5

    (page,) = source(account, "invoices").extract(context(account, since), None)

    assert {call for call in account.calls if call.startswith("/v1/invoices")} == {
        f"/v1/invoices/{one}" for one in (tied, young)
    }
    read = {record.key: json.loads(record.body) for record in page.records}
    assert {key: one["metadata"]["v"] for key, one in read.items()} == {settled: "2", tied: "3", young: "2"}
    assert {key: one["sluicegate"]["as_of"] for key, one in read.items()} == {
        settled: since,
        tied: since + 60,
        young: since + 120,
    }
    assert read[tied]["status"] == "paid"


def test_each_object_of_the_feed_appears_once_in_its_newest_state() -> None:
    account = full("invoices", 40)
    since = account.now
    for _ in range(60):
        for identity in account.objects:
            account.update(identity)
            account.now += 7
    account.now += 3600

    pages = list(source(account, "invoices").extract(context(account, since), None))

    assert sorted(ids(pages)) == sorted(account.objects)
    assert {json.loads(record.body)["metadata"]["v"] for page in pages for record in page.records} == {"61"}


def test_a_feed_goes_on_after_any_of_its_pages_and_leaves_what_is_new_to_the_next_run() -> None:
    account = full("invoices", 2500, every=0)
    since = account.now
    for identity in account.objects:
        account.update(identity)
        account.now += 3
    account.now += 3600
    whole = list(source(account, "invoices").extract(context(account, since), None))
    changed = list(account.objects)[:3]
    for identity in changed:
        account.update(identity)
    account.now += 60

    for number, page in enumerate(whole, start=1):
        rest = list(
            source(account, "invoices").extract(context(account, since), json.loads(json.dumps(page.checkpoint)))
        )
        assert [key for key in ids(whole[number:]) if key not in changed] == ids(rest)


def test_a_gap_beyond_what_stripe_keeps_lists_everything_again_and_says_so() -> None:
    account = full("invoices", 3)
    account.now += 40 * DAY
    pages = list(source(account, "invoices").extract(context(account, account.now - 26 * DAY), None))

    assert sorted(ids(pages)) == sorted(account.objects)
    assert "26 days" in pages[0].notes[0]
    assert "/v1/events" not in account.calls


def test_a_feed_that_waited_until_its_events_were_gone_is_begun_anew_as_a_list() -> None:
    account = full("invoices", 3)
    account.now += 10 * DAY
    since = account.now - 20 * DAY
    account.update(next(iter(account.objects)))
    account.now += 60
    (page,) = source(account, "invoices").extract(context(account, since), None)
    ctx = context(account, since)
    account.now += 15 * DAY

    again = list(source(account, "invoices").extract(ctx, page.checkpoint))

    assert sorted(ids(again)) == sorted(account.objects)


def test_a_backfill_lists_what_was_created_in_its_window() -> None:
    account = full("invoices", 30, every=DAY)
    some = list(account.objects)[10:15]
    since = account.objects[some[0]]["created"]

    pages = list(source(account, "invoices").extract(context(account, since, since + 5 * DAY, backfill=True), None))

    assert sorted(ids(pages)) == sorted(some)


def test_balance_transactions_have_no_events_and_are_listed_by_their_window() -> None:
    account = full("balance_transactions", 30, every=DAY)
    since = account.now - 3 * DAY

    pages = list(source(account, "balance_transactions").extract(context(account, since), None))

    assert sorted(ids(pages)) == sorted(list(account.objects)[-3:])


def test_a_cancelled_subscription_is_not_deleted() -> None:
    account = full("subscriptions", 1)
    (identity,) = account.objects
    since = account.now
    account.update(identity, status="canceled")
    account.events[-1]["type"] = "customer.subscription.deleted"
    account.now += 60

    (page,) = source(account, "subscriptions").extract(context(account, since), None)

    one = json.loads(page.records[0].body)
    assert (one["status"], one["sluicegate"]["deleted"], "deleted" in one) == ("canceled", False, False)


def test_deliveries_are_news_only_and_each_object_is_fetched_once() -> None:
    account = full("invoices", 2)
    one, _ = account.objects
    old = [account.update(one) for _ in range(3)]
    account.update(one, status="paid")
    foreign = {**old[0], "id": "evt_x", "type": "charge.updated"}
    deliveries = [Record(each["id"], json.dumps(each).encode()) for each in (*old, *old, foreign)]

    page = source(account, "invoices").receive(context(account), [*deliveries, Record("evt_bad", b"{}")])

    assert ids([page]) == [one]
    assert json.loads(page.records[0].body)["status"] == "paid"
    assert account.calls.count(f"/v1/invoices/{one}") == 1
    assert [refusal.record.key for refusal in page.refused] == ["evt_bad"]


def test_a_day_s_figures_by_currency() -> None:
    account = Account(now=int(datetime(2026, 1, 31, tzinfo=UTC).timestamp()) - 1)
    account.create("charges", amount=1)
    account.now += 1
    day = [
        account.create("charges", amount=amount, currency=currency)
        for amount, currency in ((1050, "usd"), (250, "usd"), (500, "jpy"))
    ]
    account.now += DAY - 1
    day.append(account.create("charges", amount=5123, currency="kwd"))
    account.now += 1
    account.create("charges", amount=1)

    found = source(account, "charges").figures(context(account), day_of(datetime(2026, 1, 31, tzinfo=UTC)))

    assert found == {
        "USD": Figure(2, Decimal("13.00"), {day[0]: Decimal("10.50"), day[1]: Decimal("2.50")}),
        "JPY": Figure(1, Decimal(500), {day[2]: Decimal(500)}),
        "KWD": Figure(1, Decimal("5.123"), {day[3]: Decimal("5.123")}),
    }


def test_kinds_without_amounts_are_counted() -> None:
    account = full("prices", 3)
    account.objects[next(iter(account.objects))]["active"] = False

    found = source(account, "prices").figures(context(account), day_of(at(account.now - 60)))

    assert found == {"": Figure(3, Decimal(), dict.fromkeys(account.objects, Decimal()))}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_can_be_tested_previewed_and_read(kind: str) -> None:
    account = full(kind, 25)
    stripe = source(account, kind)

    for capability in (ingestion.Testable, Previewable, Receives):
        assert isinstance(stripe, capability)
    assert "mode test" in stripe.test(context(account))
    assert ids([stripe.preview(context(account))]) == list(reversed(account.objects))[:20]
    assert sorted(ids(list(stripe.extract(context(account), None)))) == sorted(account.objects)


def test_a_wrong_key_is_the_credential_s_fault_and_appears_nowhere(caplog: pytest.LogCaptureFixture) -> None:
    account = Account(key="sk_test_right")
    stripe = Stripe("charges", open=lambda ctx: open_api(
        dataclasses.replace(ctx, credential=lambda: Secret({"api_key": "sk_test_wrong"})),
        transport=httpx.MockTransport(account.answer),
    ))  # fmt: skip

    with pytest.raises(CredentialError) as caught:
        stripe.test(context(account))

    assert "sk_test_wrong" not in f"{caught.value!r} {caplog.text} {stripe!r}"


@pytest.mark.parametrize("values", [{}, {"api_key": " "}])
def test_a_credential_without_a_key_says_what_to_store(values: dict[str, str]) -> None:
    with (
        pytest.raises(CredentialError, match="api_key"),
        open_api(context(Account(), credential=lambda: Secret(values))),
    ):
        pass


@pytest.mark.parametrize("named", ["", "acct_2", "acct_10 acct_2"])
def test_an_account_that_the_credential_does_not_name_is_refused_before_stripe_is_called(named: str) -> None:
    answers = Answers()
    stripe, ctx = answers.source("charges", account="acct_1")
    ctx = dataclasses.replace(ctx, credential=lambda: Secret({"api_key": "sk_test_1", "accounts": named}))

    for read in (stripe.test, stripe.preview, lambda ctx: list(stripe.extract(ctx, None))):
        with pytest.raises(ConfigurationError, match='"accounts"'):
            read(ctx)
    assert not answers.requests


def test_an_unknown_kind_is_refused_at_once() -> None:
    with pytest.raises(ConfigurationError, match="known: balance_transactions, charges"):
        Stripe("chargs")


class Answers:
    """A transport with prepared answers; it keeps what it was asked."""

    def __init__(self, *answers: tuple[int, Any, dict[str, str]]) -> None:
        self.answers = list(answers)
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        status, body, headers = self.answers.pop(0)
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        return httpx.Response(status, stream=Once(raw), headers=headers)

    def source(self, kind: str, **config: Any) -> tuple[Stripe, Context]:
        ctx = context(
            Account(), credential=lambda: Secret({"api_key": "sk_test_1", "accounts": "acct_9"}), config=config
        )
        return Stripe(
            kind, open=lambda ctx: open_api(ctx, transport=httpx.MockTransport(self), sleep=lambda _: None)
        ), ctx


EMPTY = (200, {"object": "list", "data": [], "has_more": False}, {})


def test_every_call_names_version_key_account_and_run() -> None:
    answers = Answers(EMPTY)
    stripe, ctx = answers.source("charges", account="acct_9")

    list(stripe.extract(ctx, None))

    sent = answers.requests[0].headers
    assert sent["stripe-version"] == API_VERSION
    assert sent["authorization"] == "Bearer sk_test_1"
    assert sent["stripe-account"] == "acct_9"
    assert "acme:1:1" in sent.values()


def test_too_many_calls_are_repeated_which_stripe_s_library_does_not_do() -> None:
    answers = Answers((429, {"error": {"type": "rate_limit"}}, {"Retry-After": "2"}), (503, b"", {}), EMPTY)
    stripe, ctx = answers.source("charges")
    held: list[float] = []

    list(stripe.extract(dataclasses.replace(ctx, hold_off=held.append), None))

    assert len(answers.requests) == 3
    assert 2.0 in held


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (
            (400, {"error": {"type": "invalid_request_error", "code": "parameter_unknown", "message": "?"}}, {}),
            SourceChanged,
        ),
        ((402, {"error": {"type": "card_error", "message": "?"}}, {}), SourceChanged),
        ((404, b"not json", {}), SourceChanged),
        ((200, b"<html>", {}), SourceChanged),
        ((200, {"data": []}, {}), SourceChanged),
        ((200, {"data": [], "has_more": True}, {}), SourceChanged),
        ((403, {"error": {"type": "invalid_request_error", "message": "no right"}}, {}), CredentialError),
        ((301, b"", {"location": "https://elsewhere.example/"}), SourceChanged),
    ],
)
def test_odd_answers_end_in_the_class_of_who_must_act(answer: Any, error: type[Exception]) -> None:
    stripe, ctx = Answers(answer).source("charges")

    with pytest.raises(error):
        list(stripe.extract(ctx, None))


def test_a_source_that_stays_away_is_transient() -> None:
    stripe, ctx = Answers(*[(500, b"", {})] * 6).source("charges")

    with pytest.raises(Transient):
        list(stripe.extract(ctx, None))
