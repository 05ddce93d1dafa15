"""Members of declared APIs' records that no database or no text can hold: the letter names them."""

from __future__ import annotations

import pytest
from django.db import connection

from ingestion.testing import make_tenant
from integrations.rest.page_records import read_records
from tests.integrations.rest.test_records import Things, connected, dead_letters, run

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.every_database]


def test_a_name_that_holds_half_a_character_is_named() -> None:
    elements = read_records([rb'{"id": "a", "in": {"x\ud800": 1}}', b'{"id": "b"}'], ("id",), 1, with_marks=False)

    (refusal,) = elements.refused
    assert refusal.record.key == "a"
    assert [error.path for error in refusal.error.errors] == [r"in.x\ud800"]


def test_nul_and_depth_are_named_by_member_with_advice_that_can_be_followed() -> None:
    acme = make_tenant()
    deep = '{"a": ' * 40 + "1" + "}" * 40

    loaded = run(
        connected(acme), Things('{"id": 1, "name": {"x": "a\\u0000"}}', f'{{"id": 2, "way": {deep}}}', '{"id": 3}')
    )

    named = {
        dead_letter.source_id: (dead_letter.errors[0]["path"], dead_letter.errors[0]["code"])
        for dead_letter in dead_letters(acme)
    }
    if connection.vendor == "postgresql":
        assert named == {"1": ("body.name.x", "nul")}
        assert "a pipeline in code" in dead_letters(acme)[0].errors[0]["message"]
    elif connection.vendor == "mysql":
        assert {key: (path[:12], code) for key, (path, code) in named.items()} == {"2": ("body.way.a.a", "depth")}
    else:
        assert loaded.ok == 3
