"""What `manage.py check` says, and when it says nothing."""

import dataclasses
import subprocess
import sys
from pathlib import Path
from typing import Any

import django_rq
import pytest
from django.core.checks import run_checks
from pytest_django import Settings

from ingestion import Context, Pipeline, SumAgrees, Upsert
from ingestion.checks import pipelines, queues, storages, urls
from ingestion.checks.settings import check_settings
from ingestion.core.sources import Source
from ingestion.testing import registered
from integrations.push import Pushed
from integrations.streams import Queue, RedisStream
from tests.app.models import Payment
from tests.app.pipelines import payments
from tests.ingestion.checked import ids

ROOT = Path(__file__).resolve().parents[2]
CHECKS = ROOT / "ingestion" / "checks"


def test_the_projects_own_settings_are_clean() -> None:
    assert run_checks(tags=["ingestion"]) == []


def test_e001_an_unknown_setting_is_named_with_the_nearest_known_one(settings: Settings) -> None:
    settings.INGESTION = {"LEASE_SECOND": 5}

    (message,) = check_settings()

    assert ids([message]) == ["ingestion.E001"]
    assert 'did you mean "LEASE_SECONDS"?' in message.msg


def test_e001_a_value_out_of_range_is_named(settings: Settings) -> None:
    settings.INGESTION = {"TICK_SECONDS": 0}

    assert ids(check_settings()) == ["ingestion.E001"]


def test_a_wrong_setting_is_said_once_and_by_no_other_check(settings: Settings) -> None:
    settings.INGESTION = {"NO_SUCH": 1}

    assert ids(run_checks(tags=["ingestion"], include_deployment_checks=True)) == ["ingestion.E001"]


@pytest.mark.slow
def test_manage_py_check_reports_a_wrong_setting_without_a_traceback(tmp_path: Path) -> None:
    (tmp_path / "wrong.py").write_text("from config.settings import *\nINGESTION = {'TICK_SECOND': 5}\n")
    command = [sys.executable, "manage.py", "check", "--settings", "wrong", "--pythonpath", str(tmp_path)]

    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)

    assert done.returncode == 1
    assert '(ingestion.E001) INGESTION has no setting "TICK_SECOND"; did you mean "TICK_SECONDS"?' in done.stderr
    assert "Traceback" not in done.stderr


def test_e002_a_queue_that_rq_does_not_have_is_named(settings: Settings) -> None:
    settings.INGESTION = {"QUEUES": {"free": "slow"}}

    (message,) = queues.check_queues()

    assert (message.id, "'slow'" in message.msg) == ("ingestion.E002", True)


def test_e002_without_any_rq_queues(settings: Settings) -> None:
    settings.RQ_QUEUES = {}

    assert ids(queues.check_queues()) == ["ingestion.E002"] * 4


@pytest.mark.parametrize("serializer", [None, "pickle", "rq.serializers.DefaultSerializer"])
def test_e003_a_queue_that_carries_pickles(settings: Settings, serializer: str | None) -> None:
    settings.RQ_QUEUES = {name: {**queue, "SERIALIZER": serializer} for name, queue in settings.RQ_QUEUES.items()}

    assert ids(queues.check_queues()) == ["ingestion.E003"] * 4


def test_the_json_serializer_may_be_given_as_class_or_alias(settings: Settings) -> None:
    json = django_rq.get_queue("ingestion-tick").serializer
    one, *others = settings.RQ_QUEUES
    settings.RQ_QUEUES = {
        one: {**settings.RQ_QUEUES[one], "SERIALIZER": "json"},
        **{name: {**settings.RQ_QUEUES[name], "SERIALIZER": json} for name in others},
    }

    assert queues.check_queues() == []


def test_e004_without_time_zones(settings: Settings) -> None:
    settings.USE_TZ = False

    assert ids(check_settings()) == ["ingestion.E004"]


