"""Configs that are wrong, by the pipeline they are written for: each with words of the refusal that help whoever wrote it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Literal

from pydantic import BaseModel

from ingestion import JsonLines, JsonPages, Pipeline
from ingestion.core import registry
from ingestion.testing import Records
from integrations.databases import Rows
from integrations.push import Pushed
from integrations.rest import Rest
from integrations.streams import Queue, RedisStream
from tests.app.pipelines import payments


class Shop(BaseModel):
    """What a project's own function reads of a config."""

    shop: str
    region: Literal["eu", "us"] = "eu"
    limit: int = 5


def nothing(ctx: Any, cursor: Any) -> Any:
    return b"[]", None


def _of(name: str, source: Any) -> Pipeline:
    return dataclasses.replace(payments, name=f"wrong.{name}", source=source)


PIPELINES: dict[str, Pipeline] = {
    "bank": registry.get("bank.statements"),
    "stripe": registry.get("stripe.charges"),
    "rest": registry.get("rest.records"),
    "rest in code": _of("api", Rest(base_url="https://{config.host}/v1", path="/of/{config.shop}")),
    "stream": _of("stream", RedisStream()),
    "stream in code": _of("stream_in_code", RedisStream("orders:{tenant}", url="redis://queue.internal")),
    "queue": _of("queue", Queue(lambda ctx: nothing(ctx, None))),
    "pushed": _of("pushed", Pushed(keys=["team"])),
    "rows": _of(
        "rows", Rows(using="default", of=lambda ctx: {"tenant": 1}, table="orders", keys=["region", "signature"])
    ),
    "pages": _of("pages", JsonPages(nothing, keys=Shop)),
    "lines": _of("lines", JsonLines("orders.jsonl")),
    "own": _of("own", Records([])),
}
"""One for each kind of source, and one for a project's own that judges nothing itself."""

_API: dict[str, Any] = {"base_url": "https://api.example.com", "path": "/orders", "records": "$.data[*]"}
_LAYOUT: dict[str, Any] = {
    "name": "north-pier", "bank": "North Pier", "header": ["Tag", "Umsatz"],
    "columns": {"booked": "Tag", "amount": "Umsatz"},
}  # fmt: skip


def _api(**parts: Any) -> dict[str, Any]:
    return {"rest": {**_API, **parts}}


def _layout(**parts: Any) -> dict[str, Any]:
    return {"layout": {**_LAYOUT, **parts}}


