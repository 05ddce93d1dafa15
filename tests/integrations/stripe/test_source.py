"""Stripe's lists are read whole, page by page, from any interruption; days are counted and summed."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import httpx
import pytest

import ingestion
from ingestion import (
    ConfigurationError,
    Figure,
    Previewable,
    Receives,
    SourceChanged,
    Window,
)
from integrations.stripe import KINDS, Stripe
from tests.integrations.stripe.account import DAY, Account
from tests.integrations.stripe.following import truth
from tests.integrations.stripe.reading import at, context, full, ids, source

START = datetime(1970, 1, 1, tzinfo=UTC)


def day_of(moment: datetime) -> Window:
    start = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    return Window(start, start + timedelta(days=1))


@pytest.mark.slow
@pytest.mark.parametrize("every", [0, 1, 60])
def test_a_list_is_read_whole_and_its_records_are_stripe_s_bytes(every: int) -> None:
    account = full("charges", 2345, every)
    account.now += 1

    pages = list(source(account, "charges").extract(context(account), None))

    assert sorted(ids(pages)) == sorted(account.objects)
    assert [len(page.records) for page in pages] == [1000, 1000, 345]
    first = pages[0].records[0]
    assert first.body == json.dumps(account.objects[first.key]).encode()


@pytest.mark.slow
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


@pytest.mark.slow
def test_what_is_created_while_a_list_is_read_belongs_to_the_next_run() -> None:
    account = full("charges", 1500)
    ctx = context(account)
    account.meanwhile = lambda path: account.create("charges")

    pages = list(source(account, "charges").extract(ctx, None))

    assert len(ids(pages)) == len(set(ids(pages))) == 1500


@pytest.mark.slow
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
    newest = list(reversed(truth(account, kind)))
    assert ids([stripe.preview(context(account))]) == newest[:20]
    assert sorted(ids(list(stripe.extract(context(account), None)))) == sorted(newest)


def test_an_unknown_kind_is_refused_at_once() -> None:
    with pytest.raises(ConfigurationError, match="known: balance_transactions, charges"):
        Stripe("chargs")