def test_e005_a_storage_alias_that_is_not_there(settings: Settings) -> None:
    settings.INGESTION = {"STORAGE": "nowhere"}

    assert ids(storages.check_storage()) == ["ingestion.E005"]


def test_e005_a_storage_whose_library_is_missing_names_the_extra(settings: Settings) -> None:
    settings.STORAGES = {**settings.STORAGES, "absent": {"BACKEND": "no_such_library.S3Storage"}}
    settings.INGESTION = {"STORAGE": "absent"}

    (message,) = storages.check_storage()

    assert (message.id, "django-sluicegate[s3]" in str(message.hint)) == ("ingestion.E005", True)


@pytest.mark.parametrize("name", ["TENANTS_FOR_USER", "DELIVERY_LIMIT"])
@pytest.mark.parametrize("path", ["no.such.module", "ingestion.conf.nothing", "ingestion.testing.__doc__"])
def test_e006_a_function_of_the_project_that_cannot_be_imported(settings: Settings, name: str, path: str) -> None:
    settings.INGESTION = {name: path}

    (message,) = check_settings()

    assert ids([message]) == ["ingestion.E006"]
    assert name in message.msg


def test_a_tenants_function_that_can_be_imported_is_fine(settings: Settings) -> None:
    settings.INGESTION = {"TENANTS_FOR_USER": "ingestion.testing.make_tenant"}

    assert check_settings() == []


def declared(**changes: Any) -> Pipeline:
    return dataclasses.replace(payments, **changes)


def test_e007_a_destination_whose_key_is_not_its_unique_constraint() -> None:
    with registered(declared(destination=Upsert(Payment, key=["currency"]))):
        case, constraint = pipelines.check_pipelines()

    assert {(case.id, case.obj), (constraint.id, constraint.obj)} == {("ingestion.E007", "pipeline app.payments")}
    assert "ExternalIdField" in case.msg
    assert "unique constraint" in constraint.msg


def test_a_transform_with_defaults_is_fine() -> None:
    def transform(paid: Any, ctx: Context, rate: int = 1) -> None:
        return None

    assert pipelines.problems(declared(transform=transform)) == []


def test_e009_a_control_total_declared_twice() -> None:
    twice = [SumAgrees("amount"), SumAgrees("amount")]

    assert ids(pipelines.problems(declared(reconciliations=twice))) == ["ingestion.E009"]


def test_e009_a_sum_over_a_column_that_is_not_there() -> None:
    assert ids(pipelines.problems(declared(reconciliations=[SumAgrees("total")]))) == ["ingestion.E009"]


def test_e009_periods_over_what_cannot_be_reconciled() -> None:
    from ingestion import Periods

    found = pipelines.problems(declared(periods=Periods("made_at", amount="amount")))

    assert ids(found) == ["ingestion.E009", "ingestion.E009"]
    assert "no figures(ctx, window)" in found[0].msg
    assert "'made_at'" in found[1].msg


def test_w030_a_quota_of_a_meter_that_nobody_declares(settings: Settings) -> None:
    settings.INGESTION = {**settings.INGESTION, "QUOTAS": {"ocr.pagse": {"free": 10}}}

    assert ids(check_settings()) == ["ingestion.W030"]


def test_w031_days_for_rows_that_nobody_retains(settings: Settings) -> None:
    settings.INGESTION = {**settings.INGESTION, "KEEP_DAYS": {"delivery": 10}}

    (message,) = check_settings()

    assert (message.id, message.hint) == ("ingestion.W031", "Declared: deliveries.")


class Broken:
    """A destination whose own check raises."""

    def __getattr__(self, name: str) -> Any:
        if name == "problems":
            return self._raise
        return getattr(payments.destination, name)

    def _raise(self) -> list[str]:
        raise RuntimeError("the table is not there")


