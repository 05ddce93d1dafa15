"""Letters close with the version that arrives mended, and with nothing else: in live runs and shards, killed anywhere."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingestion import Context, ErrorBudget, Pipeline, RecordError, Upsert, actions
from ingestion.models import Connection, DeadLetter, Run
from ingestion.running import Hooks
from ingestion.testing import Records, registered
from tests.app.oracle import Entry
from tests.databases import examples
from tests.ingestion.chaos.processes import KILLED, in_child
from tests.ingestion.chaos.sweeps import act_and_die, sweep
from tests.ingestion.runs import OPERATOR, carry, dead_letters, finish, item, new_tenant, over, rows

pytestmark = [
    pytest.mark.slow,
    pytest.mark.every_database,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("committed"),
]
START, DAY = datetime(2026, 1, 1, tzinfo=UTC), timedelta(days=1)
PLAIN = Upsert(Entry, key=["external_id"])
VERSIONED = Upsert(Entry, key=["external_id"], version="revision")


def judge(value: Any, ctx: Context) -> Any:
    if value.label == "bad":
        raise RecordError("bad")
    return {"external_id": value.id, "amount": value.amount, "label": value.label, "revision": value.revision}


def delivering(destination: Upsert, *records: dict[str, Any]) -> Pipeline:
    source = Records([{**one, "at": START.isoformat()} for one in records], time="at")
    return over([], source=source, destination=destination, transform=judge, error_budget=ErrorBudget(1))


def version(revision: int, label: str = "") -> dict[str, Any]:
    return item(1, revision=revision, label=label, amount=f"{revision}.00")


def a_run(connection: Connection, kind: str) -> Run:
    """A live run of `connection` over all records, or the one shard of a backfill of their day."""
    if kind == "live":
        actions.rewind(OPERATOR, connection, START - DAY, "all of it")
        return actions.run_now(OPERATOR, connection, wake=False)
    parent = actions.backfill(OPERATOR, connection, START, START + DAY, reason="again", wake=False)
    return parent.shards.get()


def open_ones(tenant: Any) -> list[DeadLetter]:
    return [one for one in dead_letters(tenant) if one.status in DeadLetter.OPEN]


@pytest.mark.parametrize(
    ("destination", "kind"), [(PLAIN, "live"), (VERSIONED, "shard")], ids=["plain, live", "versioned, shard"]
)
def test_the_good_version_closes_the_letter_wherever_its_run_is_killed(destination: Upsert, kind: str) -> None:
    def prepare() -> Run:
        tenant = new_tenant(tier="enterprise")
        with registered(delivering(destination, version(1, "bad"))) as bad:
            connection = actions.connect(OPERATOR, tenant, bad.name)
            carry(a_run(connection, "live"))
        assert len(open_ones(tenant)) == 1
        return a_run(connection, kind)

    def check(run: Run) -> None:
        finish(run)
        assert rows(run.tenant) == {"rec_0001": "2.00"}
        (dead_letter,) = dead_letters(run.tenant)
        assert (dead_letter.status, dead_letter.times_seen) == ("abandoned", 1)
        assert f"was taken by run {run.pk}" in dead_letter.note

    with registered(delivering(destination, version(2))):
        sweep(prepare, carry, check, least=10)


@pytest.mark.parametrize("point", ["claimed", "extracted", "prepared", "artifact kept"])
def test_a_letter_that_a_shard_opens_beside_a_live_run_is_closed_by_its_good_version(point: str) -> None:
    tenant = new_tenant(tier="enterprise")
    with registered(delivering(PLAIN, version(2))) as good:
        connection = actions.connect(OPERATOR, tenant, good.name)
        live = a_run(connection, "live")

    def open_a_letter(reached: str) -> None:
        if reached == point and not dead_letters(tenant):
            with registered(delivering(PLAIN, version(1, "bad"))):
                carry(a_run(connection, "shard"))
            assert len(open_ones(tenant)) == 1

    with registered(delivering(PLAIN, version(2))):
        carry(live, Hooks(at=open_a_letter, sleep=lambda seconds: None))

    assert (rows(tenant), open_ones(tenant)) == ({"rec_0001": "2.00"}, [])


ARRIVALS = st.lists(
    st.tuples(
        st.sampled_from(["good", "bad"]), st.integers(1, 3), st.sampled_from(["live", "shard"]), st.integers(1, 7)
    ),
    min_size=1,
    max_size=5,
)


@settings(max_examples=examples(8))
@given(arrivals=ARRIVALS)
@pytest.mark.parametrize("destination", [PLAIN, VERSIONED], ids=["plain", "versioned"])
def test_any_history_of_runs_and_shards_that_die_once_each_leaves_the_letters_of_a_calm_one(
    destination: Upsert, arrivals: list[tuple[str, int, str, int]]
) -> None:
    tenant = new_tenant(tier="enterprise")
    stored: int | None = None
    waiting: set[int] = set()
    with registered(delivering(destination)) as pipeline:
        connection = actions.connect(OPERATOR, tenant, pipeline.name)
    for label, revision, kind, nth in arrivals:
        with registered(delivering(destination, version(revision, label if label == "bad" else ""))):
            run = a_run(connection, kind)
            assert in_child(lambda run=run, nth=nth: act_and_die(carry, run, nth)) == KILLED
            finish(run)
        if label == "bad":
            waiting.add(revision)
        elif destination is PLAIN or stored is None or revision >= stored:
            stored, waiting = revision, set()

    assert rows(tenant) == ({"rec_0001": f"{stored}.00"} if stored else {})
    assert {_revision(one) for one in open_ones(tenant)} == waiting


def _revision(dead_letter: DeadLetter) -> int:
    return int(json.loads(bytes(dead_letter.payload))["revision"])
