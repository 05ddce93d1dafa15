"""The console's lists over full tables of 40 tenants on MariaDB, as a superuser and as staff of 30 tenants see them.

    .venv/bin/python -m benchmarks.lists                  # 500,000 runs, 300,000 dead letters, 1,000,000 transactions, ...
    .venv/bin/python -m benchmarks.lists --share 0.02     # a fiftieth of that

Of each list everything that can be clicked is opened (plain, ordered, filtered, searched), page and all, three times: the fastest
counts, for other work on the machine only adds. `floor` is what the same run takes to fetch 100 rows of the table by their keys. The
goal: every page below a second.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from typing import Any

from benchmarks import servers

ROWS = {
    "ingestion.Run": 500_000,
    "ingestion.DeadLetter": 300_000,
    "bank.BankTransaction": 1_000_000,
    "bank.BankStatement": 50_000,
    "ingestion.Delivery": 100_000,
    "ingestion.Artifact": 100_000,
    "ingestion.Watermark": 100_000,
    "ingestion.AuditEntry": 50_000,
    "rest.RestRecord": 200_000,
    "stripe.StripeCharge": 200_000,
    "stripe.StripeEvent": 100_000,
}
GOAL = 1.0


def main() -> None:
    arguments = _arguments()
    os.environ["DATABASE_URL"] = servers.start_mariadb().url
    os.environ["SLUICEGATE_VAR"] = str(servers.session_folder() / "var")
    os.environ["DJANGO_SETTINGS_MODULE"] = "benchmarks.settings"
    import django

    django.setup()
    from django.conf import settings
    from django.core.management import call_command

    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.STORAGES["staticfiles"]["BACKEND"] = "django.contrib.staticfiles.storage.StaticFilesStorage"
    call_command("migrate", verbosity=0)
    _make_room()
    people = _fill(arguments.share)
    print("| list | rows | floor ms | plain ms | / floor | slowest ms | which |\n|---|---|---|---|---|---|---|")
    for label in ROWS:
        for name, user in people.items():
            _row(label, name, user)


def _make_room() -> None:
    """Memory as a server of such tables has it: with MariaDB's 128 MB filling them takes longer than looking at them."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(f"SET GLOBAL innodb_buffer_pool_size = {2 << 30}")


def _fill(share: float) -> dict[str, Any]:
    from ingestion.models import Tenant
    from tests.ingestion.admin import crowding
    from tests.ingestion.admin.staff import staff, superuser

    crowding.begin()
    for model in crowding.large_models():
        if rows := int(ROWS.get(model._meta.label, 0) * share):
            start = time.perf_counter()
            crowding.multiply(model, rows)
            print(
                f"{model._meta.label}: {rows:,} rows in {time.perf_counter() - start:.0f} s",
                file=sys.stderr,
                flush=True,
            )
    crowding.analyse()
    return {"superuser": superuser(), "30 tenants": staff("thirty", *Tenant.objects.order_by("pk")[:30])}


def _row(label: str, name: str, user: Any) -> None:
    from django.apps import apps
    from django.contrib import admin
    from django.test import Client
    from django.urls import reverse

    from tests.ingestion.admin import asking

    model: Any = apps.get_model(label)
    browser = Client(SERVER_NAME="localhost")
    browser.force_login(user)
    address = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
    changes, _ = asking.asked_by(admin.site._registry[model], user, "")
    times = {}
    for title, query in asking.questions(changes, 6):
        times[f"{title} {query}"] = min(_timed(lambda: browser.get(address + query)) for _ in range(3))  # noqa: B023
    keys = list(model.unscoped.order_by("-pk").values_list("pk", flat=True)[:100])
    floor = min(_timed(lambda: list(model.unscoped.filter(pk__in=keys))) for _ in range(3))
    plain, (which, slowest) = times["plain "], max(times.items(), key=lambda item: item[1])
    verdict = "" if slowest < GOAL else " **missed**"
    rows = model.unscoped.order_by("-pk").values_list("pk", flat=True)[0]
    print(
        f"| {label}, {name} | {rows:,} | {floor * 1e3:.1f} | {plain * 1e3:.0f} | {plain / floor:.1f} |"
        f" {slowest * 1e3:.0f}{verdict} | {which.split('&')[0]} |",
        flush=True,
    )
    for one, seconds in times.items():
        if seconds > GOAL / 4:
            print(f"{label}, {name}: {one} {seconds:.2f} s", file=sys.stderr, flush=True)


def _timed(work: Any) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.lists", description=__doc__)
    parser.add_argument("--share", type=float, default=1.0, help="of the rows that stand above")
    return parser.parse_args()


if __name__ == "__main__":
    main()
