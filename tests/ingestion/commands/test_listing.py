"""`ingest list` and `ingest show run`, for people and for machines."""

import dataclasses
import json
from pathlib import Path

import pytest

from ingestion import SourceChanged, actions, redaction, running
from ingestion.actions import Actor
from ingestion.management.verbs import dead_letters, deliveries, inline_execution, reconciliations
from ingestion.management.verbs.output import shown_as, table
from ingestion.models import Connection, DeadLetter, Run
from ingestion.testing import Records, make_tenant, registered, run_pipeline
from tests.app.pipelines import payments
from tests.ingestion.commands.shell import asked, ingest

pytestmark = pytest.mark.django_db


def ids(*words: object) -> list[int]:
    return [row["id"] for row in asked("list", *words)["runs"]]


def failed(key: str) -> Run:
    broken = dataclasses.replace(payments, source=Records([], error=SourceChanged("moved")))
    return run_pipeline(broken, make_tenant(key))


def test_list_runs_newest_first_of_all_tenants_or_one() -> None:
    first, second = run_pipeline(payments, make_tenant("acme")), run_pipeline(payments, make_tenant("globex"))

    assert ids("runs") == [second.pk, first.pk]
    assert ids("runs", "--tenant", "acme") == [first.pk]
    assert ids("runs", "--limit", 1) == [second.pk]


def test_list_runs_by_state_kind_pipeline_and_age() -> None:
    good, broken = run_pipeline(payments, make_tenant("acme")), failed("globex")

    assert ids("runs", "--state", "failed") == [broken.pk]
    assert ids("runs", "--state", "failed", "--state", "succeeded") == [broken.pk, good.pk]
    assert ids("runs", "--kind", "upload") == ids("runs", "--pipeline", "app.other") == []
    assert ids("runs", "--since", "1h") == [broken.pk, good.pk]


def test_an_empty_list_says_so() -> None:
    assert ingest("list", "runs").out.strip() == "Nothing matches."


def test_list_pipelines_has_title_and_schedule() -> None:
    found = {row["name"]: row for row in asked("list", "pipelines")["pipelines"]}

    assert found["app.payments"]["title"] == "Payments of the shop, without those that are still pending."
    assert found["app.payments"]["schedule"] == "every 15m"


def test_list_tenants() -> None:
    make_tenant("acme", tier="pro")

    assert [(row["key"], row["tier"]) for row in asked("list", "tenants")["tenants"]] == [("acme", "pro")]


def test_list_artifacts_of_one_run() -> None:
    run = run_pipeline(payments, make_tenant("acme"))
    run_pipeline(payments, make_tenant("globex"))

    (artifact,) = asked("list", "artifacts", "--run", run.pk)["artifacts"]

    assert (artifact["tenant"], artifact["kind"]) == ("acme", "page")


def test_show_run_has_the_timeline() -> None:
    shown = asked("show", "run", run_pipeline(payments).pk)

    assert shown["run"]["state"] == "succeeded"
    assert [event["name"] for event in shown["timeline"]][:2] == ["queued", "started"]


def test_runs_and_letters_name_their_tenant_and_connection() -> None:
    acme = make_tenant("acme")
    connection = actions.connect(Actor(), acme, "app.payments", "berlin")
    run = actions.run_now(Actor(), connection, wake=False)
    with registered(dataclasses.replace(payments, source=Records([{"id": "odd", "amount": "much"}]))):
        running.execute(run.pk)

    rows = [
        *asked("list", "runs")["runs"],
        asked("show", "run", run.pk)["run"],
        *asked("list", "dead-letters")["dead_letters"],
    ]

    assert [(row["tenant"], row["pipeline"], row["name"]) for row in rows] == [("acme", "app.payments", "berlin")] * 3
    for shown in (ingest("list", "runs").out, ingest("show", "run", run.pk).out, ingest("list", "dead-letters").out):
        assert "berlin" in shown


@pytest.mark.parametrize(
    "columns", [deliveries.COLUMNS, reconciliations.COLUMNS, dead_letters.COLUMNS, inline_execution.COLUMNS]
)
def test_every_table_of_a_connections_rows_names_it(columns: tuple[str, ...]) -> None:
    assert columns[1:4] == ("tenant", "pipeline", "name")


def test_show_run_names_the_first_rejected_record_with_its_reason() -> None:
    run = run_pipeline(payments, make_tenant("acme"), records=[{"id": "odd", "amount": "much"}])

    text = asked("show", "run", run.pk)["run"]["first_rejection"]

    assert text.endswith(f"(dead letter {DeadLetter.unscoped.get().pk})")
    assert "amount" in text


def test_a_nested_config_is_laid_out_as_json_without_known_secrets() -> None:
    connection = actions.connect(Actor(), make_tenant("acme"), "app.payments", "shop")
    config = {"rest": {"path": "/orders", "pagination": {"style": "cursor"}, "auth": "tok-en-9f8e7d6c5b4a"}}
    Connection.unscoped.filter(pk=connection.pk).update(config=config)
    redaction.remember(["tok-en-9f8e7d6c5b4a"])

    text = ingest("show", "connection", connection.pk).out

    assert "9f8e7d6c5b4a" not in text
    laid_out = text[text.index("{") : text.rindex("}") + 1]
    assert json.loads(laid_out)["rest"]["pagination"] == {"style": "cursor"}
    assert len(laid_out.splitlines()) > 5


def test_show_run_for_people_leaves_out_what_is_empty() -> None:
    text = ingest("show", "run", run_pipeline(payments).pk).out

    assert "Timeline" in text
    assert "error class" not in text


def test_show_run_names_uploaded_files(tmp_path: Path) -> None:
    run = run_pipeline(payments, records=[], file=("a.json", b"data"))

    (file,) = asked("show", "run", run.pk)["files"]

    assert (file["name"], file["size"]) == ("a.json", 4)


def test_a_table_aligns_text_left_and_numbers_right() -> None:
    rows = [{"name": "a", "times_seen": 5}, {"name": "longer", "times_seen": 10}]

    assert table(("name", "times_seen"), rows).splitlines() == [
        "name    times seen",
        "------  ----------",
        "a                5",
        "longer          10",
    ]


def test_structures_are_shown_in_one_line() -> None:
    assert shown_as({"free": 1, "pro": None}) == "free: 1, pro: -"
    assert shown_as(["one", {"two": 2}]) == "one; two: 2"


def test_control_characters_are_escaped() -> None:
    assert shown_as("a\x1b[2J\nb\u202e") == "a\\x1b[2J\\nb\\u202e"
