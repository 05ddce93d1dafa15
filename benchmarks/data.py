"""Deterministic invoices as Stripe's API would list them: about 3 KB of JSON each, some of them invalid."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ingestion import Context

PAGE_SIZE = 2000
INVALID_AT = 37
CHANGED_AT = 50


@dataclass(frozen=True, slots=True)
class Corpus:
    """Which invoices: `invalid` of a hundred cannot be validated, and `changed` alters one of a hundred valid ones."""

    records: int
    invalid: int = 1
    changed: bool = False

    def __len__(self) -> int:
        return -(-self.records // PAGE_SIZE)

    def page(self, number: int) -> bytes:
        part = range(number * PAGE_SIZE, min((number + 1) * PAGE_SIZE, self.records))
        bodies = ",".join(
            invoice(
                n,
                invalid=(n - INVALID_AT) % 100 < self.invalid,
                changed=self.changed and n % 100 == CHANGED_AT,
            )
            for n in part
        )
        return f'{{"object":"list","url":"/v1/invoices","has_more":true,"data":[{bodies}]}}'.encode()

    @property
    def valid(self) -> int:
        return sum((n - INVALID_AT) % 100 >= self.invalid for n in range(self.records))


class Pages:
    """`fetch` of the pipeline's source: a corpus page by page, made beforehand or each when it is asked for."""

    def open(self, corpus: Corpus, *, lazily: bool = False) -> None:
        self._corpus = corpus
        self._made = None if lazily else [corpus.page(number) for number in range(len(corpus))]

    def __call__(self, ctx: Context | None, cursor: Any) -> tuple[bytes, Any]:
        number = int(cursor or 0)
        body = self._corpus.page(number) if self._made is None else self._made[number]
        return body, number + 1 if number + 1 < len(self._corpus) else None

    def __iter__(self) -> Iterator[bytes]:
        cursor: Any = 0
        while cursor is not None:
            body, cursor = self(None, cursor)
            yield body


def invoice(n: int, *, invalid: bool = False, changed: bool = False) -> str:
    h = hashlib.blake2b(n.to_bytes(8, "big"), digest_size=64).hexdigest()
    amount = int(h[:5], 16) + 100
    body = _shape(h, n)
    body["amount_due"] = body["total"] = amount
    body["amount_paid"] = amount if changed else 0
    body["status"] = "paid" if changed else "open"
    body["tax"] = amount // 5 if n % 3 else None
    if invalid:
        # Three ways a record is its own fault: a wrong type, a missing field, a word nobody knows.
        match n // 100 % 3:
            case 0:
                body["amount_due"] = "a lot"
            case 1:
                del body["customer_email"]
            case _:
                body["status"] = "pending_review"
    return json.dumps(body, separators=(",", ":"))


def _shape(h: str, n: int) -> dict[str, Any]:
    created = 1_700_000_000 + n * 7
    return {
        "id": f"in_1{h[:23]}",
        "object": "invoice",
        "account_country": "NL",
        "account_name": "Bookshop B.V.",
        "amount_remaining": 0,
        "application_fee_amount": None,
        "attempt_count": n % 4,
        "attempted": bool(n % 4),
        "auto_advance": False,
        "automatic_tax": {"enabled": True, "liability": {"type": "self"}, "status": "complete"},
        "billing_reason": ("subscription_cycle", "manual", "subscription_create")[n % 3],
        "collection_method": "charge_automatically",
        "created": created,
        "currency": ("eur", "usd", "gbp")[n % 3],
        "customer": f"cus_{h[23:37]}",
        "customer_address": {
            "city": ("Utrecht", "Köln", "Leeds", "Łódź")[n % 4],
            "country": ("NL", "DE", "GB", "PL")[n % 4],
            "line1": f"{h[40:48]} straat {n % 300}",
            "line2": None,
            "postal_code": h[50:56].upper(),
            "state": None,
        },
        "customer_email": f"{h[37:47]}@example.com",
        "customer_name": f"{h[47:53].title()} {h[53:61].title()}",
        "default_tax_rates": [],
        "description": "Monthly order of books, delivered to the shop in the old town" if n % 5 else None,
        "discounts": [],
        "due_date": created + 1_209_600 if n % 2 else None,
        "footer": None,
        "hosted_invoice_url": f"https://invoice.example.com/i/acct_1{h[:14]}/live_{h[:60]}?s=ap",
        "invoice_pdf": f"https://invoice.example.com/i/acct_1{h[:14]}/live_{h[:60]}/pdf?s=ap",
        "lines": {"object": "list", "data": [_line(h, n, i) for i in range(1 + n % 2)], "has_more": False},
        "livemode": True,
        "metadata": {"order": h[64:80], "channel": "web", "shop": f"shop-{n % 17}"},
        "number": f"{h[80:88].upper()}-{n:07}",
        "payment_intent": f"pi_3{h[88:111]}",
        "payment_settings": {"default_mandate": None, "payment_method_options": None, "payment_method_types": None},
        "period_end": created,
        "period_start": created - 2_592_000,
        "post_payment_credit_notes_amount": 0,
        "receipt_number": None,
        "status_transitions": {"finalized_at": created + 60, "paid_at": None, "voided_at": None},
        "subscription": f"sub_1{h[100:123]}",
        "subtotal": int(h[:5], 16),
        "total_discount_amounts": [],
        "webhooks_delivered_at": created + 61,
    }


def _line(h: str, n: int, index: int) -> dict[str, Any]:
    return {
        "id": f"il_1{h[index : index + 23]}",
        "object": "line_item",
        "amount": int(h[3:7], 16),
        "currency": "eur",
        "description": "1 × Shelf subscription (at €12.50 / month)",
        "discountable": True,
        "livemode": True,
        "metadata": {},
        "period": {"end": 1_700_000_000 + n * 7, "start": 1_697_000_000 + n * 7},
        "plan": {
            "id": f"price_1{h[30:53]}", "object": "plan", "active": True, "amount": 1250, "billing_scheme": "per_unit",
            "currency": "eur", "interval": "month", "interval_count": 1, "product": f"prod_{h[60:74]}",
            "usage_type": "licensed",
        },
        "price": {
            "id": f"price_1{h[30:53]}", "object": "price", "active": True, "billing_scheme": "per_unit",
            "currency": "eur", "product": f"prod_{h[60:74]}", "type": "recurring", "unit_amount": 1250,
            "unit_amount_decimal": "1250",
        },
        "proration": False,
        "quantity": 1,
        "subscription": f"sub_1{h[100:123]}",
        "subscription_item": f"si_{h[70:84]}",
        "tax_amounts": [{"amount": 208, "inclusive": True, "tax_rate": f"txr_1{h[10:33]}", "taxable_amount": 1042}],
        "type": "subscription",
    }  # fmt: skip
