"""The same bytes again when their file is gone: they are written anew, and their row names where they are."""

from __future__ import annotations

import pytest

from ingestion import Record, artifacts
from ingestion.models import Artifact, Tenant
from tests.ingestion.runs import new_tenant

pytestmark = [pytest.mark.every_database, pytest.mark.django_db]

RECORDS = [Record("a", b"{}"), Record("b", b"[]")]


def kept(tenant: Tenant, data: bytes = b"some bytes") -> Artifact:
    return Artifact.unscoped.get(pk=artifacts.store(tenant.ref, Artifact.Kind.FILE, data).save())


def page(tenant: Tenant) -> Artifact:
    return Artifact.unscoped.get(pk=artifacts.store_page(tenant.ref, RECORDS, check_stored=False).save())


def test_a_file_that_storage_lost_is_written_again() -> None:
    tenant = new_tenant()
    artifacts.storage().delete(kept(tenant).path)

    assert artifacts.read(kept(tenant)) == b"some bytes"


def test_a_row_that_names_a_place_where_nothing_lies_names_the_new_one() -> None:
    tenant = new_tenant()
    Artifact.unscoped.filter(pk=kept(tenant).pk).update(path="ingestion/gone.zst")

    assert artifacts.read(kept(tenant)) == b"some bytes"
    assert Artifact.unscoped.filter(tenant=tenant).count() == 1


def test_a_page_kept_again_without_a_look_is_read_from_where_it_is_now() -> None:
    tenant = new_tenant()
    first = page(tenant)
    Artifact.unscoped.filter(pk=first.pk).update(path="ingestion/gone.zst")

    again = page(tenant)

    assert again.pk == first.pk
    assert artifacts.read(again).endswith(b"{}[]")
