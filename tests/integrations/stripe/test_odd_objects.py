"""One odd object in a list of Stripe's costs itself alone, and is told as what it is."""

from __future__ import annotations

import json
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from ingestion import Figure, Page, Record, SourceChanged, Transient, Window
from integrations.stripe.objects import add_mark, read_mark, split_list
from tests.integrations.stripe.account import Account
from tests.integrations.stripe.reading import at, context, full, ids, source
from tests.integrations.stripe.test_strange_answers import answering

PATH = "/v1/payouts"


def payout(identity: str, created: int, **values: Any) -> dict[str, Any]:
    return {"id": identity, "object": "payout", "created": created, **values}


def listed(*objects: Any) -> list[Page]:
    account = full("payouts", 0)
    answering(account, PATH, 200, {"object": "list", "has_more": False, "data": list(objects)})
    return list(source(account, "payouts").extract(context(account), None))


def told(pages: list[Page]) -> list[tuple[str, str]]:
    return [(one.record.key, str(one.error)) for page in pages for one in page.refused]


@pytest.mark.parametrize("at", [0, 1, 2])
def test_half_a_character_costs_its_object_alone_wherever_it_stands(at: int) -> None:
    good = [payout("po_1", 30), payout("po_2", 20)]
    good.insert(at, payout("po_bad", 30 - 5 * at, description="\ud800"))

    pages = listed(*good)

    assert ids(pages) == ["po_1", "po_2"]
    ((key, why),) = told(pages)
    assert (key, why[:12]) == ("po_bad", "description:")
    assert "half a character" in why


@pytest.mark.parametrize("at", [0, 1, 2])
def test_an_object_of_another_kind_is_refused(at: int) -> None:
    good = [payout("po_1", 30), payout("po_2", 20)]
    good.insert(at, {"id": "ch_1", "object": "charge", "created": 30 - 5 * at})

    pages = listed(*good)

    assert ids(pages) == ["po_1", "po_2"]
    assert ["no payout, but an object 'charge'" in why for _, why in told(pages)] == [True]


@pytest.mark.parametrize("values", [{"amount": 500, "currency": "usd"}, {}])
def test_an_object_of_another_kind_is_in_no_figures(values: dict[str, Any]) -> None:
    account = full("payouts", 0)
    stranger = {"id": "ch_1", "object": "charge", "created": 30, **values}
    listing = {"object": "list", "has_more": False, "data": [stranger, payout("po_1", 20, amount=700, currency="usd")]}
    answering(account, PATH, 200, listing)

    found = source(account, "payouts").figures(context(account), Window(at(0), at(60)))

    assert found == {"USD": Figure(1, Decimal("7.00"), {"po_1": Decimal("7.00")})}


@pytest.mark.parametrize("values", [{"currency": "usd"}, {"amount": 500, "currency": "gold"}])
def test_an_object_without_figures_ends_the_check_with_a_word_of_it(values: dict[str, Any]) -> None:
    account = full("payouts", 0)
    answering(account, PATH, 200, {"object": "list", "has_more": False, "data": [payout("po_1", 20, **values)]})

    with pytest.raises(SourceChanged, match=r"among the payouts created since .* has no figures"):
        source(account, "payouts").figures(context(account), Window(at(0), at(60)))


def test_the_figures_are_those_of_every_list() -> None:
    account = full("prices", 0)
    account.create("prices")
    account.create("prices", active=False)

    found = source(account, "prices").figures(context(account), Window(at(account.now), at(account.now + 1)))

    assert [figure.count for figure in found.values()] == [2]


def test_the_figures_are_those_of_what_was_created_in_the_window_to_the_second() -> None:
    account = full("payouts", 3, every=1)
    middle, half = at(account.now - 2), timedelta(seconds=0.5)

    (found,) = source(account, "payouts").figures(context(account), Window(middle - half, middle + half)).values()

    assert found.count == 1


