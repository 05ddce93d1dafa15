"""Objects that Stripe published and that others recorded since 2014, read as their summaries say."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from ingestion import Context, TenantRef, Window
from integrations.stripe import major, schemas
from integrations.stripe.kinds import KINDS
from integrations.stripe.object_changes import news_about, object_in_event
from integrations.stripe.objects import parse_event
from tests.corpora import CORPORA
from tests.integrations.stripe.following import READY

FILES = sorted(path for path in (CORPORA / "stripe").rglob("*.json") if not path.name.endswith(".expected.json"))
pytestmark = pytest.mark.skipif(not FILES, reason="the corpora are not here")

NOW = datetime(2026, 1, 1, tzinfo=UTC)
CTX = Context(TenantRef(1, "acme"), "stripe.corpus", 1, NOW, Window(datetime(1970, 1, 1, tzinfo=UTC), NOW))
SCHEMAS = {kind.object: READY[name].schema for name, kind in KINDS.items() if not kind.parts}


def objects(value: Any) -> Iterator[dict[str, Any]]:
    """Every object of ours in a file, however deep, but for those inside another one of ours."""
    if isinstance(value, dict):
        if str(value.get("object")) in SCHEMAS and "id" in value:
            yield value
            return
        value = list(value.values())
    if isinstance(value, list):
        for one in value:
            yield from objects(one)


def read(one: dict[str, Any]) -> dict[str, Any]:
    schema: Any = SCHEMAS[one["object"]]
    row: dict[str, Any] = schema.model_validate_json(json.dumps(one)).row(CTX)
    return row


def inside(value: Any, what: str) -> Iterator[dict[str, Any]]:
    """Every object `what` in a file, however deep."""
    if isinstance(value, dict):
        if value.get("object") == what:
            yield value
        value = list(value.values())
    if isinstance(value, list):
        for one in value:
            yield from inside(one, what)


def summary(path: Path) -> dict[str, Any]:
    beside = path.with_name(f"{path.name}.expected.json")
    return dict(json.loads(beside.read_text()).get("summary") or {}) if beside.exists() else {}


@pytest.mark.parametrize("path", FILES, ids=[path.name for path in FILES])
def test_every_object_of_ours_becomes_a_row_with_its_own_figures(path: Path) -> None:
    for one in objects(json.loads(path.read_text())):
        if "error" in one or (one.get("created", one.get("date")) is None and not one.get("deleted")):
            continue  # a preview (an upcoming invoice has a date, but no id), or a part of an object

        row = read(one)

        assert row["external_id"] == one["id"]
        for member, column in (("amount", "amount"), ("total", "total"), ("amount_due", "amount_due"), ("net", "net")):
            if column in row and one.get(member) is not None:
                assert row[column] == major(one[member], one["currency"])


def price_of(line: dict[str, Any]) -> str:
    """The id of its price, or plan, as the API has it since 2025 or had it before."""
    new = ((line.get("pricing") or {}).get("price_details") or {}).get("price")
    old = line.get("price") or line.get("plan") or ""
    found = new or (old["id"] if isinstance(old, dict) else old)
    return str(found["id"] if isinstance(found, dict) else found)


def test_lines_of_every_age_of_the_api_become_rows_with_price_and_subscription() -> None:
    found: dict[str, int] = {"lines": 0, "priced": 0, "of a subscription": 0}
    for path in FILES:
        for line in inside(json.loads(path.read_text()), "line_item"):
            if "invoice" not in line and "period" not in line:
                continue  # a line of a checkout session or a credit note
            whole = {"whole": "in_1", "created": 1_750_000_000, "deleted": False}

            row = schemas.InvoiceLine.model_validate({**line, "sluicegate": whole}).row(CTX)

            assert (row["external_id"], row["invoice"]) == (line["id"], "in_1")
            assert row["amount"] == major(line["amount"], line["currency"])
            assert row["price"] == price_of(line)
            assert row["created_at"] == datetime.fromtimestamp(1_750_000_000, UTC)
            found["lines"] += 1
            found["priced"] += bool(row["price"])
            found["of a subscription"] += bool(row["subscription"])

    assert min(found.values()) > 0, found


@pytest.mark.parametrize("path", [path for path in FILES if "invoice" in summary(path)], ids=lambda path: path.name)
def test_invoices_are_read_as_their_summary_says(path: Path) -> None:
    expected = summary(path)["invoice"]

    row = read(json.loads(path.read_text()))

    places = Decimal(100)
    for name in ("total", "subtotal", "amount_due", "amount_paid", "amount_remaining"):
        assert row[name] * places == expected[name]
    assert row["subscription"] == (expected["subscription"] or "")
    assert (row["status"], row["number"], row["customer"]) == (
        expected["status"],
        expected["number"],
        expected["customer"],
    )
    assert row["created_at"].timestamp() == expected["created"]


@pytest.mark.parametrize(
    "path", [path for path in FILES if summary(path).get("object") == "event"], ids=lambda p: p.name
)
def test_events_tell_of_the_object_that_their_summary_names(path: Path) -> None:
    expected = summary(path)
    found = parse_event(path.read_bytes())
    kinds = [kind for kind in KINDS.values() if kind.object == expected["data_object"] and not kind.parts]

    if expected["data_id"] is None:
        assert found is None or all(news_about(kind, found) is None for kind in KINDS.values())
        return
    assert found is not None
    assert (found.id, found.type) == (expected["id"], expected["type"])
    for kind in kinds:
        news = news_about(kind, found)
        assert news is not None
        assert news.identity == expected["data_id"]
        row = read(json.loads(object_in_event(kind, news).body))
        assert row["as_of"].timestamp() == found.created
        assert (row["deleted_at"] is not None) == found.type.endswith(".deleted")


def test_the_current_fixtures_hold_one_of_each_kind_and_the_deleted_ones_are_stubs() -> None:
    path = next((path for path in FILES if path.name == "fixtures3.json"), None)
    if path is None:
        pytest.skip("the fixtures are not here")
    resources = json.loads(path.read_text())["resources"]

    rows = {what: read(resources[what]) for what in SCHEMAS}
    gone = {what: read({**resources[f"deleted_{what}"], "object": what}) for what in ("customer", "invoice", "product")}

    assert all("created_at" in row for row in rows.values())
    assert all(set(row) == {"external_id", "as_of", "deleted_at"} and row["deleted_at"] for row in gone.values())


@pytest.mark.parametrize(
    ("invoice", "subscription"),
    [
        ({"subscription": "sub_1"}, "sub_1"),
        ({"subscription": {"id": "sub_1", "object": "subscription"}}, "sub_1"),
        ({"parent": {"type": "subscription_details", "subscription_details": {"subscription": "sub_1"}}}, "sub_1"),
        ({"parent": {"subscription_details": {"subscription": {"id": "sub_1"}}}, "subscription": None}, "sub_1"),
        ({"parent": {"type": "quote_details", "subscription_details": None}}, ""),
        ({"parent": None, "subscription": None}, ""),
        ({}, ""),
    ],
)
def test_an_invoice_s_subscription_is_found_wherever_it_stands(invoice: dict[str, Any], subscription: str) -> None:
    body = {"id": "in_1", "created": 1, "currency": "usd", "total": 1, **invoice}

    assert schemas.Invoice.model_validate(body).of_subscription == subscription


@pytest.mark.parametrize(
    ("schema", "body", "missing"),
    [
        (schemas.Charge, {"id": "ch_1", "created": 1, "currency": "usd", "status": "paid"}, "amount"),
        (schemas.Invoice, {"id": "in_1", "created": 1, "total": 5}, "currency"),
        (schemas.Customer, {"id": "cus_1"}, "created"),
    ],
)
def test_money_identity_and_time_must_be_there(schema: Any, body: dict[str, Any], missing: str) -> None:
    with pytest.raises(ValidationError, match=missing):
        schema.model_validate(body)


def test_amounts_without_a_currency_that_makes_sense_are_refused() -> None:
    charge = schemas.Charge(id="ch_1", created=1, amount=1, currency="€", status="paid")

    with pytest.raises(ValueError, match="not a currency code"):
        charge.row(CTX)
