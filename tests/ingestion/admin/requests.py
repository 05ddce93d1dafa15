"""Every request that staff of one tenant could aim at another's rows, made from the admin's own registry."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import product
from typing import Any
from urllib.parse import urlencode

from django.contrib.admin import AdminSite
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import models

from ingestion.admin.ownership import tenant_path
from ingestion.models import Connection, DeadLetter, Tenant
from tests.ingestion.admin.policies import Address, Policy, addresses

HUGE = "9" * 30
"""A number that no column takes, and that SQLite's driver refuses with an error of its own."""
NO_IDS = (HUGE, "%00", "1e3")


@dataclass(frozen=True)
class Ask:
    """One request. `echo` is what it contains itself, which an answer may repeat."""

    path: str
    post: dict[str, Any] | None = None
    echo: tuple[str, ...] = ()
    missing: str = ""
    """For an object: the same path with an id that does not exist."""


@dataclass
class Aim:
    """Whose rows to go for, under which admin."""

    site: AdminSite
    root: str
    tenant: Tenant
    prefix: str
    """How all of the tenant's texts begin; the searches use it, so it proves nothing when an answer holds it."""
    each: int = 5
    rows: dict[Any, list[Any]] = field(default_factory=dict)

    def of(self, model: Any) -> list[Any]:
        if model not in self.rows:
            path = tenant_path(model)
            mine = model._base_manager.filter(**{path: self.tenant.pk}).order_by("pk") if path else []
            self.rows[model] = list(mine[: self.each])
        return self.rows[model]


def every_request(aim: Aim) -> Iterator[Ask]:
    """Each once: addresses share some, and a second answer to the same request shows nothing new."""
    sent = set()
    for ask in _requests(aim):
        if (key := (ask.path, repr(ask.post))) not in sent:
            sent.add(key)
            yield ask


def every_address(asks: Iterable[Ask]) -> list[Ask]:
    """Of what only looks, the first at each address: whoever sees a page sees the same texts however it is filtered."""
    return list({ask.path.partition("?")[0]: ask for ask in reversed(list(asks)) if ask.post is None}.values())


def _requests(aim: Aim) -> Iterator[Ask]:
    for address in addresses(aim.site):
        if address.model is not None and tenant_path(address.model) is None:
            continue  # accounts and groups belong to no tenant, and to superusers only
        match address.policy:
            case Policy.OBJECT:
                yield from _at_objects(aim, address)
            case Policy.LIST if address.name == "autocomplete":
                yield from _at_autocomplete(aim)
            case Policy.LIST:
                yield from _at_list(aim, address)
            case Policy.FORM:
                yield from _at_form(aim, address)
            case _:
                yield from _at_site(aim, address)


def _at_objects(aim: Aim, address: Address) -> Iterator[Ask]:
    missing = address.of(10**9)
    for row in aim.of(address.model):
        path = aim.root + address.of(row.pk)
        same = aim.root + missing
        yield Ask(path, missing=same)
        yield Ask(path, {}, missing=same)
        yield Ask(path, _filled(aim, address.model), missing=same)
        yield Ask(f"{path}?_popup=1&_to_field=id", missing=f"{same}?_popup=1&_to_field=id")
        yield Ask(aim.root + address.of(f"{row.pk}%20"))
    for odd in NO_IDS:
        yield Ask(aim.root + address.of(odd))


def _at_list(aim: Aim, address: Address) -> Iterator[Ask]:
    path = aim.root + address.route
    for query in _queries(aim, address.model):
        yield Ask(f"{path}?{urlencode(query)}", echo=tuple(str(value) for value in query.values()))
    page = aim.site._registry[address.model]
    for action, across in product(["delete_selected", "replay_chosen", *(page.actions or ())], ["0", "1"]):
        ids = [row.pk for row in aim.of(address.model)]
        yield Ask(path, {"action": action, "_selected_action": ids, "select_across": across, "index": "0"})
        yield Ask(path, {"action": action, "_selected_action": ids, "select_across": across, "post": "yes"})
    yield Ask(f"{path}?{urlencode({'q': ''})}", {"action": "delete_selected", "_selected_action": [HUGE], "index": "0"})
    for row in aim.of(address.model):
        yield Ask(
            path, {**_formset(row), **{f"form-0-{name}": value for name, value in _filled(aim, address.model).items()}}
        )