def test_w013_a_pipeline_that_cannot_be_checked_says_so_and_the_others_are_checked() -> None:
    twice = declared(name="app.other", reconciliations=[SumAgrees("amount"), SumAgrees("amount")])
    with registered(declared(destination=Broken())), registered(twice):
        found = {message.id: message.msg for message in pipelines.check_pipelines()}

    assert found.keys() == {"ingestion.W013", "ingestion.E009"}
    assert found["ingestion.W013"] == "Could not check pipeline app.payments: RuntimeError: the table is not there"


@pytest.mark.parametrize(
    ("hosts", "expected"),
    [(["*"], ["ingestion.W015"]), (["a.example", "*"], ["ingestion.W015"]), ([".example"], []), ([], [])],
)
def test_any_name_of_the_site_is_warned_of_before_a_deployment(
    settings: Settings, hosts: list[str], expected: list[str]
) -> None:
    settings.ALLOWED_HOSTS = hosts

    assert ids(urls.check_hosts()) == expected
    assert "ingestion.W015" not in ids(run_checks(tags=["ingestion"]))


ADVERSE: dict[str, dict[str, Any]] = {
    "a Redis that is down": {"RQ_QUEUES": {"ingestion-tick": {"URL": "redis://127.0.0.1:1/0"}}},
    "a Redis address that is none": {"RQ_QUEUES": {"ingestion-tick": {"URL": 5}}},
    "queues of another kind": {"RQ_QUEUES": 5},
    "a queue of another kind": {"RQ_QUEUES": {"ingestion-tick": None}},
    "no storages": {"STORAGES": {}},
    "storages of another kind": {"STORAGES": None},
    "a storage that cannot be made": {"STORAGES": {"ingestion": {"BACKEND": "django.core.files.storage.FileSystemStorage",
                                                              "OPTIONS": {"no": "such"}}}},
    "a media root of another kind": {"MEDIA_ROOT": None},
    "an address book that cannot be imported": {"ROOT_URLCONF": "no.such.module"},
    "settings of another kind": {"INGESTION": 5},
    "a secret store that is none": {"INGESTION": {"SECRET_STORE": "json.dumps"}},
    "master keys that are none": {"INGESTION": {"MASTER_KEYS": {"2026": "env:"}}},
}  # fmt: skip


@pytest.mark.django_db
@pytest.mark.parametrize("what", ADVERSE)
def test_no_check_raises_whatever_is_set(settings: Settings, what: str) -> None:
    for name, value in ADVERSE[what].items():
        setattr(settings, name, value)

    found = run_checks(tags=["ingestion"], include_deployment_checks=True, databases=["default"])

    assert all(str(message.id).startswith("ingestion.") for message in found)


def test_no_check_raises_where_the_database_does_not_answer() -> None:
    """pytest-django refuses a database to a test that does not ask for one, as a server that is away would."""
    found = run_checks(tags=["ingestion"], databases=["default"])

    assert {message.id for message in found} == {"ingestion.W013"}


def test_every_check_of_the_engine_is_guarded() -> None:
    sources = [path for path in (ROOT / "ingestion" / "checks").glob("*.py") if path.name != "guarding.py"]

    assert [path.name for path in sources if "@register" in path.read_text()] == []


BRINGING: dict[str, Source] = {
    "push": Pushed(),
    "Redis Stream": RedisStream("sales:{tenant}", url="redis://queue.internal:6379/2"),
    "queue": Queue(lambda ctx: pytest.fail("a check opens no broker")),
}


@pytest.mark.parametrize("kind", BRINGING)
def test_w014_a_pipeline_whose_records_are_brought_needs_a_version_column(kind: str) -> None:
    bare, versioned = Upsert(Payment, key=["external_id"]), Upsert(Payment, key=["external_id"], version="updated_at")

    (message,) = pipelines.problems(declared(source=BRINGING[kind], destination=bare))

    assert message.id == "ingestion.W014"
    assert "an older message that arrives later overwrites a newer row" in message.msg
    assert pipelines.problems(declared(source=BRINGING[kind], destination=versioned)) == []
    assert pipelines.problems(declared(destination=bare)) == []
