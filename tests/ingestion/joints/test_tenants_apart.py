"""What is done for one tenant leaves the rows, files and hold-offs of the others alone."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.files.base import ContentFile
from django.test import Client, RequestFactory
from django.urls import reverse
from redis import Redis

from ingestion import actions, artifacts, limits, queueing, retention
from ingestion.admin.kit.ownership import MOST_KEYS, is_own, own_rows
from ingestion.database.clock import db_now_plus
from ingestion.models import Connection, Delivery, Run, Tenant
from ingestion.testing import registered
from tests.ingestion.admin.staff import staff
from tests.ingestion.limits.throttled import throttle
from tests.ingestion.received import connected, delivered_to, push, states
from tests.ingestion.runs import OPERATOR, configured, new_tenant, over

pytestmark = [pytest.mark.django_db]

LONG_AGO = timedelta(days=40)
RUNS = reverse("admin:ingestion_run_changelist")
RATE = {"per_second": 9, "burst": 9}


def stored_file(tenant: Tenant, age: timedelta) -> str:
    """A file that no row names, written so long ago."""
    store = artifacts.storage()
    name = store.save(f"{artifacts.ROOT}/{tenant.key}/page/ab/orphan.zst", ContentFile(b"x"))
    then = time.time() - age.total_seconds()
    os.utime(store.path(name), (then, then))
    return name


def test_sweeping_one_tenant_takes_its_own_old_files_and_no_other() -> None:
    one, other, store = new_tenant(), new_tenant(), artifacts.storage()
    own, foreign = stored_file(one, LONG_AGO), stored_file(other, LONG_AGO)

    swept = artifacts.sweep(one.ref)

    assert (swept, store.exists(own), store.exists(foreign)) == (1, False, True)


def test_a_file_that_an_open_batch_may_still_name_is_not_swept() -> None:
    tenant = new_tenant()
    young = stored_file(tenant, timedelta(minutes=5))

    assert (artifacts.sweep(tenant.ref), artifacts.storage().exists(young)) == (0, True)


def test_forgetting_one_tenants_rows_forgets_nobody_elses() -> None:
    deliveries = next(one for one in retention.retentions() if one.name == "deliveries")
    with registered(delivered_to()) as pipeline:
        connections = [connected(pipeline), connected(pipeline)]
        for connection in connections:
            push(connection, "old")
    Delivery.unscoped.update(state=Delivery.State.DONE, done_at=datetime.now(UTC) - LONG_AGO)

    assert retention.prune(connections[0].tenant, deliveries) == 1
    assert [states(connection) for connection in connections] == [{}, {"old": "done"}]


def test_the_same_hold_off_of_two_tenants_is_listed_for_both(redis: Redis) -> None:
    with registered(over([])) as pipeline:
        connections = [actions.connect(OPERATOR, new_tenant(), pipeline.name) for _ in range(2)]
        for connection in connections:
            throttle(pipeline.name, connection.tenant.ref).hold_off(60.0)

        found = limits.hold_offs(connections)

    assert [one.tenant.key for one in found] == [connection.tenant.key for connection in connections]


def test_ending_a_hold_off_frees_no_run_that_waits_for_another_integration(redis: Redis) -> None:
    tenant = new_tenant()
    with registered(over([])) as pipeline, configured(RATES={name: {"*": RATE} for name in ("shop", "bank")}):
        shop, bank = (actions.connect(OPERATOR, tenant, pipeline.name, name) for name in ("shop", "bank"))
        for connection in (shop, bank):
            actions.configure(OPERATOR, connection, {"integration": connection.name})
            connection.refresh_from_db()
            throttle(connection.name, tenant.ref).hold_off(60.0)
        waits = [waiting(shop), waiting(bank)]

        actions.end_hold_off(OPERATOR, shop)

    for run in waits:
        run.refresh_from_db()
    assert [run.not_before is None for run in waits] == [True, False]


def test_a_hold_off_that_was_ended_holds_nobody_in_this_process_either(redis: Redis) -> None:
    tenant = new_tenant()
    limits.Throttle(tenant.ref, "free", "shop").hold_off(60.0)

    limits.release(tenant.ref, "free", "shop")

    try:
        limits.Throttle(tenant.ref, "free", "shop", connect=away, patience=0.5)()
    finally:
        queueing.absence.over()


@pytest.mark.slow
def test_staff_of_more_tenants_than_a_statement_names_see_and_open_no_other_tenants_rows(
    django_assert_num_queries: Any,
) -> None:
    tenants = Tenant.objects.bulk_create(Tenant(key=f"of-{n}", name=f"of {n}") for n in range(MOST_KEYS + 3))
    *own, foreign = list(Tenant.objects.filter(pk__gte=min(one.pk for one in tenants)).order_by("pk"))
    chosen = [own[0], *own[-2:], foreign]
    for tenant in chosen:
        Connection.unscoped.create(tenant=tenant, pipeline="app.oracle")
    every = Connection.unscoped.filter(tenant__in=chosen).order_by("tenant")
    request = RequestFactory().get("/")
    request.user = staff("ada", *own)

    seen = own_rows(every, request)

    assert [connection.tenant for connection in seen] == chosen[:-1]
    with django_assert_num_queries(3):  # the rows, and each tenant beyond the keys
        assert [is_own(request, connection) for connection in every] == [True, True, True, False]
    with django_assert_num_queries(0):
        assert [is_own(request, tenant) for tenant in chosen] == [True, True, True, False]


def test_whose_a_row_is_is_asked_once_a_request(django_assert_num_queries: Any) -> None:
    own, foreign = new_tenant(), new_tenant()
    request = RequestFactory().get("/")
    request.user = staff("ada", own)

    with django_assert_num_queries(1):
        assert [is_own(request, tenant) for tenant in (own, foreign, own)] == [True, False, True]


def test_a_superuser_who_was_locked_out_owns_nothing() -> None:
    request = RequestFactory().get("/")
    request.user = get_user_model()(pk=0, is_superuser=True, is_active=False)

    assert not is_own(request, new_tenant())


def test_what_no_tenant_owns_is_nobodys_own() -> None:
    request = RequestFactory().get("/")
    request.user = staff("ada", new_tenant())

    assert not is_own(request, request.user)


@pytest.mark.slow
def test_a_list_is_not_searched_through_what_its_rows_point_to(client: Client) -> None:
    client.force_login(staff("vera", new_tenant()))

    answers = [
        client.get(RUNS, query).status_code for query in ({"tenant__key__startswith": "t"}, {"tenant__exact": "1"})
    ]

    assert answers == [400, 200]


def test_pipelines_that_other_tenants_alone_use_are_no_choice_of_a_filter(client: Client) -> None:
    own = new_tenant()
    for tenant, pipeline in ((own, "app.oracle"), (own, "app.ticking"), (new_tenant(), "app.payments")):
        Connection.unscoped.create(tenant=tenant, pipeline=pipeline)
    client.force_login(staff("vera", own))

    page = client.get(RUNS).content.decode()

    assert ("?pipeline=app.oracle" in page, "?pipeline=app.payments" in page) == (True, False)


def away() -> None:
    raise OSError("Redis is away")


def waiting(connection: Connection) -> Run:
    run = actions.run_now(OPERATOR, connection, wake=False)
    Run.unscoped.filter(pk=run.pk).update(not_before=db_now_plus(300), error_class="HeldOff")
    return run
