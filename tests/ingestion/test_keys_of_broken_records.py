"""A record of which one member is wrong keeps its id, and its letter closes when it arrives mended."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingestion import ErrorBudget, JsonLines, json_page
from ingestion.core.keys import readable_key
from tests.ingestion.runs import dead_letters, load, new_tenant, over

BROKEN = {
    "not a number": b'{"id": "a", "amount": NaN}',
    "the id last": b'{"amount": NaN, "id": "a"}',
    "another object with an id": b'{"amount": Infinity, "of": {"id": "b"}, "id": "a"}',
    "a list of objects with ids": b'{"amount": 1.2.3, "lines": [{"id": "b"}], "id": "a"}',
    "a name in a text": b'{"amount": tru, "note": "\\"id\\": \\"b\\"", "id": "a"}',
    "another encoding": b'{"id": "a", "name": "caf\xe9", "amount": 01}',
    "an end that is missing": b'{"id": "a", "amount": "1',
    "a control character": b'{"id": "a", "note": "x\ny", "amount": NaN}',
    "spaces": b' {\n "id" :\t"a" , "amount" : - }',
    "an escaped id": b'{"\\u0069d": "\\u0061", "amount": NaN}',
}
UNKNOWN = {
    "two ids": b'{"id": "a", "id": "b", "amount": NaN}',
    "the id itself": b'{"id": NaN}',
    "an id that is half a surrogate": b'{"id": "\\ud800", "amount": NaN}',
    "an id that is a fraction": b'{"id": 1.5, "amount": NaN}',
    "an id that is an object": b'{"id": {"id": "a"}, "amount": NaN}',
    "an id that is cut": b'{"amount": 1, "id": "a',
    "a list": b'[{"id": "a"}, NaN]',
    "no object": b'x {"id": "a"}',
    "nothing": b"",
}


@pytest.mark.parametrize("what", BROKEN)
def test_the_id_is_read_although_another_member_is_wrong(what: str) -> None:
    assert readable_key(BROKEN[what], "id") == "a"


@pytest.mark.parametrize("what", UNKNOWN)
def test_what_is_not_sure_is_no_id(what: str) -> None:
    assert readable_key(UNKNOWN[what], "id") == ""


def test_a_whole_number_is_an_id() -> None:
    assert readable_key(b'{"id": 17, "amount": NaN}', "id") == "17"


def test_the_reason_names_the_member() -> None:
    page = json_page([(b'{"id": "a", "net": 1, "amount": NaN, "note": ""}', "line 1")])

    (refusal,) = page.refused
    assert (refusal.record.key, [error.path for error in refusal.error.errors]) == ("a", ["amount"])


@pytest.mark.django_db(transaction=True)
def test_a_mended_record_closes_its_letter(tmp_path: Path) -> None:
    tenant, path = new_tenant(), tmp_path / "orders.jsonl"
    source = JsonLines(str(path))
    path.write_bytes(b'{"id": "a", "amount": NaN}\n')
    load(over([], source=source, error_budget=ErrorBudget(1.0)), tenant)
    before = [(one.source_id, one.status) for one in dead_letters(tenant)]

    path.write_bytes(b'{"id": "a", "amount": "1.00"}\n')
    load(over([], source=source), tenant)

    assert before == [("a", "new")]
    assert [one.status for one in dead_letters(tenant)] == ["abandoned"]