Wrong = tuple[Any, str]
_BANK: list[Wrong] = [
    ({"acount": "1"}, "`acount` is no key of the connection's config; did you mean `account`? It has account, "),
    ({"Currency": "EUR"}, "did you mean `currency`?"),
    ({"currency": "EURO"}, "currency is an ISO 4217 code, such as EUR"),
    ({"currency": 5}, "currency is an ISO 4217 code"),
    ({"account": ["1"]}, "account is a text: the number or IBAN"),
    ({"account": True}, "account is a text"),
    ({"account": {"iban": "1"}}, "account is a text"),
    ({"layout": "inng-nl"}, "No CSV layout 'inng-nl'. Did you mean 'ing-nl'?"),
    ({"layout": "ING-NL"}, "Did you mean 'ing-nl'?"),
    ({"layout": "zzz"}, "The reference of CSV layouts lists them"),
    ({"layout": ["ing-nl"]}, "layout is the name of a CSV layout, or a layout as an object"),
    ({"layout": False}, "layout is the name of a CSV layout"),
    ({"layout": {}}, "key `name` is missing"),
    ({"layout": '{"name": "x"}'}, "It is an object as text: give it without the quotation marks"),
    ({"layout": '{"name": "x",}'}, "It is text that is no JSON: "),
    ({"layout.delimiter": ";"}, "--config layout='{…}'"),
    ({"delimiter": ";"}, "Keys of a layout are set in the whole object"),
    (_layout(colums={}), "unknown key `colums`. Did you mean 'columns'?"),
    (_layout(columns={"booked": "Tag", "amont": "Umsatz"}), "unknown key `columns.amont`. Did you mean 'amount'?"),
    (_layout(columns={"booked": "Tag"}), "declare `columns.amount`"),
    (_layout(columns={"booked": "tga", "amount": "Umsatz"}), "names 'tga', which is no column. Did you mean 'Tag'?"),
    (_layout(columns=["Tag"]), "`columns` must be an object with keys"),
    (_layout(date_formats="%d.%m.%Y"), "`date_formats` must be a list of texts"),
    (_layout(date_formats=["%Q"]), "'%Q' is not one of %d, "),
    (_layout(delimiter=None), "`delimiter` must be a text"),
    (_layout(decimal="x"), "`decimal` must be '.' or ','"),
    (_layout(width="3"), "`width` must be a whole number"),
    (_layout(width=-1), "`width` is the number of columns; it cannot be negative"),
    (_layout(encodings=["utf9"]), "'utf9', which Python does not know"),
    (_layout(preamble={"account": "(("}), "`preamble.account` is not a regular expression: missing )"),
    (_layout(footers=["(a+)+$"]), "`footers[0]` could take long"),
    (_layout(currency="EURO"), "`currency` 'EURO' is no ISO 4217 code, such as EUR"),
    (_layout(name="North Pier"), "such as 'dkb-giro'"),
    (_layout(multiline="yes"), "`multiline` must be true or false"),
    ({"dates": "DMY"}, "dates is one of dmy, mdy, ymd; did you mean `dmy`?"),
    ({"dates": True}, "dates is one of dmy, mdy, ymd."),
    ({"balances": False}, "balances is one of unchecked"),
    ({"ids": "trusted"}, "it is one of once, trust, ignore; did you mean `trust`?"),
    ({"reversal": "keep sign"}, 'it can be "keeps sign", or left out'),
    ({"charset": "utf-99"}, "The charset 'utf-99' is not known: choose one of iso646-de"),
    ({"post_notices": "yes"}, "post_notices is true or false"),
    ({"post_notices": 1}, "post_notices is true or false"),
    ({"balance_rows": "drop"}, 'it can be "leave out", "post"'),
    ({"bank": True}, "bank is a text: what OFX files say in BANKID"),
    ({"decimal": "."}, "it can be point, comma"),
    ({"schedule": {"every": "15m"}}, "when a connection is due is its schedule (ingest schedule), not its config"),
    ({"page_size": 5}, "the pipeline's code says it, as `page_size` of BankFiles"),
    ({"password": "geheim"}, "a secret belongs to the tenant's credential"),
]  # fmt: skip
_REST: list[Wrong] = [
    (_api(recrods="$"), "`recrods` is no key; did you mean `records`?"),
    ({"rest": {"path": "/orders"}}, "`base_url` is missing"),
    (_api(records="$.data["), "`records`: '$.data[' is not a JSONPath"),
    (_api(base_url="api.example.com"), "write scheme, host and path"),
    (_api(base_url=5), "`base_url`: Input should be a valid string"),
    (_api(timeout=0), "`timeout`: Input should be greater than or equal to 1"),
    (_api(timeout="30s"), "`timeout`: Input should be a valid integer"),
    (_api(max_pages=-1), "`max_pages`: Input should be greater"),
    (_api(ahead="yes"), "`ahead`: Input should be a valid boolean"),
    (_api(concurrency=99), "`concurrency`: Input should be less than or equal to 8"),
    (_api(method="get"), "`method`: Input should be 'GET' or 'POST'"),
    (_api(pagination={"style": "curser"}), "`pagination.style` must be one of none, page"),
    (_api(pagination="cursor"), "`pagination`: Input should be an object"),
    (_api(auth={"kind": "Bearer"}), "did you mean `bearer`?"),
    (_api(auth={"kind": "bearer", "token": "abcdefghijkl"}), "`auth.token` looks like a secret"),
    (_api(headers={"Authorization": "Bearer abcdefghijkl"}), "`headers.Authorization` looks like a secret"),
    (_api(params={"since": "{window.begin}"}), "{window.begin} is no placeholder; there are {window.start}"),
    (_api(path="/{config.shop}"), "set 'shop' in the connection's config"),
    (_api(key=5), "`key`: Input should be a valid string"),
    (_api(error_budget=0.05), "`error_budget`: Input should be an object"),
    (_api(error_budget={"ratio": 5}), "`error_budget.ratio`: Input should be less than or equal to 1"),
    (_api(charset="utf9"), "'utf9' is no charset"),
    (_api(body={"a": 1}), "a body needs method POST"),
    (_api(integration="shop"), "`integration` is no key: it stands beside `rest`"),
    (_api(schedule="15m"), "`schedule` is no key: when a connection is due is its schedule"),
    ({"rest": "https://api.example.com"}, '"rest" in the config must be an object'),
    ({"rest": '{"base_url": "https://api.example.com",}'}, "It is text that is no JSON"),
    ({"REST": _API}, "`REST` is no key of the connection's config; did you mean `rest`?"),
    (_API, "`base_url` is one of `rest`"),
    ({**_api(), "path": "/x"}, "`path` is one of `rest`"),
    ({**_api(), "rest.path": "/x"}, "`path` is one of `rest`"),
    ({**_api(), "integraton": "x"}, "did you mean `integration`?"),
    ({**_api(), "integration": 5}, "`integration` of the connection's config names the credential"),
    ({"integration": "shop"}, 'has no "rest"; declare the API there'),
]
_SHARED: list[Wrong] = [
    ({"integration": 5}, "`integration` of the connection's config names the credential"),
    ({"integration": ["a"]}, "a text of at most 100 characters"),
    ({"integration": " shop "}, "without blanks around it"),
    ({"integration": "x" * 101}, "a text of at most 100 characters"),
    ({"Integration": "x"}, "did you mean `integration`?"),
    ({"intgration": "x"}, "did you mean `integration`?"),
    ({"api_key": "sk_" + "live_abcdefghijklmnop"}, "a secret belongs to the tenant's credential"),
]
"""Said of every kind whose config may name a credential."""

