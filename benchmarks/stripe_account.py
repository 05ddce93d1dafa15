"""A Stripe account's invoices, from a local server that answers at once: end to end, beside doing less.

    .venv/bin/python -m benchmarks.stripe_account --records 20000 --database mariadb
    .venv/bin/python -m benchmarks.stripe_account --records 5000 --wait 0.05 --only ours "in turn"

| contestant | does |
|---|---|
| objects | lists the pages with Stripe's bare library, which makes objects of them, and nothing else |
| client | the same with the library's `raw_request`: JSON, no objects |
| upsert | writes rows that are ready, `executemany` of the driver, 1,000 a statement |
| ours | the ready pipeline: guards, pages, validation, rows, raw pages, checkpoints |
| in turn | the same without reading ahead: fetch, load, fetch, load |
| get or save | the library's objects one by one into `update_or_create`, on a tenth of the records |

The goals: ours at 0.8 of client and upsert one after the other, and at 20 times get or save (on SQLite, which has no server to
wait for, at 15 times). CPU time is that of this process and of the database's server; the account's server is another process and not
counted. With `--wait` it takes so many seconds for every page. Wall time depends on what else the machine does.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from benchmarks import answering
from benchmarks.meter import measure
from benchmarks.servers import Server

PAGE = 100
NEWEST = 1_700_000_000


def invoices(count: int) -> list[bytes]:
    """Newest first, a second apart."""
    from benchmarks.data import invoice

    made = (json.loads(invoice(number)) for number in range(count))
    return [json.dumps({**one, "created": NEWEST - number}).encode() for number, one in enumerate(made)]


def serve(records: int, wait: float) -> None:
    """Answer every list with the page after its cursor, `wait` seconds later; the first line printed is the port."""
    bodies = invoices(records)
    place = {json.loads(body)["id"]: number + 1 for number, body in enumerate(bodies)}
    pages = {}
    for start in range(0, records, PAGE):
        more = b"true" if start + PAGE < records else b"false"
        data = b",".join(bodies[start : start + PAGE])
        pages[start] = b'{"object":"list","url":"/v1/invoices","has_more":' + more + b',"data":[' + data + b"]}"

    answering.serve(lambda after: pages[place.get(after, 0)], "starting_after", wait)


def client_of(address: str) -> Any:
    import stripe

    return stripe.StripeClient("sk_test_1", base_addresses={"api": address}).v1


def raw_client(address: str) -> int:
    import stripe

    client = stripe.StripeClient("sk_test_1", base_addresses={"api": address})
    count, after = 0, {}
    while True:
        page = client.raw_request("get", "/v1/invoices", limit=PAGE, **after).data
        count += len(page["data"])
        if not page["has_more"]:
            return count
        after = {"starting_after": page["data"][-1]["id"]}


def with_objects(address: str) -> int:
    invoices_of, count, after = client_of(address).invoices, 0, {}
    while True:
        page = invoices_of.list({"limit": PAGE, **after})
        count += len(page.data)
        if not page.has_more:
            return count
        after = {"starting_after": page.data[-1].id}


def context() -> Any:
    from ingestion import Context, TenantRef, Window

    now = datetime.fromtimestamp(NEWEST + 1, UTC)
    return Context(TenantRef(1, "acme"), "stripe.invoices", 1, now, Window(datetime(1970, 1, 1, tzinfo=UTC), now))


def bare_upsert(records: int) -> Callable[[], int]:
    from django.db import connection

    from ingestion import actions
    from ingestion.models import Run
    from ingestion.testing import make_tenant
    from integrations.stripe.models import StripeInvoice
    from integrations.stripe.schemas import Invoice

    tenant = make_tenant()
    run = Run.unscoped.first() or actions.run_now(
        actions.Actor(), actions.connect(actions.Actor(), tenant, "stripe.invoices"), wake=False
    )
    common = {"tenant_id": tenant.pk, "run_id": run.pk, "digest": b"0" * 16, "loaded_at": datetime.now(UTC)}
    full = [{**common, **Invoice.model_validate_json(body).row(context())} for body in invoices(records)]
    rows = [tuple(_plain(value) for value in row.values()) for row in full]
    names = list(full[0])
    mine = connection.vendor == "sqlite"
    marks = ", ".join(["?" if mine else "%s"] * len(names))
    changing = [name for name in names if name not in ("tenant_id", "external_id")]
    new = ", ".join(f"{name} = {f'excluded.{name}' if mine else f'VALUES({name})'}" for name in changing)
    clause = "ON CONFLICT (tenant_id, external_id) DO UPDATE SET" if mine else "ON DUPLICATE KEY UPDATE"
    sql = f"INSERT INTO {StripeInvoice._meta.db_table} ({', '.join(names)}) VALUES ({marks}) {clause} {new}"

    def work() -> int:
        cursor = connection.connection.cursor()
        for start in range(0, len(rows), 1000):
            cursor.execute("BEGIN IMMEDIATE" if mine else "BEGIN")
            cursor.executemany(sql, rows[start : start + 1000])
            connection.connection.commit()
        return len(rows)

    return work


def _plain(value: Any) -> Any:
    value = value.replace(tzinfo=None) if isinstance(value, datetime) else value
    return (
        json.dumps(value)
        if isinstance(value, dict)
        else value
        if value is None or isinstance(value, int | bytes)
        else str(value)
    )


def ours(address: str) -> int:
    from ingestion import Secret, actions, running
    from ingestion.testing import make_tenant, registered
    from integrations.stripe import pipelines
    from integrations.stripe.client import open_api

    def open_here(ctx: Any) -> Any:
        known = dataclasses.replace(
            ctx, credential=lambda: Secret({"api_key": "sk_test_1"}), private_networks=("127.0.0.0/8",)
        )
        return open_api(known, origin=address, plain_http=True)

    source = dataclasses.replace(pipelines.invoices.source, open=open_here)  # type: ignore[type-var]
    with registered(dataclasses.replace(pipelines.invoices, source=source)) as pipeline:
        connection = actions.connect(actions.Actor(), make_tenant(), pipeline.name)
        run = actions.run_now(actions.Actor(), connection, wake=False)
        state = running.execute(run.pk)
        run.refresh_from_db()
    if state != "succeeded":
        raise RuntimeError(f"{state}: {run.error_class} {run.error_message}")
    return int(run.ok)


def in_turn(address: str) -> int:
    from django.conf import settings
    from django.test import override_settings

    with override_settings(INGESTION={**settings.INGESTION, "READ_AHEAD": False}):
        return ours(address)


def get_or_save(address: str, records: int) -> int:
    from ingestion.models import Run
    from ingestion.testing import make_tenant
    from integrations.stripe.models import StripeInvoice
    from integrations.stripe.schemas import Invoice

    tenant, run, count = make_tenant(), Run.unscoped.latest("pk"), 0
    for one in client_of(address).invoices.list({"limit": PAGE}).auto_paging_iter():
        row = Invoice.model_validate(one.to_dict()).row(context())
        extra = {"run": run, "digest": b"0" * 16, "loaded_at": datetime.now(UTC)}
        StripeInvoice.unscoped.update_or_create(
            tenant=tenant, external_id=row.pop("external_id"), defaults={**row, **extra}
        )
        count += 1
        if count == records:
            break
    return count


def timed(work: Callable[[], int], database: Server) -> tuple[float, float]:
    """Microseconds a record: wall, and CPU of this process and of the database."""
    counts: list[int] = []
    cost = measure(lambda: counts.append(work()), 1, database.pid)
    return cost.wall / counts[0] * 1e6, cost.cpu / counts[0]


def compare(records: int, rounds: int, wait: float, only: Sequence[str], database: Server) -> None:
    from django.core.management import call_command
    from django.db import connection

    call_command("migrate", verbosity=0)
    with subprocess.Popen(
        [sys.executable, "-m", "benchmarks.stripe_account", "--serve", "--records", str(records), "--wait", str(wait)],
        stdout=subprocess.PIPE,
    ) as server:
        assert server.stdout is not None
        address = f"http://127.0.0.1:{int(server.stdout.readline())}"
        found: dict[str, list[tuple[float, float]]] = {}
        contestants = {
            "objects": lambda: timed(lambda: with_objects(address), database),
            "client": lambda: timed(lambda: raw_client(address), database),
            "upsert": lambda: timed(bare_upsert(records), database),
            "ours": lambda: timed(lambda: ours(address), database),
            "in turn": lambda: timed(lambda: in_turn(address), database),
            "get or save": lambda: timed(lambda: get_or_save(address, max(records // 10, PAGE)), database),
        }
        try:
            for _ in range(rounds):
                for name, contestant in contestants.items():
                    if only and name not in only:
                        continue
                    call_command("flush", verbosity=0, interactive=False)
                    if name == "get or save":
                        bare_upsert(1)
                    connection.ensure_connection()
                    found.setdefault(name, []).append(contestant())
        finally:
            server.terminate()  # or an error would wait for it for ever
    wall, cpu = (
        {name: statistics.median(pair[at] for pair in pairs) for name, pairs in found.items()} for at in (0, 1)
    )
    for name in found:
        print(f"{name:12} {wall[name]:9.1f} us a record, {cpu[name]:9.1f} us CPU")
    for what, of in (("wall", wall), ("CPU", cpu)):
        if not only:
            both = (of["client"] + of["upsert"]) / of["ours"]
            print(f"{what}: {both:.2f} of client and upsert, {of['get or save'] / of['ours']:.1f} times get or save")
        if {"ours", "in turn"} <= of.keys():
            print(f"{what}: reading ahead takes {of['ours'] / of['in turn']:.2f} of in turn")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.stripe_account")
    parser.add_argument("--records", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--wait", type=float, default=0, help="seconds that the server takes for a page")
    parser.add_argument("--only", nargs="+", default=[], metavar="CONTESTANT")
    parser.add_argument("--database", choices=["sqlite", "mariadb"], default="sqlite")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        return serve(given.records, given.wait)
    from benchmarks import servers

    database = servers.start(given.database)
    os.environ["DATABASE_URL"] = database.url
    os.environ["SLUICEGATE_VAR"] = str(servers.session_folder() / "var")
    os.environ["DJANGO_SETTINGS_MODULE"] = "benchmarks.settings"
    import logging

    import django

    django.setup()
    logging.disable(logging.INFO)
    return compare(given.records, given.rounds, given.wait, given.only, database)


if __name__ == "__main__":
    main()
