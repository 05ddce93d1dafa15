"""A name that stands twice in one JSON object: nobody can tell which value counts, so none is taken."""

from __future__ import annotations

import argparse
import json
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import pytest

from ingestion import ConfigurationError, Context, Json, JsonLines, Page, RecordError, json_page, names_stand_once
from ingestion.core.config_text import json_or_text
from ingestion.core.duplicate_names import doubled
from ingestion.core.errors import ActionRefused
from ingestion.management.verbs.arguments import pair
from ingestion.vault.values import parsed
from tests.ingestion.runs import counts, dead_letters, load, new_tenant, over, replayed, rows


@pytest.mark.parametrize(
    ("body", "paths"),
    [
        ('{"id": 1, "id": 2}', ["id"]),
        ('{"id": 1, "id": 1}', ["id"]),
        (r'{"id": 1, "\u0069d": 2}', ["id"]),
        ('{"a": {"x": [{"b": 1, "b": 2}]}, "c": 1, "c": 2}', ["c", "a.x.0.b"]),
        ('[{"a": 1}, {"a": 1, "a": 1}]', ["1.a"]),
        (r'{"t": "\u003a", "a": 1, "a": 2}', ["a"]),
        (r'{"t": "\u003A", "a": 1, "a": 2}', ["a"]),
        ('{"x": {"a": 1, "a": 2}, "y": {"b": 1, "b": 2}}', ["x.a", "y.b"]),
        ('{"t": "\udcff", "a": 1, "a": 2}', ["a"]),
        (r'{"half": "\ud800", "a": 1, "a": 2}', ["a"]),
        ('{"a": NaN, "a": 1e999}', ["a"]),
        ('\ufeff{"a": 1, "a": 2}', ["a"]),
        ('{"n": 12345678901234567890123, "a": 1, "a": 2}', ["a"]),
        ('{"a": ' + "9" * 5_000 + ', "a": 2}', ["a"]),
        ('{"a": 1, "b": "a:", "c": {"a": 2}, "d": ["12:30:00", "https://x"]}', []),
        (r'{"a": "\u003a:", "b": 1.50, "c": "\"a\":"}', []),
        ('{"a": 1', []),
        ("[" * 3_000 + "]" * 3_000, []),
        ("", []),
    ],
    ids=lambda value: str(value)[:40],
)
def test_the_name_is_found_wherever_it_lies(body: str, paths: list[str]) -> None:
    assert [fault.path for fault in doubled(body.encode("utf-8", "surrogateescape"))] == paths


def test_at_most_ten_are_named() -> None:
    body = ",".join(f'"n{number}": 1, "n{number}": 2' for number in range(50))

    assert len(doubled(f"{{{body}}}".encode())) == 10


def test_such_a_record_is_refused_and_the_others_are_not() -> None:
    page = json_page([(b'{"id": 1, "sum": 5, "sum": 7}', "line 1"), (b'{"id": 2}', "line 2")], "id")

    (refusal,) = page.refused
    assert [record.key for record in page.records] == ["2"]
    assert (refusal.record.key, [fault.path for fault in refusal.error.errors]) == ("1", ["sum"])
    assert "twice" in str(refusal.error)


def test_its_key_is_none_where_there_are_two() -> None:
    page = json_page([(b'{"id": 1, "id": 2}', "")], "id")

    assert [one.record.key for one in page.refused] == [""]


def test_a_reader_looks_for_sources_that_do_not() -> None:
    nowhere: Any = None

    assert names_stand_once(b'{"a": 1}', nowhere) == b'{"a": 1}'
    with pytest.raises(RecordError, match=r"a: The name stands 3 times"):
        names_stand_once(b'{"a": 1, "a": 2, "a": 3}', nowhere)


def test_a_config_and_a_credential_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="path"):
        json_or_text('{"path": "/a", "path": "/b"}')
    with pytest.raises(argparse.ArgumentTypeError, match="path"):
        pair('rest={"path": "/a", "path": "/b"}')
    with pytest.raises(ActionRefused, match="api_key"):
        parsed('{"api_key": "sk_1", "api_key": "sk_2"}')
    assert json_or_text('{"a": {"b": 1}}') == {"a": {"b": 1}}
    assert json.loads('{"a": 1, "a": 2}') == {"a": 2}


class Refusing:
    """A source whose one record has two amounts."""

    def totals_of(self, ctx: Context) -> Collection[str]:
        return ()

    def extract(self, ctx: Context, checkpoint: Json) -> Iterator[Page]:
        yield json_page([(b'{"id": "a", "amount": "1.00", "amount": "2.00"}', "line 1")])


@pytest.mark.django_db
def test_a_replay_chooses_no_value_either() -> None:
    tenant = new_tenant()
    pipeline = over([], source=Refusing())

    run, replay = load(pipeline, tenant), replayed(tenant, pipeline)

    assert (counts(run), counts(replay), rows(tenant)) == ((1, 0, 0, 1), (1, 0, 0, 1), {})
    assert [(one.status, one.errors[0]["code"]) for one in dead_letters(tenant)] == [("new", "doubled")]


@pytest.mark.django_db
def test_lines_are_refused_where_the_pipeline_has_the_reader(tmp_path: Path) -> None:
    (tmp_path / "lines").write_bytes(b'{"id": "a", "amount": "1.00", "amount": "2.00"}\n{"id": "b", "amount": "3.00"}')
    tenant = new_tenant()

    load(over([], source=JsonLines(str(tmp_path / "lines")), reader=names_stand_once), tenant)

    assert rows(tenant) == {"b": "3.00"}
    assert [(one.source_id, one.errors[0]["code"]) for one in dead_letters(tenant)] == [("a", "doubled")]
