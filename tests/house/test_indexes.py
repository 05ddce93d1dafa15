"""Tables that get a row for each record pay for no index that another one begins with."""

from typing import Any

import pytest
from django.apps import apps
from django.db import models

from ingestion.models import DeadLetter, Ingested

PER_RECORD = [DeadLetter, *(model for model in apps.get_models() if issubclass(model, Ingested))]


@pytest.mark.parametrize("model", PER_RECORD, ids=lambda model: model.__name__)
def test_no_key_has_an_index_that_another_one_begins_with(model: Any) -> None:
    indexes = [index.fields for index in model._meta.indexes]
    constraints = [one.fields for one in model._meta.constraints if isinstance(one, models.UniqueConstraint)]
    first = {fields[0].lstrip("-") for fields in (*indexes, *constraints) if fields}

    twice = [field.name for field in model._meta.concrete_fields if field.db_index and field.name in first]

    assert twice == [], "Say db_index=False there."
    assert "tenant" in first
