"""What is declared wrongly is refused where it is declared, with what is expected and what is there."""

import dataclasses
import inspect
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from ingestion import (
    ConfigurationError,
    Context,
    CountsAgree,
    Cron,
    ErrorBudget,
    Every,
    Figure,
    JsonLines,
    JsonPages,
    OnDrift,
    Page,
    Periods,
    Pipeline,
    Record,
    Refusal,
    Skip,
    SumAgrees,
    TenantRef,
    Upsert,
    meter,
    pipeline,
)
from ingestion.core import registry
from ingestion.testing import Records, registered
from integrations.rest.source import Rest
from tests.app.models import Payment
from tests.app.pipelines import Paid, payments


async def awaited(record: Any, ctx: Context) -> Any:
    return record


async def streamed(record: Any, ctx: Context) -> AsyncIterator[Any]:
    yield record


def yields(record: Any, ctx: Context) -> Iterator[Any]:
    yield record


def alone(record: Any) -> Any:
    return record


def paged(ctx: Context, cursor: Any) -> tuple[bytes, Any]:
    return b"[]", None


class Called:
    async def __call__(self, record: Any, ctx: Context) -> Any:
        return record


class Asynchronous:
    async def extract(self, ctx: Context, checkpoint: Any) -> AsyncIterator[Page]:
        yield Page([], None)


class Plain:
    """No model of pydantic's."""


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "a number as schedule": ({"schedule": 15}, r"schedule of app.payments must be a schedule, such as Every\(minutes=15\)"),
    "a span as schedule": ({"schedule": timedelta(minutes=15)}, "has no after"),
    "a cron text as schedule": ({"schedule": "0 3 * * *"}, r'Cron\("0 3 \* \* \*"\)'),
    "a schedule's class": ({"schedule": Every}, "it is the class Every, not a value of it"),
    "seconds as lag": ({"lag": 300}, r"lag of app.payments must be a timedelta .*; it is 300"),
    "a negative lag": ({"lag": timedelta(minutes=-5)}, "a timedelta of 0 or more"),
    "a share as error budget": ({"error_budget": 0.05}, r"must be ErrorBudget\(0.05\), or left out; it is 0.05"),
    "no error budget": ({"error_budget": 0}, "it is 0"),
    "an error budget's class": ({"error_budget": ErrorBudget}, "the class ErrorBudget"),
    "a dict as schema": ({"schema": dict}, "must be a class of pydantic's BaseModel; it is the class dict"),
    "a schema that is no model": ({"schema": Plain}, "BaseModel"),
    "a schema's value": ({"schema": payments.schema(id="1", amount=1)}, "BaseModel"),
    "a source's class": ({"source": JsonLines}, "source of app.payments must be a source.*the class JsonLines"),
    "a path as source": ({"source": "orders.jsonl"}, "has no extract"),
    "an asynchronous source": ({"source": Asynchronous()}, "extract of the source of app.payments is async"),
    "a destination's class": ({"destination": Upsert}, "the class Upsert"),
    "a model as destination": ({"destination": Payment}, "destination of app.payments must be a destination"),
    "an async transform": ({"transform": awaited}, "transform of app.payments is async"),
    "an async generator": ({"transform": streamed}, "is async"),
    "an object called asynchronously": ({"transform": Called()}, "is async"),
    "a generator as transform": ({"transform": yields}, "is a generator"),
    "a transform of one argument": ({"transform": alone}, r"cannot be called with \(record, ctx\)"),
    "a class as transform": ({"transform": Plain}, "must be a function of"),
    "another pipeline as transform": ({"transform": payments}, "must be a function of"),
    "an async reader": ({"reader": awaited}, "reader of app.payments is async"),
    "no control total": ({"reconciliations": [5]}, "has no name and measure"),
    "a control total's class": ({"reconciliations": [CountsAgree]}, "the class CountsAgree"),
    "one control total": ({"reconciliations": CountsAgree()}, "must be a list of control totals"),
    "an unknown catch-up": ({"catch_up": "later"}, "coalesce, each, skip"),
    "an unhashable catch-up": ({"catch_up": []}, "coalesce, each, skip"),
    "drift as a bool": ({"drift": True}, "stop, note, ignore"),
    "a version of None": ({"version": None}, "must be a text of 1 to 50 characters"),
    "a version that no column takes": ({"version": "v" * 51}, "1 to 50"),
    "periods of another kind": ({"periods": "created_at"}, "must be Periods"),
    "one tenant's key": ({"tenants": "acme"}, "must name the keys of tenants"),
    "a number of tenants": ({"tenants": 5}, "must name the keys of tenants"),
    "tenants of another kind": ({"tenants": ["acme", None]}, "must name the keys of tenants"),
    "an integration of another kind": ({"integration": None}, "integration of app.payments must be a text"),
    "no payload limit": ({"max_payload_bytes": 0}, "a whole number, 1 or more"),
}  # fmt: skip


