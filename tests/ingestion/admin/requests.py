"""Every request that staff of one tenant could aim at another's rows, made from the admin's own registry."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import product
from typing import Any
from urllib.parse import urlencode

from django.contrib.admin import AdminSite
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import models

from ingestion.admin.kit.ownership import tenant_path
from ingestion.models import Connection, DeadLetter, Tenant
from tests.ingestion.admin.policies import Address, Policy, addresses

HUGE = "9" * 30
"""A number that no column takes, and that SQLite's driver refuses with an error of its own."""


@dataclass(frozen=True)
class Ask:
    """One request. `echo` is what it contains itself, which an answer may repeat."""

    path: str
    post: dict[str, Any] | None = None
    echo: tuple[str, ...] = ()
    missing: str = ""
    """For an object: the same path with an id that does not exist."""
    route: str = ""
    """The URL pattern that it is for."""

    @property
    def surface(self) -> tuple[str, str]:
        """The URL pattern, and whether it looks, acts, or starts which action of a list: what each role must have tried."""
        return self.route, "look" if self.post is None else str(self.post.get("action", "act"))


@dataclass
class Aim:
    """Whose rows to go for, under which admin. Rows of one table are in different states."""

    site: AdminSite
    root: str
    tenant: Tenant
    prefix: str
    """How all of the tenant's texts begin; the searches use it, so it proves nothing when an answer holds it."""
    rows: dict[Any, list[Any]] = field(default_factory=dict)

    def of(self, model: Any) -> list[Any]:
        if model not in self.rows:
            path = tenant_path(model)
            self.rows[model] = list(model._base_manager.filter(**{path: self.tenant.pk}).order_by("pk") if path else [])
        return self.rows[model]

    def first(self, model: Any) -> list[Any]:
        """One row, where each of them is asked for in the same way and shows the same; none of what no tenant owns."""
        return self.of(model)[:1]


def every_request(aim: Aim) -> Iterator[Ask]:
    """Each once: addresses share some, and a second answer to the same request shows nothing new."""
    sent = set()
    for ask in _requests(aim):
        if (key := (ask.path, repr(ask.post))) not in sent:
            sent.add(key)
            yield ask


def each_surface(asks: Iterable[Ask]) -> list[Ask]:
    """The first for each surface: whoever sees a page sees the same texts however it is filtered."""
    return list({ask.surface: ask for ask in reversed(list(asks))}.values())


def _requests(aim: Aim) -> Iterator[Ask]:
    for address in addresses(aim.site):
        if address.model is not None and tenant_path(address.model) is None:
            continue  # accounts and groups belong to no tenant, and to superusers only
        for ask in _requests_at(aim, address):
            yield replace(ask, route=address.route)


def _requests_at(aim: Aim, address: Address) -> Iterator[Ask]:
    match address.policy:
        case Policy.OBJECT:
            return _at_objects(aim, address)
        case Policy.LIST if address.name == "autocomplete":
            return _at_autocomplete(aim)
        case Policy.LIST:
            return _at_list(aim, address)
        case Policy.FORM:
            return _at_form(aim, address)
        case _:
            return _at_site(aim, address)


def _at_objects(aim: Aim, address: Address) -> Iterator[Ask]:
    """What a verb does depends on the row's state, so that each row is posted to; the rest is the same for all."""
    same = aim.root + address.of(10**9)
    for row in aim.of(address.model):
        yield Ask(aim.root + address.of(row.pk), _filled(aim, address.model), missing=same)
    for row in aim.first(address.model):
        path = aim.root + address.of(row.pk)
        yield Ask(path, missing=same)
        yield Ask(path, {}, missing=same)
        yield Ask(f"{path}?_popup=1&_to_field=id", missing=f"{same}?_popup=1&_to_field=id")
        yield Ask(aim.root + address.of(f"{row.pk}%20"))
    for odd in (HUGE, "%00", "1e3"):
        yield Ask(aim.root + address.of(odd))


def _at_list(aim: Aim, address: Address) -> Iterator[Ask]:
    path = aim.root + address.route
    page = aim.site._registry[address.model]
    for query in _queries(aim, page):
        yield Ask(f"{path}?{urlencode(query)}", echo=tuple(str(value) for value in query.values()))
    for action, across in product(["delete_selected", "replay_chosen", *(page.actions or ())], ["0", "1"]):
        ids = [row.pk for row in aim.of(address.model)]
        yield Ask(path, {"action": action, "_selected_action": ids, "select_across": across, "index": "0"})
        yield Ask(path, {"action": action, "_selected_action": ids, "select_across": across, "post": "yes"})
    yield Ask(f"{path}?{urlencode({'q': ''})}", {"action": "delete_selected", "_selected_action": [HUGE], "index": "0"})
    for row in aim.first(address.model):
        yield Ask(
            path, {**_formset(row), **{f"form-0-{name}": value for name, value in _filled(aim, address.model).items()}}
        )