WRONG: Mapping[str, list[Wrong]] = {
    "bank": _BANK,
    "rest": _REST,
    "rest in code": [
        ({}, "set 'host' in the connection's config"),
        ({"host": "a", "shp": "x"}, "`shp` is no key of the connection's config; did you mean `shop`?"),
        ({"host": "a b/c", "shop": "x"}, "{config.host}. A value of the config in the address may hold letters, digits"),
        ({"host": "a", "shop": ".."}, "{config.shop}. A value of the config that is part of the path"),
        ({"host": "a", "shop": ["x"]}, "a text or whole number of at most 200 characters"),
        ({"host": "a", "shop": "x", "rest": _API}, "the pipeline's code declares the API"),
    ],
    "stripe": [
        *_SHARED,
        ({"acount": "acct_1"}, "did you mean `account`?"),
        ({"account": 5}, "`account` is the id of a connected account, as Stripe writes it: acct_"),
        ({"account": "cus_1"}, "acct_1A2b3C"),
        ({"account": ["acct_1"]}, "acct_1A2b3C"),
        ({"account": "sk_" + "live_abcdefghijklmnop"}, "acct_1A2b3C"),
        ({"emptied": "false"}, "`emptied` is true or false, without quotation marks"),
        ({"object": "charges"}, "the pipeline's code says it, as `object` of Stripe"),
        ({"tier": "gold"}, "it is the tenant's own"),
    ],
    "stream": [
        *_SHARED,
        ({}, 'No stream is named; set "stream"'),
        ({"stream": None}, "No stream is named"),
        ({"strem": "orders"}, "did you mean `stream`?"),
        ({"stream": ["orders"]}, "the name of a stream, a text"),
        ({"stream": True}, "the name of a stream, a text"),
        ({"stream": " "}, "No stream is named"),
        ({"stream": "orders:{tenant}"}, "put the tenant's key for {tenant}"),
        ({"stream": "orders", "limit": -1}, "the pipeline's code says it, as `limit` of RedisStream"),
        ({"stream": "orders", "url": "redis://:pw@h/0"}, "the pipeline's code says it, as `url` of RedisStream"),
    ],
    "stream in code": [({"stream": "other"}, "the pipeline's code says which stream is read, 'orders:{tenant}'")],
    "queue": [*_SHARED, ({"limit": 5}, "as `limit` of Queue"), ({"queue": "q"}, "is no key of the connection's config")],
    "pushed": [
        *_SHARED,
        ({"key": "id"}, "as `key` of Pushed"),
        ({"signature": "hmac-sha512"}, "a secret belongs to the tenant's credential"),
        ({"secret": "whsec_" + "abcdefghijklmnopqrstuvwx"}, "a secret belongs to the tenant's credential"),
        ({"Team": "a"}, "did you mean `team`? It has integration, team"),
        ({"cron": "0 3 * * *"}, "when a connection is due is its schedule"),
    ],
    "rows": [
        *_SHARED,
        ({"table": "payments"}, "as `table` of Rows"),
        ({"using": "other"}, "as `using` of Rows"),
        ({"sql": "SELECT 1"}, "as `sql` of Rows"),
        ({"regoin": "eu"}, "did you mean `region`?"),
        ({"lag": "5m"}, "the pipeline's declaration says it"),
    ],
    "pages": [
        *[(wrong if "shop" in wrong else {**wrong, "shop": "a"}, words) for wrong, words in _SHARED],
        ({}, "The connection's config is wrong. `shop` is missing."),
        ({"shop": 5}, "`shop`: Input should be a valid string"),
        ({"shop": "a", "region": "EU"}, "`region`: Input should be 'eu' or 'us'"),
        ({"shop": "a", "limit": "many"}, "`limit`: Input should be a valid integer"),
        ({"shop": "a", "regoin": "eu"}, "did you mean `region`?"),
        ({"shop": "a", "records": "items"}, "as `records` of JsonPages"),
    ],
    "lines": [*_SHARED, ({"path": "/etc/passwd"}, "as `path` of JsonLines"),
        ({"shop": 1}, "It has integration; keys= of JsonLines names what functions of your own read")],
    "own": [
        *[(wrong, words) for wrong, words in _SHARED],
        ({"note": "sk_" + "live_abcdefghijklmnop"}, "`note` of the connection's config looks like a secret"),
        ({"at": {"url": "https://u:p4ssword@example.com"}}, "`at.url` of the connection's config looks like a secret"),
        ({"password": "geheim"}, "`password` of the connection's config looks like a secret"),
        (["a"], "A connection's config is an object with keys"),
        ("a", "A connection's config is an object with keys"),
        (None, "A connection's config is an object with keys"),
        ({5: 1}, "names are texts"),
        ({"": 1}, "has a name of blanks, or none"),
        ({"a": [float("nan")]}, "`a.0` of the connection's config is no number that JSON has"),
        ({"a": {"b": datetime.now(UTC)}}, "`a.b` of the connection's config is a datetime, which JSON has not"),
        ({"a": Decimal(1)}, "is a Decimal, which JSON has not; write it as a text"),
        ({"a": "x\0"}, "holds NUL"),
        ({"a": "\ud800"}, "holds half a character"),
        ({"a": 10**20}, "more than 18 digits; write it as a text"),
        ({"a": "x" * 200_000}, "more than 100000 characters"),
    ],
}  # fmt: skip

