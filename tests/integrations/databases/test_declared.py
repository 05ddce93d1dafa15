"""What is declared wrongly of Rows is refused where it is written; what no import can know, `manage.py check` says."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from ingestion import ConfigurationError
from ingestion.checks import pipelines
from integrations.databases import Rows
from tests.app.pipelines import payments


def mine(ctx: Any) -> dict[str, Any]:
    return {"tenant": 1}


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"using": 5}, "using of Rows must be a text; it is 5"),
    ({"using": ""}, "using of Rows must be an alias of DATABASES"),
    ({"of": {"tenant": 1}}, "of of Rows must be a function"),
    ({"of": None}, "of of Rows must be a function"),
    ({"table": ["orders"]}, "table of Rows must be a text"),
    ({"table": ""}, "one of table=, sql= and queryset="),
    ({"sql": "SELECT 1"}, "one of table=, sql= and queryset="),
    ({"table": "", "queryset": "orders"}, "queryset of Rows must be a function"),
    ({"key": "id"}, r"Rows needs key=\[…\]"),
    ({"key": [5]}, r"Rows needs key=\[…\]"),
    ({"key": []}, r"Rows needs key=\[…\]"),
    ({"columns": "id"}, "columns of Rows must be a list of names"),
    ({"columns": [5]}, "columns of Rows must be a list of names"),
    ({"watermark": 5}, "watermark of Rows must be a text"),
    ({"nulls": "skip"}, 'nulls="refuse" or nulls="read"'),
    ({"zone": "Europe/Amsterdam"}, "zone of Rows must be a zone, such as ZoneInfo"),
    ({"bound": "date"}, "bound of Rows must be a function"),
    ({"page_size": 0}, "page_size of Rows must be a whole number, 1 or more; it is 0"),
    ({"page_size": True}, "page_size of Rows"),
    ({"timeout": "60"}, "timeout of Rows must be a number of seconds above 0"),
    ({"timeout": float("nan")}, "timeout of Rows"),
    ({"keys": "team"}, "keys of Rows must be names"),
]


@pytest.mark.parametrize(("parts", "says"), WRONG, ids=str)
def test_a_wrong_part_is_refused_with_what_is_expected(parts: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigurationError, match=says):
        Rows(**{"using": "default", "of": mine, "table": "orders", **parts})


def test_e013_an_alias_that_is_not_there_is_named_with_the_nearest() -> None:
    right = dataclasses.replace(payments, source=Rows("default", mine, table="orders"))
    wrong = dataclasses.replace(payments, source=Rows("defualt", mine, table="orders"))

    (message,) = pipelines.problems(wrong)

    assert (message.id, message.msg) == (
        "ingestion.E013",
        "DATABASES has no alias 'defualt'; did you mean `default`?",
    )
    assert message.wake
    assert pipelines.problems(right) == []
