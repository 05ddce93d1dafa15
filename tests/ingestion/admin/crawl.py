"""Sends requests as somebody and notes what another tenant would be sorry to see."""

import hashlib
import html
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, quote_plus

from django.apps import apps
from django.contrib.messages.storage.cookie import CookieStorage
from django.db import models
from django.test import Client, RequestFactory

from ingestion import artifacts
from ingestion.admin.kit.ownership import tenant_path
from ingestion.models import Tenant
from tests.ingestion.admin.requests import Ask


@dataclass
class Report:
    """What a crawl found. `leaks` and `differing` name the requests."""

    asked: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    leaks: list[str] = field(default_factory=list)
    differing: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)


def crawl(client: Client, asks: Iterable[Ask], canary: str, report: Report) -> Report:
    known: dict[tuple[str, str], Any] = {}
    for ask in asks:
        status, text = _send(client, ask.path, ask.post)
        report.asked += 1
        report.statuses[status] += 1
        what = f"{'GET' if ask.post is None else 'POST'} {ask.path}"
        if canary.lower() in _without(text, ask.echo).lower():
            report.leaks.append(what)
        if status >= 500:
            report.failed.append(what)
        if ask.missing:
            key = (ask.missing, repr(ask.post))
            if key not in known:
                known[key] = _neutral(_send(client, ask.missing, ask.post), ask.missing)
            if known[key] != _neutral((status, text), ask.path):
                report.differing.append(what)
    return report


def _send(client: Client, path: str, post: dict[str, Any] | None) -> tuple[int, str]:
    """Status, and everything that comes back: body, headers, cookies."""
    client.cookies.pop("messages", None)
    if post is not None and "file" in post:
        post["file"].seek(0)
    try:
        answer = client.get(path) if post is None else client.post(path, post)
    except Exception as error:
        return 500, repr(error)
    body = b"".join(answer.streaming_content) if answer.streaming else answer.content
    headers = {name: value for name, value in answer.headers.items() if name != "Expires"}
    return answer.status_code, f"{body.decode('utf-8', 'replace')}\n{headers}\n{_messages(client)}"


def _messages(client: Client) -> list[str]:
    """What the next page would say; the cookie is compressed."""
    cookie = client.cookies.get("messages")
    storage = CookieStorage(RequestFactory().get("/"))
    return [str(message) for message in storage._decode(cookie.value) or ()] if cookie else []


def _neutral(answer: tuple[int, str], path: str) -> tuple[int, str]:
    """The answer without what differs between any two ids and any two requests."""
    pk = re.search(r"/(\d+)/", path)
    text = re.sub(r'csrfmiddlewaretoken" value="[^"]*"|csrftoken=[^;]*', "", answer[1])
    number = pk.group(1) if pk else "-"
    return answer[0], text.replace(f"/{number}/", "/ID/").replace(f"“{number}”", "“ID”")


def _without(text: str, echo: tuple[str, ...]) -> str:
    for said in echo:
        once = quote_plus(said)
        for form in (said, html.escape(said), once, quote_plus(once), quote(once)):
            text = text.replace(form, "") if form else text
    return text


def checksum(tenant: Tenant) -> str:
    """Of every row that belongs to `tenant`, of every row that points at one of them, and of its stored files."""
    digest = hashlib.sha256()
    for model in apps.get_models():
        path = tenant_path(model)
        if path is None:
            continue
        rows = list(model._base_manager.filter(**{path: tenant.pk}).order_by("pk").values_list())
        digest.update(repr((model._meta.label, rows, _pointing_in(model, path, tenant))).encode())
    store = artifacts.storage()
    digest.update(repr(sorted(artifacts._files(store, f"{artifacts.ROOT}/{tenant.key}"))).encode())
    return digest.hexdigest()


def _pointing_in(model: Any, path: str, tenant: Tenant) -> int:
    """Rows of other tenants that point at rows of `tenant`."""
    others = model._base_manager.exclude(**{path: tenant.pk})
    return sum(
        others.filter(**{f"{column.name}__tenant": tenant.pk}).count()
        for column in model._meta.concrete_fields
        if isinstance(column, models.ForeignKey) and tenant_path(column.related_model) == "tenant"
    )