def test_neither_a_line_of_another_kind_nor_what_is_no_invoice_is_in_the_figures_of_lines() -> None:
    account = full("invoice_lines", 0)
    line, stranger = ({"id": f"il_{n}", "object": what, "amount": 700, "currency": "usd"}
                      for n, what in enumerate(["line_item", "charge"]))  # fmt: skip
    lines = {"object": "list", "has_more": False, "data": [stranger, line]}
    quote = {"id": "qt_1", "object": "quote", "created": 30, "lines": {**lines, "data": [{**line, "id": "il_9"}]}}
    invoice = {"id": "in_1", "object": "invoice", "created": 20, "lines": lines}
    answering(account, "/v1/invoices", 200, {"object": "list", "has_more": False, "data": [quote, invoice]})

    found = source(account, "invoice_lines").figures(context(account), Window(at(0), at(60)))

    assert found == {"USD": Figure(1, Decimal("7.00"), {"il_0": Decimal("7.00")})}


@pytest.mark.parametrize("odd", [None, 7, "po_3", ["po_3"], {}])
def test_what_is_no_object_is_refused(odd: Any) -> None:
    pages = listed(payout("po_1", 30), odd, payout("po_2", 20))

    assert (ids(pages), len(told(pages))) == (["po_1", "po_2"], 1)


def test_a_list_goes_on_after_the_last_object_that_can_be_read() -> None:
    account = full("payouts", 0)
    odd = {"id": "ch_1", "object": "charge", "created": 10}
    pages = [
        {"object": "list", "has_more": True, "data": [payout("po_1", 30), odd]},
        {"object": "list", "has_more": False, "data": [odd, payout("po_2", 5)]},
    ]
    asked: list[str | None] = []

    def answer(request: Any) -> Any:
        asked.append(request.url.params.get("starting_after"))
        return account._say(200, pages[len(asked) - 1])

    account.answer = answer  # type: ignore[method-assign]
    read = list(source(account, "payouts").extract(context(account), None))

    assert (asked, ids(read)) == ([None, "po_1"], ["po_1", "po_2"])


def test_a_list_with_half_a_character_that_is_cut_off_is_asked_for_again() -> None:
    with pytest.raises(Transient):
        split_list(rb'{"object": "list", "has_more": false, "data": [{"id": "po_1", "description": "\ud800"}, {"id"')


def test_half_a_character_in_an_event_of_the_feed_costs_that_event_alone() -> None:
    account = full("payouts", 0)
    events = [
        {"id": f"evt_{n}", "object": "event", "type": "payout.paid", "created": account.now - 60 * n,
         "data": {"object": payout(f"po_{n}", 1, description=text)}}
        for n, text in enumerate(["fine", "\ud800"], start=1)
    ]  # fmt: skip
    answering(account, "/v1/events", 200, {"object": "list", "has_more": False, "data": events})

    pages = list(source(account, "payouts").extract(context(account, account.now - 3600), None))

    assert ids(pages) == ["po_1"]
    assert [(key, why.partition(":")[0]) for key, why in told(pages)] == [("evt_2", "data.object.description")]


def test_the_mark_of_an_object_with_half_a_character_is_read() -> None:
    body = add_mark(rb'{"id":"il_1","description":"\ud800"}', 5, whole="in_1")

    assert (read_mark(body).whole, read_mark(body).as_of) == ("in_1", 5)


def test_a_webhook_with_a_name_twice_is_refused() -> None:
    account = Account()
    event = (
        b'{"id":"evt_1","object":"event","type":"payout.paid","created":1,"created":2,"data":{"object":{"id":"po_1"}}}'
    )

    page = source(account, "payouts").receive(context(account), [Record("", event, "delivery 1")])

    assert [str(one.error)[:8] for one in page.refused] == ["created:"]


def test_a_mark_makes_no_name_stand_twice() -> None:
    body = add_mark(b'{"id":"cus_1","deleted":true}', 5, deleted=True)

    pairs: list[str] = []
    json.loads(body, object_pairs_hook=lambda found: pairs.extend(name for name, _ in found))

    assert sorted(pairs) == ["as_of", "deleted", "deleted", "id", "sluicegate"]  # one of them is the mark's