RIGHT: list[tuple[str, dict[str, Any]]] = [
    ("bank", {"account": 12345678, "dates": "dmy", "post_notices": True, "kind": "Basic Checking", "layout": None}),
    ("bank", _layout(currency="EUR")),
    ("rest", {}),
    ("rest", {**_api(path="/{config.shop}"), "shop": "north", "integration": "north"}),
    ("rest in code", {"host": "api.example.com", "shop": "a b", "integration": "eu"}),
    ("stripe", {"account": "acct_1A2b3C", "emptied": True}),
    ("stream", {"stream": 7}),
    ("stream in code", {"integration": "eu"}),
    ("queue", {}),
    ("pushed", {"team": "north", "integration": "eu"}),
    ("rows", {"region": "eu", "signature": "a name that code declares"}),
    ("pages", {"shop": "north", "limit": 7}),
    ("lines", {"integration": ""}),
    ("own", {"integration": "shop", "integration_id": 7, "plan": "Basic Checking", "page_token": "a", "old": None}),
]
AT_DOORS: list[tuple[str, dict[str, Any], str]] = [
    ("bank", {"acount": "1"}, "did you mean `account`?"),
    ("rest", _api(recrods="$"), "`recrods` is no key; did you mean `records`?"),
    ("rest in code", {"host": "a", "shp": "x"}, "did you mean `shop`?"),
    ("stripe", {"account": "cus_1"}, "as Stripe writes it"),
    ("stream", {"strem": "orders"}, "did you mean `stream`?"),
    ("stream in code", {"stream": "other"}, "the pipeline's code says which stream is read"),
    ("queue", {"limit": 5}, "as `limit` of Queue"),
    ("pushed", {"Team": "a"}, "did you mean `team`?"),
    ("rows", {"table": "payments"}, "as `table` of Rows"),
    ("pages", {"region": "eu"}, "`shop` is missing"),
    ("lines", {"shop": 1}, "It has integration"),
    ("own", {"intgration": "x"}, "did you mean `integration`?"),
]
