"""What is declared wrongly of a kind is refused where it is written in code, with what is expected."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ingestion import ConfigurationError
from integrations.bank.layouts import LAYOUTS, Columns, CsvLayout
from integrations.bank.source import BankFiles
from integrations.push import Pushed
from integrations.rest import Rest
from integrations.streams import Queue, RedisStream
from integrations.stripe.source import Stripe

API = "https://api.example.com"


def layout(**parts: Any) -> CsvLayout:
    columns = Columns(booked="Tag", amount="Umsatz")
    return CsvLayout(**{"name": "north", "bank": "North", "header": ("Tag", "Umsatz"), "columns": columns, **parts})


WRONG: list[tuple[str, Callable[..., Any], dict[str, Any], str]] = [
    ("stripe", Stripe, {"object": "chargs"}, "There is no Stripe object 'chargs'; .* did you mean `charges`"),
    ("stripe", Stripe, {"object": []}, "There is no Stripe object"),
    ("stripe", Stripe, {"object": "charges", "refetch": "yes"}, "refetch of Stripe must be True or False"),
    ("stripe", Stripe, {"object": "charges", "known": 5}, "known of Stripe must be a function"),
    ("stripe", Stripe, {"object": "charges", "clock": 5}, "clock of Stripe must be a function"),
    ("stripe", Stripe, {"object": "charges", "keys": "team"}, "keys of Stripe must be names"),
    ("stream", RedisStream, {"stream": 5}, "stream of RedisStream must be a text"),
    ("stream", RedisStream, {"stream": "a:{tennant}"}, "did you mean {tenant}"),
    ("stream", RedisStream, {"stream": "a:{tenant}", "url": "http://h"}, "must begin with redis://, rediss://"),
    ("stream", RedisStream, {"group": ""}, "the name of a consumer group"),
    ("stream", RedisStream, {"trim": "yes"}, "trim of RedisStream must be True or False"),
    ("stream", RedisStream, {"keys": [5]}, "keys of RedisStream must be names"),
    ("queue", Queue, {"open": 5}, r"open of Queue must be a function of \(ctx\)"),
    ("queue", Queue, {"open": len, "keys": 5}, "keys of Queue must be names"),
    ("pushed", Pushed, {"keys": {"team": str}}, "keys of Pushed must be names"),
    ("rest", Rest, {"base_url": API, "recrods": "$"}, "`recrods` is no key; did you mean `records`"),
    ("rest", Rest, {"base_url": API, "key": 5}, "`key`: Input should be a valid string"),
    ("rest", Rest, {}, "`base_url` is missing"),
    ("rest", lambda **_: Rest(base_url=API).with_config_keys(5), {}, "keys of Rest must be names"),  # type: ignore[arg-type]
    ("bank", BankFiles, {"layouts": LAYOUTS[0]}, r"layouts of BankFiles must be values of CsvLayout"),
    ("bank", BankFiles, {"layouts": "ing"}, r"such as \(\*LAYOUTS, MY_BANK\)"),
    ("bank", BankFiles, {"page_size": 0}, "page_size of BankFiles must be a whole number"),
    ("bank", BankFiles, {"keys": "team"}, "keys of BankFiles must be names"),
    ("layout", layout, {"header": "Tag;Umsatz"}, "`header` must be a list of texts"),
    ("layout", layout, {"columns": {"booked": "Tag"}}, r"`columns` must be a Columns\(…\)"),
    ("layout", layout, {"preamble": "x"}, r"`preamble` must be a Preamble\(…\)"),
    ("layout", layout, {"columns": Columns(booked="Tag", amount="Umsatz", counterparty="Tag")},  # type: ignore[arg-type]
     "`columns.counterparty` must be a list of texts"),
    ("layout", layout, {"lakhs": 1}, "`lakhs` must be true or false"),
    ("layout", layout, {"name": 5}, "`name` must be a text"),
    ("layout", layout, {"currency": "eur"}, "`currency` 'eur' is no ISO 4217 code"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "make", "parts", "says"), WRONG, ids=lambda value: str(value)[:50])
def test_a_wrong_part_is_refused_where_it_is_written(
    kind: str, make: Callable[..., Any], parts: dict[str, Any], says: str
) -> None:
    with pytest.raises(ConfigurationError, match=says):
        make(**parts)
