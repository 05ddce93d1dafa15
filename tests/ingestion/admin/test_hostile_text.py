"""Text from outside is shown as text, wherever it ends up."""

from collections.abc import Sequence
from html.parser import HTMLParser
from itertools import chain
from typing import Any

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import reverse
from django.utils.html import escape

from ingestion.admin.kit.payloads import HEX_LIMIT, TEXT_LIMIT, preview, visible
from ingestion.models import Connection, Tenant, TenantOwned
from tests.ingestion.admin.furnish import furnish, owned_models
from tests.ingestion.admin.staff import staff

MARK = "zqx"
UPLOAD = reverse("admin:ingestion_connection_upload")
PAYLOADS = [
    f"<script>{MARK}()</script>",
    f"</script><script>{MARK}()</script>",
    f"<img src=x onerror={MARK}()>",
    f"<svg onload={MARK}()>",
    f"<svg/onload={MARK}()>",
    f"<body onload={MARK}()>",
    f"<iframe src=javascript:{MARK}()>",
    f"<a href=javascript:{MARK}()>x</a>",
    f"<details open ontoggle={MARK}()>",
    f"<input autofocus onfocus={MARK}()>",
    f"<video><source onerror={MARK}()></video>",
    f"<math><mtext></form><form><mglyph><style></math><img src=x onerror={MARK}()>",
    f"<style>@import '{MARK}';</style>",
    f"<link rel=stylesheet href={MARK}.css>",
    f"<meta http-equiv=refresh content='0;url=//{MARK}'>",
    f"<base href=//{MARK}/>",
    f"<form action=//{MARK}><button>x</button></form>",
    f"<object data={MARK}.swf></object>",
    f"<template><script>{MARK}()</script></template>",
    f"<!--><script>{MARK}()</script>-->",
    f"<![CDATA[<script>{MARK}()</script>]]>",
    f'" onmouseover="{MARK}()',
    f"' onmouseover='{MARK}()",
    f'"><script>{MARK}()</script>',
    f"'><img src=x onerror={MARK}()>",
    f"</textarea><script>{MARK}()</script>",
    f"</title><script>{MARK}()</script>",
    f"</pre></dd><script>{MARK}()</script>",
    f"{{{{ {MARK} }}}}{{% load {MARK} %}}<b>",
    f"javascript:{MARK}()//<b>",
    f"&lt;script&gt;{MARK}()&lt;/script&gt;",
    f"<scr\0ipt>{MARK}()</scr\0ipt>",
    f"\u202e<b>{MARK}</b>\u2066",
]
WITHOUT_NUL = list(dict.fromkeys(payload.replace("\0", "") for payload in PAYLOADS))  # what databases take
TOGETHER = 100
"""So long at most are payloads that stand in one text together; most columns are as wide."""


class Markup(HTMLParser):
    """Collects what the mark has become: a tag, an attribute's name, or an address or handler that runs it."""

    def __init__(self) -> None:
        super().__init__()
        self.executed: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            runs = name.startswith("on") or (value or "").strip().lower().startswith("javascript:")
            if MARK in name or (runs and MARK in (value or "")):
                self.executed.append(f"<{tag} {name}={value!r}>")
            if name in ("title", "alt", "placeholder") or name.startswith("aria-"):
                self._look_for_the_unseen(f"<{tag} {name}", value or "")

    def handle_data(self, data: str) -> None:
        if self.lasttag in ("script", "style") and MARK in data:
            self.executed.append(f"{self.lasttag}: {data[:60]}")
        if self.lasttag != "textarea":  # what is edited must stay what it is
            self._look_for_the_unseen(self.lasttag, data)

    def _look_for_the_unseen(self, place: str, text: str) -> None:
        """Signs that show nothing, or turn the direction of what follows, belong to no page of ours."""
        if visible(text) != text.replace("\r\n", "\n"):
            self.executed.append(f"{place} has signs that nobody sees: {visible(text)[:60]}")


def shared_pages() -> list[str]:
    """Every page that shows rows of all tenants, and the forms that choose among them."""
    found = [reverse("admin:index"), UPLOAD, reverse("admin:ingestion_deadletter_causes")]
    found.append(f"{reverse('admin:ingestion_deadletter_replay_matching')}?status=all")
    for model in tables():
        base = f"{model._meta.app_label}_{model._meta.model_name}"
        found.append(reverse(f"admin:{base}_changelist") + ("?status=all" if base.endswith("deadletter") else ""))
    return found


TURNS = 3


def pages_of(tenant: Tenant, group: Sequence[str], turn: int) -> list[str]:
    """The page of each object that shows texts of its own, and of each table's first a third of its other pages.

    Those, its history and confirmations, show no text that the object's page does not show; the next tenant's are the next.
    """
    found = [f"{UPLOAD}?connection={Connection.unscoped.filter(tenant=tenant).first().pk}"]
    for model, page in tables().items():
        base = f"{model._meta.app_label}_{model._meta.model_name}"
        rows = [tenant] if model is Tenant else list(model._base_manager.filter(tenant=tenant).order_by("pk"))
        found += [
            reverse(f"admin:{base}_change", args=[row.pk]) for row in (rows if is_narrow(model, group) else rows[:1])
        ]
        others = ["history", *(verb.name for verb in getattr(page, "verbs", ()))]
        for verb in others[turn % TURNS :: TURNS]:
            found += [reverse(f"admin:{base}_{verb}", args=[row.pk]) for row in rows[:1]]
    return found


def is_narrow(model: Any, group: Sequence[str]) -> bool:
    """Whether some text of `model` holds one payload a row; else the first row's page shows what all others show."""
    together = "".join(group)
    return any(text in group and text != together for text in _texts(model, together, group[0]).values())


