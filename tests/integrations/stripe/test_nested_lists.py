"""Lists inside objects, which Stripe cuts after ten: completed, kept in a table of their own, or counted."""

from __future__ import annotations

import json
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest

from ingestion import SourceChanged, actions
from ingestion.models import DeadLetter
from integrations.stripe import KINDS
from integrations.stripe.models import StripeInvoiceLine, StripeSubscription
from integrations.stripe.nested import cut_lists, items_if_complete
from tests.ingestion.runs import OPERATOR, carry
from tests.integrations.stripe.account import DAY, Account
from tests.integrations.stripe.following import Follower, following, truth
from tests.integrations.stripe.reading import context, source

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.every_database]


def lines(account: Account, amounts: Sequence[int]) -> list[dict[str, Any]]:
    return [account.line(amount) for amount in amounts]


def invoices_of(follower: Follower) -> dict[str, list[Decimal]]:
    """The amounts of the lines that each invoice has now."""
    alive = StripeInvoiceLine.objects.for_tenant(follower.connection.tenant).filter(deleted_at=None)
    found: dict[str, list[Decimal]] = {}
    for invoice, amount in alive.order_by("external_id").values_list("invoice", "amount"):
        found.setdefault(invoice, []).append(amount)
    return found


@pytest.mark.parametrize("count", [0, 1, 9, 10, 11, 99, 100, 101, 250])
def test_an_invoice_has_all_of_its_lines(count: int) -> None:
    account = Account()
    invoice = account.create("invoices", lines=lines(account, range(100, 100 + count)))
    account.now += 60

    with following(account, "invoice_lines") as follower:
        run = follower.run()

        assert (run.ok, run.read) == (count, count)
        expected = {invoice: [Decimal(100 + n).scaleb(-2) for n in range(count)]} if count else {}
        assert invoices_of(follower) == expected


@pytest.mark.slow
def test_lines_that_a_draft_lost_do_not_stay_as_current() -> None:
    account = Account()
    stays, goes, comes = (account.line(amount) for amount in (100, 200, 300))
    many = lines(account, [1] * 12)
    draft = account.create("invoices", lines=[stays, goes, *many])
    account.now += DAY

    with following(account, "invoice_lines") as follower:
        follower.run()
        account.update(draft, lines=[comes, stays])
        account.now += 3600
        follower.run()
        after_feed = follower.alive()
        told = account.update(draft, lines=[stays])
        follower.told(told)
        after_webhook = follower.alive()

        assert set(after_feed) == {comes["id"], stays["id"]}
        assert set(after_webhook) == {stays["id"]}
        assert follower.rows()[goes["id"]] == ("1", True)


def test_a_deleted_draft_takes_its_lines_with_it() -> None:
    account = Account()
    draft = account.create("invoices", lines=lines(account, [1] * 15))
    account.now += DAY

    with following(account, "invoice_lines") as follower:
        follower.run()
        account.delete(draft)
        account.now += 3600
        follower.run()

        assert follower.alive() == {}
        assert len(follower.rows()) == 15


def test_a_full_list_finds_lines_and_invoices_that_went_without_an_event() -> None:
    account = Account()
    whole = account.create("invoices", lines=lines(account, [1] * 11))
    draft = account.create("invoices", lines=lines(account, [5, 6]))
    account.now += 100 * DAY

    with following(account, "invoice_lines") as follower:
        follower.run()
        del account.objects[whole]
        account.objects[draft]["lines"].pop()
        account.now += 40 * DAY
        follower.run()

        assert follower.alive() == truth(account, "invoice_lines")
        assert invoices_of(follower) == {draft: [Decimal("0.05")]}


