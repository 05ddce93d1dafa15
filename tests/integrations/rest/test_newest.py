"""Several versions of one record: the newest one stays, by the member that `updated` names."""

from __future__ import annotations

import pytest

from ingestion.models import Tenant
from tests.integrations.rest.test_records import acme, connected, rows, run, thing
from tests.integrations.rest.worlds import reply

__all__ = ["acme"]
pytestmark = [pytest.mark.django_db]


@pytest.mark.parametrize("newest_first", [True, False])
def test_the_newest_record_of_a_page_wins_in_whatever_order(acme: Tenant, *, newest_first: bool) -> None:
    versions = [thing(1, updated_at=f"2026-01-0{day}T00:00:00Z", day=day) for day in (1, 3)]
    connection = connected(acme, total="", pagination={"style": "none"})

    made = run(connection, lambda request: reply({"data": versions[::-1] if newest_first else versions}))

    assert (made.ok, made.skip_reasons) == (1, {"superseded": 1})
    assert [body["day"] for body in rows(acme).values()] == [3]
