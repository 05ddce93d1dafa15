"""A page whose parts are of another type is refused where it is made, with what is expected and none of what it holds."""

from __future__ import annotations

from collections import deque
from dataclasses import fields
from decimal import Decimal
from typing import Any

import pytest

from ingestion import ConfigurationError, Page, Proof, Record, RecordError, Refusal

SECRET = "payload"
RECORD = Record("a", b"{}")
WRONG: dict[str, list[Any]] = {
    "records": ["abc", b"abc", None, 3, iter([]), {"a": RECORD}, {RECORD}, [{"id": SECRET}], [SECRET], [("a", b"{}")]],
    "refused": [3, "x", [RECORD], [RecordError(SECRET)], None],
    "declares": [5, "5", {"count": "5"}, {"count": 5.0}, {1: Decimal(2)}, {"a": Decimal(1), "b": None}, [("count", 5)]],
    "notes": ["one", [5], None, 5],
    "left_out": [["pending"], {"pending": "2"}, {2: 2}, {"pending": 2.5}, 2],
    "proofs": ["x", [("a", "b")], Proof.balances("a").subject],
    "settles": ["x", [5], 5],
    "deliveries": [5, ["a"], [None]],
    "envelope": ["{}", None, {}],
    "last": ["yes", 1, None],
    "formerly": [{}, "a", []],
    "titles": ["x", [b"x"]],
}


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, values in WRONG.items() for value in values], ids=str
)
def test_a_part_of_another_type_is_refused(name: str, value: Any) -> None:
    with pytest.raises(ConfigurationError, match=f"^{name} of a Page must be ") as refusal:
        Page(**{"records": [], "checkpoint": None, name: value})

    assert SECRET not in str(refusal.value)


def test_every_part_is_looked_at_but_the_checkpoint() -> None:
    assert WRONG.keys() == {field.name for field in fields(Page)} - {"checkpoint"}


def test_a_right_page_is_taken_whatever_sequence_it_is_made_of() -> None:
    refused = [Refusal(RECORD, RecordError("wrong"))]
    page = Page(
        (RECORD,), {"any": ["JSON"]}, refused, {"count": 5, "amount": Decimal(2)}, ("note",), {"pending": 2},
        [Proof.balances("a")], ["letter"], (7,), b"{}", True, dict, ["title"],
    )  # fmt: skip

    assert page.records == (RECORD,)
    assert Page(deque([RECORD]), None).records == deque([RECORD])
