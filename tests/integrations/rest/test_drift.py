"""What a declared API says about changed records."""

from ingestion import OnDrift
from integrations.rest import Cursor
from integrations.rest.source import Rest


def test_what_tells_records_apart_and_orders_them_is_vital() -> None:
    declared = Rest(base_url="https://api.example.com", key="data.id", updated="changed")

    assert declared.on_drift(None) == OnDrift("note", frozenset({"data.id", "changed"}))  # type: ignore[arg-type]


def test_a_connection_chooses_in_its_declaration() -> None:
    declared = Rest.from_json({"base_url": "https://api.example.com", "drift": "stop", "key": ""})

    assert declared.on_drift(None) == OnDrift("stop", frozenset(), explicit=True)  # type: ignore[arg-type]


def test_what_leads_to_the_next_page_is_vital_too() -> None:
    declared = Rest(
        base_url="https://api.example.com", total="$.meta.count", pagination=Cursor(next="$.meta.next", more="$.more")
    )

    assert declared.on_drift(None).vital == {"id", "$.meta.count", "$.meta.next", "$.more"}  # type: ignore[arg-type]
