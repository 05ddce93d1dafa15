"""What kinds may import."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

from django.apps import apps

import integrations.http
from integrations.http import Client, Limits

PAGE = Path(__file__).resolve().parents[3] / "docs" / "reference" / "http.md"


def test_the_public_names_are_what_all_says_sorted() -> None:
    assert integrations.http.__all__ == sorted(integrations.http.__all__)
    assert all(hasattr(integrations.http, name) for name in integrations.http.__all__)


def test_it_is_no_app() -> None:
    assert [one.name for one in apps.get_app_configs() if one.name.startswith("integrations.http")] == []


def test_every_limit_and_its_default_is_documented() -> None:
    said = PAGE.read_text()

    assert [one.name for one in fields(Limits) if f"`{one.name}`" not in said] == []
    defaults = Limits()
    assert f"| `deadline` | {defaults.deadline:.0f} s |" in said
    assert f"| `attempts` | {defaults.attempts} |" in said
    assert f"| `wire_bytes` | {defaults.wire_bytes >> 20} MiB |" in said
    assert f"| `body_bytes` | {defaults.body_bytes >> 20} MiB |" in said


def test_every_argument_is_documented() -> None:
    said = PAGE.read_text()
    names = {*_arguments(Client.__init__), *_arguments(Client.request)} - {"self", "method", "url"}

    assert sorted(name for name in names if not re.search(rf"`{name}`", said)) == []


def _arguments(function: object) -> list[str]:
    code = function.__code__  # type: ignore[attr-defined]
    return list(code.co_varnames[: code.co_argcount + code.co_kwonlyargcount])