@pytest.mark.parametrize("fault", WRONG)
def test_a_wrong_part_is_refused_with_what_is_expected(fault: str) -> None:
    changes, says = WRONG[fault]

    with pytest.raises(ConfigurationError, match=says):
        dataclasses.replace(payments, **changes)


@pytest.mark.parametrize("fault", WRONG)
def test_a_wrong_part_is_refused_by_the_decorator_too(fault: str) -> None:
    changes, says = WRONG[fault]
    parts = {"source": Records([]), "schema": payments.schema, "destination": payments.destination, **changes}
    transform = parts.pop("transform", lambda record, ctx: record)

    with pytest.raises(ConfigurationError, match=says.replace("app.payments", "app.wrong")):
        pipeline("app.wrong", **parts)(transform)
    assert "app.wrong" not in [one.name for one in registry.registered()]


@pytest.mark.parametrize(
    "name",
    ["", None, 5, "a b", "a/b", "a..b", ".a", "a.", "a\n", "a\x00b", "1a", "a-b", "a" * 101, "ﬁle.x", "a'; --", "../x"],
)
def test_a_name_with_odd_characters_is_refused(name: Any) -> None:
    with pytest.raises(ConfigurationError, match=r'is not a pipeline name; use "app.noun"'):
        dataclasses.replace(payments, name=name)


VALUES: dict[str, tuple[Callable[[], Any], str]] = {
    "a percentage as ratio": (lambda: ErrorBudget(5), r"ratio must be a share from 0 to 1.*; it is 5"),
    "a negative ratio": (lambda: ErrorBudget(-0.1), "a share from 0 to 1"),
    "no number as ratio": (lambda: ErrorBudget(float("nan")), "a share from 0 to 1"),
    "a text as ratio": (lambda: ErrorBudget("5%"), "a share from 0 to 1"),  # type: ignore[arg-type]
    "a share as at_least": (lambda: ErrorBudget(0.05, at_least=0.5), "a whole number"),  # type: ignore[arg-type]
    "no key": (lambda: Upsert(Payment, key=[]), r"key of Upsert\(Payment\) must be a list of field names"),
    "a text as key": (lambda: Upsert(Payment, key="external_id"), "it is 'external_id'"),
    "an unknown field": (lambda: Upsert(Payment, key=["external"]), "Payment has no field 'external'; it has"),
    "an unknown version": (lambda: Upsert(Payment, key=["external_id"], version="v"), "Payment has no field 'v'"),
    "no model": (lambda: Upsert(dict, key=["id"]), "The model of an Upsert must be a class of Django's models"),
    "a text as interval": (lambda: Every(minutes="15"), "made of numbers"),  # type: ignore[arg-type]
    "an endless interval": (lambda: Every(days=1e300), "less than a century"),
    "centuries as interval": (lambda: Every(days=99_999), "less than a century"),
    "more days than there are": (lambda: Every(days=2e9), "less than a century"),
    "no zone of a cron": (lambda: Cron("0 3 * * *", None), "zone of Cron.. must be the name of a time zone"),  # type: ignore[arg-type]
    "a zone's value": (lambda: Cron("0 3 * * *", UTC), "must be the name of a time zone"),  # type: ignore[arg-type]
    "no spread of a cron": (lambda: Cron("0 3 * * *", spread=None), "spread of Cron.. must be a timedelta"),  # type: ignore[arg-type]
    "a number as declared total": (lambda: JsonPages(paged, declares={"count": 5}), "declares of JsonPages must be"),  # type: ignore[dict-item]
    "a text as windowed": (lambda: JsonPages(paged, windowed="yes"), "windowed of JsonPages must be True or False"),  # type: ignore[arg-type]
    "a text as ahead": (lambda: JsonPages(paged, ahead="no"), "ahead of JsonPages must be True or False"),  # type: ignore[arg-type]
    "one name as keys": (lambda: JsonPages(paged, keys="team"), "keys of JsonPages must be names of a config's keys"),
    "another class as keys": (lambda: JsonLines("x", keys=Plain), "or a model of pydantic's"),  # type: ignore[arg-type]
    "numbers as keys": (lambda: JsonLines("x", keys=[5]), "keys of JsonLines must be names"),  # type: ignore[list-item]
    "a path as records": (lambda: JsonPages(paged, records="$.data"), "the name of a list inside the body, no path"),
    "a text as count": (lambda: Figure("5"), "count of a Figure must be a whole number, 0 or more"),  # type: ignore[arg-type]
    "a negative count": (lambda: Figure(-1), "count of a Figure"),
    "a float as sum": (lambda: Figure(1, 0.5), "sum of a Figure must be a Decimal"),  # type: ignore[arg-type]
    "a list as ids": (lambda: Figure(1, ids=["a"]), "ids of a Figure must be amounts by key"),  # type: ignore[arg-type]
    "an unknown mode": (lambda: OnDrift("halt"), "mode of OnDrift must be one of stop, note, ignore"),  # type: ignore[arg-type]
    "one path as vital": (lambda: OnDrift("stop", "id"), "vital of OnDrift must be a set of paths"),  # type: ignore[arg-type]
    "a text as a refusal's error": (lambda: Refusal(Record("a", b""), "b"), "a Record and a RecordError; it is of a Record and a str"),  # type: ignore[arg-type]
    "a number as meter": (lambda: meter(5, "pages"), "is not a name of a meter"),  # type: ignore[arg-type]
    "a meter without a title": (lambda: meter("app.x", ""), "The title of the meter 'app.x' must be a text"),
    "a number as spread": (lambda: Every(minutes=15, spread=5), "must be a timedelta"),  # type: ignore[arg-type]
    "a number as cron": (lambda: Cron(5), "is not a cron expression"),  # type: ignore[arg-type]
    "a number as column of a sum": (lambda: SumAgrees(5), "the name of a field"),  # type: ignore[arg-type]
    "no column of a sum": (lambda: SumAgrees(""), "the name of a field"),
    "a number as time of periods": (lambda: Periods(5), "the name of a field"),  # type: ignore[arg-type]
    "pages of nothing": (lambda: JsonLines("x", page_size=0), "page_size of JsonLines must be a whole number, 1 or more"),
    "a key that is no name": (lambda: JsonLines("x", key="a.b"), "cannot name a record's key"),
    "a key of another kind": (lambda: JsonLines("x", key=None), "cannot name a record's key"),  # type: ignore[arg-type]
    "an async fetch": (lambda: JsonPages(awaited), "fetch of JsonPages is async"),  # type: ignore[arg-type]
    "a fetch of one argument": (lambda: JsonPages(alone), r"cannot be called with \(ctx, cursor\)"),  # type: ignore[arg-type]
}  # fmt: skip


