"""Text from outside is shown as text, wherever it ends up."""

from html.parser import HTMLParser
from typing import Any

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import reverse

from ingestion.admin.payloads import HEX_LIMIT, TEXT_LIMIT, preview, visible
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

    def handle_data(self, data: str) -> None:
        if self.lasttag in ("script", "style") and MARK in data:
            self.executed.append(f"{self.lasttag}: {data[:60]}")


def shared_pages() -> list[str]:
    """Every page that shows rows of all tenants, and the forms that choose among them."""
    found = [reverse("admin:index"), UPLOAD, reverse("admin:ingestion_deadletter_causes")]
    found.append(f"{reverse('admin:ingestion_deadletter_replay_matching')}?status=all")
    for model in tables():
        base = f"{model._meta.app_label}_{model._meta.model_name}"
        found.append(reverse(f"admin:{base}_changelist") + ("?status=all" if base.endswith("deadletter") else ""))
    return found


def pages_of(tenant: Tenant) -> list[str]:
    """Every page and confirmation of one object of each table."""
    found = [f"{UPLOAD}?connection={Connection.unscoped.filter(tenant=tenant).first().pk}"]
    for model, page in tables().items():
        base = f"{model._meta.app_label}_{model._meta.model_name}"
        rows = [tenant] if model is Tenant else model._base_manager.filter(tenant=tenant)[:1]
        for verb in ("change", "history", *(verb.name for verb in getattr(page, "verbs", ()))):
            found += [reverse(f"admin:{base}_{verb}", args=[row.pk]) for row in rows]
    return found


def tables() -> dict[Any, Any]:
    return {
        model: page for model, page in admin.site._registry.items() if model is Tenant or issubclass(model, TenantOwned)
    }


def plant(tenant: Tenant, payload: str) -> None:
    """`payload` in every text of every table of `tenant`."""
    Tenant.objects.filter(pk=tenant.pk).update(name=payload)
    for model in owned_models():
        mine = model._base_manager.filter(tenant=tenant)
        for row in mine.order_by("pk")[:1]:
            mine.filter(pk=row.pk).update(**_texts(model, payload))


def _texts(model: Any, payload: str) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for field in model._meta.concrete_fields:
        kind = field.get_internal_type()
        if field.is_relation or field.primary_key or field.choices:
            continue
        if kind in ("CharField", "TextField") and (field.max_length or 10**6) >= len(payload):
            values[field.name] = payload
        elif kind == "JSONField" and field.name == "errors":
            values[field.name] = [{"path": payload, "code": payload, "message": payload}]
        elif kind == "JSONField":
            values[field.name] = {"config": {payload: payload}}
        elif kind == "BinaryField" and field.name == "payload":
            values[field.name] = payload.encode()
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
    """Each payload is a tenant's: lists show them all at once, and each stands on every page of its own objects."""
    tenants = [furnish(f"acme{number}", "Acme", copies=1) for number in range(len(WITHOUT_NUL))]
    for tenant, payload in zip(tenants, WITHOUT_NUL, strict=True):
        plant(tenant, payload)
    client.force_login(staff("olga", *tenants))
    seen, together, executed = 0, 0, []

    for address in shared_pages():
        body = client.get(address).content.decode()
        together += body.count(MARK) >= len(WITHOUT_NUL)
        executed += executed_on(address, body)
    for address in [address for tenant in tenants for address in pages_of(tenant)]:
        body = client.get(address).content.decode()
        if MARK in body:
            seen += 1
            executed += executed_on(address, body)

    print(f"{together} pages show all payloads, {seen} show one")
    assert len(PAYLOADS) >= 30
    assert executed == []
    assert seen > 20 * len(WITHOUT_NUL), "the payloads must be on the pages, else their absence proves nothing"
    assert together > 15


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