def test_an_invoice_item_tells_of_its_draft_and_one_that_waits_for_an_invoice_is_counted() -> None:
    account = Account()
    draft = account.create("invoices", lines=[])
    account.now += DAY

    with following(account, "invoice_lines") as follower:
        follower.run()
        account.objects[draft]["lines"].append(account.line(700))
        event = {"object": "event", "created": account.now, "livemode": False, "type": "invoiceitem.created"}
        item = {"id": "ii_1", "object": "invoiceitem", "invoice": draft}
        run = follower.told(
            {**event, "id": "evt_item", "data": {"object": item}},
            {**event, "id": "evt_pending", "data": {"object": {**item, "id": "ii_2", "invoice": None}}},
        )

        assert invoices_of(follower) == {draft: [Decimal("7.00")]}
    assert run is not None
    assert run.left_out == {"events about no such object": 1}


def test_a_line_deleted_between_two_pages_of_lines_makes_the_list_begin_again() -> None:
    account = Account()
    invoice = account.create("invoices", lines=lines(account, range(250)))
    account.now += DAY
    whole = account.objects[invoice]["lines"]

    def lose(path: str) -> None:
        if path.endswith("/lines") and account.calls.count(path) == 1:
            del whole[99]  # the one that marks our place

    account.meanwhile = lose
    with following(account, "invoice_lines") as follower:
        follower.run()

        assert follower.alive() == truth(account, "invoice_lines")
        assert len(follower.alive()) == 249


def test_a_backfill_reads_the_lines_of_the_invoices_of_its_window() -> None:
    account = Account()
    account.create("invoices", lines=lines(account, [1] * 12))
    account.now += 10 * DAY
    inside = account.create("invoices", lines=lines(account, [2] * 12))
    account.now += 10 * DAY
    stripe = source(account, "invoice_lines")

    pages = list(stripe.extract(context(account, account.now - 12 * DAY, backfill=True), None))

    assert {json.loads(one.body)["sluicegate"]["whole"] for page in pages for one in page.records} == {inside}
    assert sum(len(page.records) for page in pages) == 12


@pytest.mark.slow
def test_many_lines_are_parted_into_pages_and_an_interruption_loses_none() -> None:
    account = Account()
    for _ in range(12):
        account.create("invoices", lines=lines(account, [1] * 400))
        account.now += 60
    stripe = source(account, "invoice_lines")

    pages = list(stripe.extract(context(account), None))
    first = next(stripe.extract(context(account), None))
    rest = list(stripe.extract(context(account), first.checkpoint))

    assert [len(page.records) for page in pages] == [2000, 2000, 800]
    found = {one.key for page in [first, *rest] for one in page.records}
    assert found == set(truth(account, "invoice_lines"))


@pytest.mark.slow
def test_a_refused_line_s_letter_closes_when_its_invoice_has_it_right() -> None:
    account = Account()
    invoice = account.create("invoices", lines=[account.line(100, currency="??"), account.line(200)])
    account.now += DAY

    with following(account, "invoice_lines") as follower:
        run = follower.make()
        carry(run)
        account.objects[invoice]["lines"][0]["currency"] = "usd"
        follower.told(account.update(invoice))

        assert invoices_of(follower) == {invoice: [Decimal("1.00"), Decimal("2.00")]}
        assert DeadLetter.unscoped.get().status not in DeadLetter.OPEN


def test_a_letter_of_a_line_is_opened_again_as_its_invoice_has_it_now() -> None:
    account = Account()
    stays, goes = account.line(100), account.line(200)
    invoice = account.create("invoices", lines=[stays, goes])
    account.now += 60
    stripe = source(account, "invoice_lines")
    (page,) = stripe.extract(context(account), None)
    account.update(invoice, lines=[{**stays, "amount": 150}])

    again = {one.key: json.loads(stripe.reopen(context(account), one).records[0].body) for one in page.records}

    assert again[stays["id"]]["amount"] == 150
    assert again[goes["id"]]["deleted"] is True


