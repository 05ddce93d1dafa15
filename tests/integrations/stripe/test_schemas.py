"""What the schemas make of members that are null, expanded or of the wrong type."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import ValidationError

from integrations.stripe.schemas import Charge

WHOLE = {"id": "ch_1", "created": 1_700_000_000, "amount": 1, "currency": "eur", "status": "succeeded"}


def charge(**values: Any) -> Charge:
    return Charge.model_validate_json(json.dumps({**WHOLE, **values}))


@pytest.mark.parametrize(
    ("name", "given", "found"),
    [
        ("description", None, ""),
        ("description", "a gift", "a gift"),
        ("paid", None, False),
        ("paid", True, True),
        ("customer", None, ""),
        ("customer", "cus_1", "cus_1"),
        ("customer", {"id": "cus_1", "object": "customer"}, "cus_1"),
        ("customer", {"deleted": True}, ""),
    ],
)
def test_null_is_nothing_and_an_expanded_object_its_id(name: str, given: Any, found: Any) -> None:
    assert getattr(charge(**{name: given}), name) == found
    assert getattr(charge(), name) in ("", False)


@pytest.mark.parametrize(
    ("name", "given", "says"),
    [
        ("description", 5, "string_type"),
        ("description", ["x"], "string_type"),
        ("paid", "maybe", "bool_type"),
        ("paid", {}, "bool_type"),
        ("customer", 5, "string_type"),
        ("customer", {"id": 5}, "string_type"),
    ],
)
def test_what_has_the_wrong_type_is_refused_by_its_name(name: str, given: Any, says: str) -> None:
    with pytest.raises(ValidationError) as refused:
        charge(**{name: given})

    assert [(error["loc"], error["type"]) for error in refused.value.errors()] == [((name,), says)]
