"""What is declared wrongly of Rows is refused where it is written; what no import can know, `manage.py check` says."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest

from ingestion import ConfigurationError
from ingestion.checks import pipelines
from ingestion.testing import registered
from integrations.databases import Rows
from tests.app.pipelines import payments
from tests.integrations.databases.conftest import Legacy


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


@pytest.fixture
def shop(legacy: Legacy) -> Callable[..., list[str]]:
    """What `manage.py check --database legacy` says of rows of a table with three columns."""
    legacy.make("orders", "id INTEGER, total INTEGER, changed {time}")

    def said_of(*databases: str, **parts: Any) -> list[str]:
        source = Rows(**{"using": "legacy", "of": mine, "table": "orders", "watermark": "changed", **parts})
        with registered(dataclasses.replace(payments, source=source)):
            messages = pipelines.check_sources(databases=list(databases))
        assert all((message.id, bool(message.hint)) == ("ingestion.W018", True) for message in messages)
        return [message.msg for message in messages]

    return said_of


@pytest.mark.every_database
@pytest.mark.django_db(transaction=True)
def test_w018_what_is_not_there_is_named_with_the_nearest(shop: Callable[..., list[str]]) -> None:
    assert shop("legacy") == shop("legacy", columns=["ID", "total"]) == []
    assert shop(using="legcay") == ["DATABASES has no alias 'legcay'; did you mean `legacy`?"]
    assert shop("legacy", table="ordres") == ["The database 'legacy' has no table 'ordres'; did you mean `orders`?"]
    assert shop("legacy", watermark="chnaged", columns=["id", "totl", "x"]) == [
        "The table 'orders' of 'legacy' has no column 'chnaged'; did you mean `changed`?",
        "The table 'orders' of 'legacy' has no column 'totl'; did you mean `total`?",
        "The table 'orders' of 'legacy' has no column 'x'; it has id, total, changed.",
    ]
    assert shop("legacy", table="", sql="SELECT id FROM orders", key=["key"]) == [
        "What sql= selects of 'legacy' has no column 'key'; it has id.",
        "What sql= selects of 'legacy' has no column 'changed'; it has id.",
    ]
    (unread,) = shop("legacy", table="", sql="SELEC id FROM orders")
    assert "did not understand the question" in unread


@pytest.mark.django_db(transaction=True)
def test_a_database_that_is_not_checked_is_not_asked(shop: Callable[..., list[str]]) -> None:
    assert shop(table="ordres") == shop("default", table="ordres") == []