@pytest.mark.slow
def test_a_replayed_line_never_overwrites_a_newer_one() -> None:
    account = Account()
    invoice = account.create("invoices", lines=[account.line(100, currency="??")])
    account.now += DAY

    with following(account, "invoice_lines") as follower:
        carry(follower.make())
        dead_letter = DeadLetter.unscoped.get()
        account.objects[invoice]["lines"][0]["currency"] = "usd"
        follower.told(account.update(invoice))
        DeadLetter.unscoped.update(status=DeadLetter.Status.NEW, payload=dead_letter.payload.replace(b"??", b"eur"))
        (again,) = actions.replay(OPERATOR, actions.Selection(follower.connection.tenant), wake=False)
        run = carry(again)

        assert (run.ok, run.skipped) == (0, 1)
        assert StripeInvoiceLine.unscoped.get().currency == "USD"


@pytest.mark.parametrize("count", [2, 10, 11, 20])
def test_a_subscription_has_all_of_its_items(count: int) -> None:
    account = Account()
    items = [{"id": f"si_{n}", "price": {"id": f"price_{n}"}, "quantity": n} for n in range(count)]
    identity = account.create("subscriptions", items=items)
    account.now += DAY

    with following(account, "subscriptions") as follower:
        follower.run()
        listed = StripeSubscription.unscoped.get().items
        account.update(identity, items=[*items, {"id": "si_new", "price": "price_1", "quantity": 1}])
        account.now += DAY
        follower.run()
        changed = StripeSubscription.unscoped.get().items

    assert [one["id"] for one in listed] == [f"si_{n}" for n in range(count)]
    assert [one["id"] for one in changed] == [*(f"si_{n}" for n in range(count)), "si_new"]


def test_what_is_cut_and_used_by_nobody_is_counted() -> None:
    account = Account()
    account.create("invoices", lines=lines(account, [1] * 11))
    account.create("invoices", lines=lines(account, [1] * 10))
    account.now += DAY

    with following(account, "invoices") as follower:
        run = follower.run()

    assert run.left_out == {"invoices with lines beyond the first ten": 1}


def test_every_list_that_can_be_cut_is_completed_or_counted() -> None:
    lists = {name: (kind.parts, *kind.whole_lists, *kind.short_lists) for name, kind in KINDS.items()}

    assert {name: members for name, members in lists.items() if any(members)} == {
        "charges": ("", "refunds"),
        "credit_notes": ("", "lines"),
        "customers": ("", "sources", "subscriptions", "tax_ids"),
        "invoice_lines": ("lines",),
        "invoices": ("", "lines"),
        "payment_intents": ("", "charges"),
        "subscriptions": ("", "items"),
    }


@pytest.mark.parametrize(
    ("body", "whole"),
    [
        (b'{"lines": {"data": [{"id": "il_1"}], "has_more": false}}', [b'{"id": "il_1"}']),
        (b'{"lines": {"data": [{"id": "il_1"}], "has_more" : true}}', None),
        (b'{"lines": {"data": []}}', []),
        (b'{"lines": null}', None),
        (b"{}", None),
        (b'{"lines": ["has_more\\": true"]}', None),
    ],
)
def test_a_nested_list_is_taken_only_where_it_says_that_it_is_whole(body: bytes, whole: list[bytes] | None) -> None:
    assert items_if_complete(body, "lines") == whole
    assert cut_lists(body, ["lines"]) == (["lines"] if b'"has_more" : true' in body else [])


def test_a_list_of_lines_that_does_not_go_on_is_an_error() -> None:
    account = Account()
    account.create("invoices", lines=lines(account, [1] * 11))
    account.now += 60
    whole = account._listed_inside
    account._listed_inside = lambda *asked: account._say(200, {"data": [], "has_more": True})  # type: ignore[method-assign]

    with pytest.raises(SourceChanged, match="does not go on"):
        list(source(account, "invoice_lines").extract(context(account), None))

    account._listed_inside = whole  # type: ignore[method-assign]
    assert len(next(source(account, "invoice_lines").extract(context(account), None)).records) == 11
