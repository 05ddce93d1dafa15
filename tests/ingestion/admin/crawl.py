"""Sends requests as somebody and notes what another tenant would be sorry to see."""

import hashlib
import html
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote_plus, unquote_plus

from django.apps import apps
from django.db import models
from django.test import Client

from ingestion import artifacts
from ingestion.admin.ownership import tenant_path
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
            key = (ask.missing, repr(sorted(ask.post or {"": ask.post is None})))
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
    except Exception as error:  # an answer of 500 in production
        return 500, repr(error)
    body = b"".join(answer.streaming_content) if answer.streaming else answer.content
    cookies = client.cookies["messages"].value if "messages" in client.cookies else ""
    return answer.status_code, f"{body.decode('utf-8', 'replace')}\n{dict(answer.headers)}\n{cookies}"


def _neutral(answer: tuple[int, str], path: str) -> tuple[int, str]:
    """The answer without what differs between any two ids and any two requests."""
    pk = re.search(r"/(\d+)/", path)
    text = re.sub(r'csrfmiddlewaretoken" value="[^"]*"|csrftoken=[^;]*', "", answer[1])
    text = re.sub(r":1w[\w-]+:[\w-]+", "", text)  # the signature of the message cookie
    return answer[0], text.replace(pk.group(1) if pk else "\0", "ID")


def _without(text: str, echo: tuple[str, ...]) -> str:
    for said in echo:
        for form in (said, html.escape(said), quote_plus(said), unquote_plus(said)):
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
