"""A project's own keys of a config as a pydantic model: what it names, and what it refuses is said without any value."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel, Field, field_validator

from ingestion import ConfigurationError, check_keys, key_names

SECRET = "hunter22"


class Store(BaseModel):
    url: str


class Shop(BaseModel):
    shop: str = Field(alias="shopName")
    page: int = Field(5, ge=1, validation_alias="pageSize")
    store: Store | None = None

    @field_validator("shop")
    @classmethod
    def _is_known(cls, value: str) -> str:
        if value == "south":
            raise ValueError("choose another shop.")
        return value


def test_keys_are_called_as_the_model_reads_them() -> None:
    assert key_names(Shop) == ("shopName", "pageSize", "store")
    check_keys({"shopName": "north", "pageSize": 7, "integration": "eu"}, ["integration"], Shop)


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({}, "`shopName` is missing."),
        ({"shop": "north"}, "`shop` is no key of the connection's config; did you mean `shopName`?"),
        ({"shopName": "north", "pageSize": 0}, "`pageSize`: Input should be greater than or equal to 1."),
        ({"shopName": "north", "pageSize": SECRET}, "`pageSize`: Input should be a valid integer"),
        ({"shopName": "north", "store": {"uri": SECRET}}, "`store.url` is missing."),
        ({"shopName": "south"}, "`shopName`: choose another shop."),
        ({"pageSize": 0}, "`shopName` is missing. `pageSize`: Input"),
    ],
    ids=str,
)
def test_what_a_model_refuses_is_named_without_its_value(config: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigurationError) as refusal:
        check_keys(config, ["integration"], Shop)

    assert words in str(refusal.value)
    assert SECRET not in str(refusal.value)
