"""Rules of the house that no linter knows."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.apps import apps
from django.db import models

import ingestion
from ingestion.models import TenantOwned

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted(
    path
    for folder in ("config", "ingestion", "integrations")
    for path in (ROOT / folder).rglob("*.py")
    if "migrations" not in path.parts
)
HTTP_CLIENTS = ("aiohttp", "http.client", "httpcore", "httpx", "requests", "urllib.request", "urllib3")
TESTS = sorted((ROOT / "tests").rglob("*.py"))


def test_no_file_is_longer_than_one_sitting() -> None:
    lengths = {path: len(path.read_text().splitlines()) for path in [*SOURCES, *TESTS]}

    too_long = {str(path.relative_to(ROOT)): lines for path, lines in lengths.items() if lines > 300}
    middle = sorted(lengths[path] for path in SOURCES)[len(SOURCES) // 2]

    assert too_long == {}
    assert middle <= 90


def test_tests_use_seams_and_patch_nothing() -> None:
    patching = re.compile(r"mock\.patch|mocker\.|@patch\(|monkeypatch\.setattr")

    guilty = [path.name for path in TESTS if path != Path(__file__) and patching.search(path.read_text())]

    assert guilty == []


@pytest.mark.slow
def test_only_one_package_calls_outside_systems() -> None:
    """ruff says it in the editor; this holds where ruff is not installed, and for imports that it does not see."""
    guilty = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in [*SOURCES, *(ROOT / "examples").rglob("*.py")]
        if "integrations/http/" not in path.as_posix()
        for name in _imported(path)
        if any(name == one or name.startswith(f"{one}.") for one in HTTP_CLIENTS)
    ]

    assert guilty == []


def test_ruff_forbids_the_same_clients() -> None:
    ruff = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["ruff"]["lint"]

    assert "TID251" in ruff["select"]
    assert sorted(ruff["flake8-tidy-imports"]["banned-api"]) == sorted(HTTP_CLIENTS)
    assert [where for where, rules in ruff["per-file-ignores"].items() if "TID251" in rules] == [
        "benchmarks/**",
        "integrations/http/**",
        "tests/**",
    ]


def _imported(path: Path) -> Iterator[str]:
    """Every module that a file imports anywhere, also by its name in a string."""
    for node in ast.walk(ast.parse(path.read_text())):
        match node:
            case ast.Import(names=names):
                yield from (one.name for one in names)
            case ast.ImportFrom(module=str(module), names=names):
                yield from (f"{module}.{one.name}" for one in names)
            case ast.Call(func=ast.Attribute(attr="import_module"), args=[ast.Constant(value=str(name)), *_]):
                yield name


@pytest.mark.slow
def test_no_source_is_a_stub() -> None:
    stub = re.compile(r"raise NotImplementedError|\bTODO\b|\bFIXME\b")

    assert [str(path.relative_to(ROOT)) for path in SOURCES if stub.search(path.read_text())] == []


def test_the_public_api_is_what_all_says_sorted() -> None:
    assert ingestion.__all__ == sorted(ingestion.__all__)
    assert all(hasattr(ingestion, name) for name in ingestion.__all__)


@pytest.mark.slow
def test_every_module_says_what_it_is_for() -> None:
    silent = [
        str(path.relative_to(ROOT))
        for path in SOURCES
        if path.read_text().strip()
        and path.name != "__init__.py"
        and not ast.get_docstring(ast.parse(path.read_text()))
    ]

    assert silent == []


def test_the_unscoped_manager_is_not_used_by_kinds() -> None:
    """But for migrations, which change the rows of all tenants alike."""
    code = [path for path in (ROOT / "integrations").rglob("*.py") if path.parent.name != "migrations"]
    guilty = [path.name for path in code if ".unscoped" in path.read_text()]

    assert guilty == []


@pytest.mark.parametrize("model", apps.get_models(), ids=lambda model: model._meta.label)
def test_every_model_with_a_tenant_refuses_unscoped_queries(model: type[models.Model]) -> None:
    fields = {field.name for field in model._meta.get_fields()}
    if "tenant" not in fields or model._meta.label == "ingestion.TenantGrant":
        pytest.skip("not owned by a tenant")

    assert issubclass(model, TenantOwned)
    for ask in (
        lambda objects: list(objects.all()),
        lambda objects: objects.count(),
        lambda objects: objects.filter(pk=1).exists(),
        lambda objects: objects.get(pk=1),
        lambda objects: objects.values_list("pk").first(),
        lambda objects: objects.filter(pk=1).update(tenant=1),
        lambda objects: objects.filter(pk=1).delete(),
        lambda objects: objects.aggregate(models.Count("pk")),
        lambda objects: objects.in_bulk([1]),
        lambda objects: list(objects.iterator()),
        lambda objects: objects.latest("pk"),
    ):
        with pytest.raises(ingestion.TenantScopeError, match="for_tenant"):
            ask(model.objects)  # type: ignore[attr-defined]