def tables() -> dict[Any, Any]:
    return {
        model: page for model, page in admin.site._registry.items() if model is Tenant or issubclass(model, TenantOwned)
    }


def groups() -> list[list[str]]:
    """Payloads that stand in a text together. An address must begin with its scheme: it stands alone."""
    found: list[list[str]] = [[]]
    for payload in sorted(WITHOUT_NUL, key=len):
        if payload.startswith("javascript:"):
            found.insert(0, [payload])
        elif len("".join([*found[-1], payload])) <= TOGETHER:
            found[-1].append(payload)
        else:
            found.append([payload])
    return found


def plant(tenant: Tenant, payloads: Sequence[str]) -> None:
    """All `payloads` in every text of every table of `tenant`; where they do not fit, each object has another one."""
    Tenant.objects.filter(pk=tenant.pk).update(name="".join(payloads))
    for model in owned_models():
        mine = model._base_manager.filter(tenant=tenant)
        for number, row in enumerate(mine.order_by("pk")):
            turned = [*payloads[number:], *payloads[:number]]  # no two objects are alike
            mine.filter(pk=row.pk).update(**_texts(model, "".join(turned), payloads[number]))


def _texts(model: Any, together: str, payload: str) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for field in model._meta.concrete_fields:
        kind = field.get_internal_type()
        if field.is_relation or field.primary_key or field.choices:
            continue
        if kind in ("CharField", "TextField"):
            text = together if (field.max_length or 10**6) >= len(together) else payload
            if (field.max_length or 10**6) >= len(text):
                values[field.name] = text
        elif kind == "JSONField" and field.name == "errors":
            values[field.name] = [{"path": together, "code": together, "message": together}]
        elif kind == "JSONField":
            values[field.name] = {"config": {together: together}}
        elif kind == "BinaryField" and field.name == "payload":
            values[field.name] = together.encode()
    return values


def executed_on(address: str, body: str) -> list[str]:
    markup = Markup()
    markup.feed(body)
    markup.close()
    return [f"{address}: {what}" for what in markup.executed] + [
        f"{address}: {payload} stands there as it is" for payload in WITHOUT_NUL if "<" in payload and payload in body
    ]


@pytest.mark.slow
@pytest.mark.django_db
@pytest.mark.usefixtures("crawling")
def test_thirty_payloads_in_every_text_become_no_markup_on_any_page(client: Client) -> None:
    """Each tenant has a few: lists show them all at once, and each stands on every page of its tenant's objects."""
    planted = groups()
    tenants = [furnish(f"acme{number}", "Acme", copies=len(group)) for number, group in enumerate(planted)]
    for tenant, group in zip(tenants, planted, strict=True):
        plant(tenant, group)
    client.force_login(staff("olga", *tenants))
    seen, together, executed = 0, 0, []

    for address in shared_pages():
        body = client.get(address).content.decode()
        together += body.count(MARK) >= len(WITHOUT_NUL)
        executed += executed_on(address, body)
    for turn, (tenant, group) in enumerate(zip(tenants, planted, strict=True)):
        for address in pages_of(tenant, group, turn):
            body = client.get(address).content.decode()
            if MARK in body:
                seen += len(group) if all(said(payload) in body for payload in group) else 1
                executed += executed_on(address, body)

    print(f"{together} pages show all payloads, payloads were seen on {seen} pages")
    assert len(PAYLOADS) >= 30
    assert sorted(chain.from_iterable(planted)) == sorted(WITHOUT_NUL)
    assert executed == []
    assert seen > 20 * len(WITHOUT_NUL), "the payloads must be on the pages, else their absence proves nothing"
    assert together > 15


def said(payload: str) -> str:
    """As a page shows it: its signs escaped, and what cannot be seen made visible."""
    return escape(visible(payload))


def test_the_parser_would_notice_a_payload_that_got_through() -> None:
    noticed = 0
    for payload in PAYLOADS:
        markup = Markup()
        markup.feed(f"<p title='x'>{payload}</p>")
        noticed += bool(markup.executed)

    assert noticed >= 15


@pytest.mark.parametrize(
    ("data", "kind", "shown"),
    [
        (b'{"b": 1.10, "a": [1]}', "JSON", '{\n  "b": 1.10,\n  "a": [\n    1\n  ]\n}'),
        (b'{"b": 1.10, "a": ', "text", '{"b": 1.10, "a": '),
        ("käse\tbrot\n".encode(), "text", "käse\tbrot\n"),
        (b"a\x1b[31mb", "text", "a\\u001b[31mb"),
        ("pay \u202egpj.exe".encode(), "text", "pay \\u202egpj.exe"),
        (b"\xff\xfe\x00A", "hexadecimal", "000000  ff fe 00 41"),
        (b"PK\x03\x04\x00\x00", "hexadecimal", "000000  50 4b 03 04 00 00"),
        (b"", "text", ""),
    ],
)
def test_foreign_bytes_are_shown_as_json_text_or_hexadecimal(data: bytes, kind: str, shown: str) -> None:
    found = preview(data)

    assert found.kind == kind
    assert found.text.startswith(shown)


def test_long_payloads_are_cut_and_say_so() -> None:
    text = preview("ä".encode() * TEXT_LIMIT)
    binary = preview(bytes(10**6))

    assert (text.is_cut, text.shown, len(text.text)) == (True, TEXT_LIMIT, TEXT_LIMIT // 2)
    assert (binary.is_cut, binary.shown) == (True, HEX_LIMIT)


def test_a_sign_cut_in_half_at_the_limit_does_not_make_text_binary() -> None:
    assert preview(b"a" + "ä".encode() * TEXT_LIMIT).kind == "text"


def test_invisible_signs_become_visible() -> None:
    assert visible("a\u200bb\u2028c\x00") == "a\\u200bb\\u2028c\\u0000"