def _queries(aim: Aim, model: Any) -> Iterator[dict[str, Any]]:
    """Filters, searches and orders, declared or not, that name the tenant or its rows."""
    yield from (
        {},
        {"all": ""},
        {"p": 2},
        {"o": "1.-2"},
        {"e": 1},
        {"q": aim.prefix},
        {"_popup": 1},
        {"_facets": "True"},
        {"q": HUGE},
        {"p": HUGE, "o": HUGE},
        {"tenant__in": f"1,-{HUGE}"},
        {"tenant__id__exact": HUGE},
    )
    for lookup in ("exact", "in", "startswith", "icontains", "regex", "isnull"):
        yield {f"tenant__name__{lookup}": aim.prefix}
    for column in model._meta.concrete_fields:
        if column.is_relation:
            yield from _by_relation(aim, column)
        else:
            yield {f"{column.name}__startswith": aim.prefix}
    letter = aim.of(DeadLetter)[0]
    yield {"pipeline": letter.pipeline, "status": "all"}
    yield {"status": "all", "run": letter.run_id}
    yield {"status": "all", "replay_run": letter.run_id}
    yield {"status": "all", "q": letter.source_id}
    yield {"ids": letter.pk}


def _by_relation(aim: Aim, column: Any) -> Iterator[dict[str, Any]]:
    yield {column.name: HUGE}
    yield {f"{column.name}__tenant__name__startswith": aim.prefix}
    yield {f"{column.name}__isnull": "False"}
    for row in aim.of(column.related_model)[:3]:
        yield {f"{column.name}__id__exact": row.pk}
    for row in aim.of(column.related_model)[:1]:
        for path in ("", "__exact", "__pk__exact", "__in"):
            yield {f"{column.name}{path}": row.pk}


def _at_autocomplete(aim: Aim) -> Iterator[Ask]:
    for model in aim.site._registry:
        for column in model._meta.concrete_fields:
            if tenant_path(model) is None or not (column.is_relation or column.name == "id"):
                continue
            for term in ("", aim.prefix):
                asked = {"app_label": model._meta.app_label, "model_name": model._meta.model_name, "term": term}
                yield Ask(f"{aim.root}autocomplete/?{urlencode({**asked, 'field_name': column.name})}")


def _at_form(aim: Aim, address: Address) -> Iterator[Ask]:
    path = aim.root + address.route
    relations = [column for column in address.model._meta.concrete_fields if column.is_relation]
    for number in range(aim.each):
        values = _filled(aim, address.model, number)
        yield Ask(path, values)
        yield Ask(f"{path}?{urlencode({name: value for name, value in values.items() if isinstance(value, int)})}")
    for column in relations:
        for row in aim.of(column.related_model):
            yield Ask(f"{path}?{urlencode({column.name: row.pk})}")
    for connection in aim.of(Connection):
        yield Ask(f"{path}?connection={connection.pk}")
        yield Ask(
            path, {"connection": connection.pk, "file": SimpleUploadedFile("planted.csv", b"id\n1\n"), "again": "on"}
        )
    for letter in aim.of(DeadLetter):
        for query in (f"ids={letter.pk}", f"status=all&run={letter.run_id}", f"tenant__id__exact={aim.tenant.pk}"):
            yield Ask(f"{path}?{query}")
            yield Ask(f"{path}?{query}", {"limit": 100, "upto": 10**9, "reason": "theirs"})


def _at_site(aim: Aim, address: Address) -> Iterator[Ask]:
    from django.contrib.contenttypes.models import ContentType

    if address.name in ("logout", "jsi18n", "login"):
        return
    if address.name == "view_on_site":
        for model in aim.site._registry:
            for row in aim.of(model):
                yield Ask(f"{aim.root}r/{ContentType.objects.get_for_model(model).pk}/{row.pk}/")
    elif "<" not in address.route and "(" not in address.route:
        yield Ask(aim.root + address.route)
    elif address.name == "app_list":
        for label in {model._meta.app_label for model in aim.site._registry}:
            yield Ask(f"{aim.root}{label}/")


def _filled(aim: Aim, model: Any, number: int = 0) -> dict[str, Any]:
    """A form full of the other tenant's ids, and of what the confirmation pages ask for."""
    values: dict[str, Any] = {
        "reason": "planted", "note": "planted", "to": "2026-01-01T00:00", "limit": 100, "upto": 10**9, "post": "yes",
        "_save": "Save", "_saveasnew": "1",
    }  # fmt: skip
    for column in model._meta.concrete_fields:
        if column.is_relation and (rows := aim.of(column.related_model)):
            values[column.name] = rows[number % len(rows)].pk
        elif isinstance(column, models.JSONField):
            values[column.name] = "{}"
        elif isinstance(column, models.DateTimeField):
            values[f"{column.name}_0"], values[f"{column.name}_1"] = "2026-01-01", "00:00:00"
        elif not column.primary_key and not column.is_relation:
            values[column.name] = column.choices[0][0] if column.choices else f"planted{number}"
    values["pipeline"] = "app.payments"
    return values


def _formset(row: Any) -> dict[str, Any]:
    """What a list with editable columns posts."""
    return {"form-TOTAL_FORMS": 1, "form-INITIAL_FORMS": 1, "form-0-id": row.pk, "_save": "Save"}