def _queries(aim: Aim, page: Any) -> Iterator[dict[str, Any]]:
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
    for column in page.model._meta.concrete_fields:
        if column.is_relation:
            yield from _by_relation(aim, column, declared=column.name in _filtered_by(page))
        else:
            yield {f"{column.name}__startswith": aim.prefix}
    dead_letter = aim.of(DeadLetter)[0]
    yield {"pipeline": dead_letter.pipeline, "status": "all"}
    yield {"ids": dead_letter.pk}
    if page.model is DeadLetter:
        yield {"status": "all", "run": dead_letter.run_id}
        yield {"status": "all", "replay_run": dead_letter.run_id}
        yield {"status": "all", "q": dead_letter.source_id}


def _filtered_by(page: Any) -> set[str]:
    return {str(item[0] if isinstance(item, tuple | list) else item) for item in page.list_filter}


def _by_relation(aim: Aim, column: Any, declared: bool) -> Iterator[dict[str, Any]]:
    """In each spelling where there is a filter; where there is none, by the id and by what the other row says."""
    yield {f"{column.name}__tenant__name__startswith": aim.prefix}
    for row in aim.first(column.related_model):
        yield {f"{column.name}__id__exact": row.pk}
        if declared:
            yield {f"{column.name}__isnull": "False"}
            for path in ("", "__exact", "__pk__exact", "__in"):
                yield {f"{column.name}{path}": row.pk}
    if declared:
        yield {column.name: HUGE}


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
    values = _filled(aim, address.model)
    yield Ask(path, values)
    yield Ask(f"{path}?{urlencode({name: value for name, value in values.items() if isinstance(value, int)})}")
    for column in relations:
        for row in aim.first(column.related_model):
            yield Ask(f"{path}?{urlencode({column.name: row.pk})}")
    for connection in aim.first(Connection):
        yield Ask(f"{path}?connection={connection.pk}")
        yield Ask(
            path, {"connection": connection.pk, "file": SimpleUploadedFile("planted.csv", b"id\n1\n"), "again": "on"}
        )
    for dead_letter in aim.of(DeadLetter) if address.model is DeadLetter else aim.first(DeadLetter):
        for query in (
            f"ids={dead_letter.pk}",
            f"status=all&run={dead_letter.run_id}",
            f"tenant__id__exact={aim.tenant.pk}",
        ):
            yield Ask(f"{path}?{query}")
            yield Ask(f"{path}?{query}", {"limit": 100, "upto": 10**9, "reason": "theirs"})


def _at_site(aim: Aim, address: Address) -> Iterator[Ask]:
    from django.contrib.contenttypes.models import ContentType

    if address.name in ("logout", "jsi18n", "login"):
        return
    if address.name == "view_on_site":
        for model in aim.site._registry:
            for row in aim.first(model):
                yield Ask(f"{aim.root}r/{ContentType.objects.get_for_model(model).pk}/{row.pk}/")
    elif "<" not in address.route and "(" not in address.route:
        yield Ask(aim.root + address.route)
    elif address.name == "app_list":
        for label in {model._meta.app_label for model in aim.site._registry}:
            yield Ask(f"{aim.root}{label}/")


def _filled(aim: Aim, model: Any) -> dict[str, Any]:
    """A form full of the other tenant's ids, and of what the confirmation pages ask for."""
    values: dict[str, Any] = {
        "reason": "planted", "note": "planted", "to": "2026-01-01T00:00", "limit": 100, "upto": 10**9, "post": "yes",
        "_save": "Save", "_saveasnew": "1",
    }  # fmt: skip
    for column in model._meta.concrete_fields:
        if column.is_relation and (rows := aim.first(column.related_model)):
            values[column.name] = rows[0].pk
        elif isinstance(column, models.JSONField):
            values[column.name] = "{}"
        elif isinstance(column, models.DateTimeField):
            values[f"{column.name}_0"], values[f"{column.name}_1"] = "2026-01-01", "00:00:00"
        elif not column.primary_key and not column.is_relation:
            values[column.name] = column.choices[0][0] if column.choices else "planted"
    values["pipeline"] = "app.payments"
    return values


def _formset(row: Any) -> dict[str, Any]:
    """What a list with editable columns posts."""
    return {"form-TOTAL_FORMS": 1, "form-INITIAL_FORMS": 1, "form-0-id": row.pk, "_save": "Save"}
