"""Fills every tenant-owned table of a tenant, whatever its columns, so that a new kind's tables are covered at once."""

import datetime
from decimal import Decimal
from typing import Any

from django.apps import apps
from django.db import models
from django.utils import timezone

from ingestion import artifacts
from ingestion.models import Artifact, DataKey, RunArtifact, Tenant, TenantOwned


def owned_models() -> list[type[models.Model]]:
    return [model for model in apps.get_models() if issubclass(model, TenantOwned)]


def furnish(key: str, mark: str, copies: int = 3) -> Tenant:
    """A tenant with `copies` rows in each of its tables and `mark` in each of their texts."""
    tenant = Tenant.objects.create(key=key, name=f"{mark} Ltd")
    rows: dict[type[models.Model], list[Any]] = {}
    for model in owned_models():
        _fill(model, tenant, mark, copies, rows)
    for number, artifact in enumerate(rows[Artifact]):
        kept = artifacts.store(tenant.ref, Artifact.Kind(artifact.kind), f"{mark} file {number}".encode())
        Artifact.unscoped.filter(pk=artifact.pk).update(path=kept.path, sha256=kept.sha256, codec=kept.codec)
    return tenant


def _fill(model: Any, tenant: Tenant, mark: str, copies: int, rows: dict[Any, list[Any]]) -> list[Any]:
    if model not in rows:
        rows[model] = []
        related = {
            field.name: _fill(field.related_model, tenant, mark, copies, rows)
            for field in model._meta.concrete_fields
            if isinstance(field, models.ForeignKey) and issubclass(field.related_model, TenantOwned) and not field.null
        }
        for number in range(copies):
            values = {name: known[number] for name, known in related.items()}
            for field in model._meta.concrete_fields:
                if not (field.is_relation or field.primary_key or field.null or field.generated):
                    values.setdefault(field.name, _value(field, mark, number))
            if model is RunArtifact:
                values["role"] = RunArtifact.Role.INPUT
            if model is DataKey:
                values["generation"] = number + 1
            rows[model].append(model.unscoped.create(tenant=tenant, **values))
    return rows[model]


def _value(field: Any, mark: str, number: int) -> Any:
    if field.choices:
        return field.choices[number % len(field.choices)][0]
    match field:
        case models.CharField() | models.TextField() | models.FileField() | models.FilePathField():
            text = f"{mark} {field.name} {number}"
            return text if not field.max_length or len(text) <= field.max_length else f"{number:x}"[: field.max_length]
        case models.JSONField():
            given = [{"path": f"{mark} path", "code": "bad", "message": f"{mark} message {number}"}]
            return given if field.default is list else {"config": {"note": f"{mark} {field.name}"}}
        case models.BinaryField():
            return f'{{"secret": "{mark} {field.name} {number}"}}'.encode()[: field.max_length or None]
        case models.DateTimeField():
            return timezone.now()
        case models.DateField():
            return datetime.date(2026, 1, 31)
        case models.DecimalField():
            return Decimal(1)
        case _:
            return field.get_default() if field.has_default() else 1