@pytest.mark.parametrize("fault", VALUES)
def test_a_wrong_value_is_refused_where_it_is_made(fault: str) -> None:
    make, says = VALUES[fault]

    with pytest.raises(ConfigurationError, match=says):
        make()


def test_a_value_whose_repr_raises_is_refused_all_the_same() -> None:
    class Odd:
        def __repr__(self) -> str:
            raise RuntimeError

    with pytest.raises(ConfigurationError, match="a Odd has no extract"):
        dataclasses.replace(payments, source=Odd())  # type: ignore[arg-type]


def test_a_name_is_taken_once_also_by_two_functions_of_one_module() -> None:
    parts: Any = {"source": Records([]), "schema": payments.schema, "destination": payments.destination}
    try:
        pipeline("app.twice", **parts)(lambda record, ctx: record)

        with pytest.raises(ConfigurationError, match="is declared twice"):
            pipeline("app.twice", **parts)(lambda record, ctx: None)
        with pytest.raises(ConfigurationError, match="differ in case only"):
            pipeline("app.Twice", **parts)(lambda record, ctx: None)
    finally:
        registry.unregister("app.twice")


def test_the_decorator_has_every_part_of_a_pipeline_with_its_default() -> None:
    parts = {field.name: field for field in dataclasses.fields(Pipeline) if field.init and field.name != "transform"}
    taken = inspect.signature(pipeline).parameters

    assert list(taken) == list(parts)
    of_the_value = {name: part.default for name, part in parts.items() if part.default is not dataclasses.MISSING}
    assert {name: part.default for name, part in taken.items() if part.default is not part.empty} == of_the_value


def test_a_pipeline_is_called_as_its_transform() -> None:
    ctx = Context(TenantRef(1, "acme"), payments.name, 1, datetime.now(UTC))

    assert payments(Paid(id="pay_1", amount=Decimal("1.50")), ctx).external_id == "pay_1"
    with pytest.raises(Skip):
        payments(Paid(id="pay_1", amount=Decimal("1.50"), status="pending"), ctx)


def test_a_module_that_is_imported_again_declares_its_pipelines_again() -> None:
    with registered(payments):
        registry.register(dataclasses.replace(payments))

        assert registry.get("app.payments") == payments


def test_drift_declared_twice_in_two_ways_is_refused() -> None:
    source = Rest(base_url="https://api.example.com", drift="note")

    with pytest.raises(ConfigurationError, match=r"declares drift='stop', and its source .Rest. says 'note'"):
        dataclasses.replace(payments, source=source, drift="stop")
    assert dataclasses.replace(payments, source=source, drift="note").drift == "note"
