"""A declared REST API's pages, from a local server that answers at once: read into records, beside doing less.

    .venv/bin/python -m benchmarks.declared_api --records 20000

| contestant | does |
|---|---|
| client | asks for the pages with httpx, follows the cursor, and makes objects of the JSON with `json.loads` |
| dlt | the same with dlt's REST client and its paginator for cursors |
| ours | `Rest`: guards, paging that is shown to end, every record's own bytes, identity, checkpoints |

Storing is not measured here: G2 to G7 do. CPU time is that of this process; the server is another one.
"""

from __future__ import annotations

import argparse
import dataclasses
import logging
import os
import statistics
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime

from benchmarks import answering
from benchmarks.data import invoice
from benchmarks.meter import measure

PAGE = 100


def serve(records: int) -> None:
    """Answer each call with the page at its cursor; the first line printed is the port."""
    bodies = [invoice(number).encode() for number in range(records)]
    pages = {}
    for start in range(0, records, PAGE):
        following = b'"%d"' % (start + PAGE) if start + PAGE < records else b"null"
        pages[str(start)] = b'{"data":[%s],"next_cursor":%s}' % (b",".join(bodies[start : start + PAGE]), following)

    answering.serve(lambda cursor: pages[cursor or "0"], "cursor")


def client(address: str) -> int:
    import httpx

    count, cursor = 0, ""
    with httpx.Client(base_url=address) as http:
        while True:
            page = http.get("/invoices", params={"cursor": cursor} if cursor else {}).json()
            count += len(page["data"])
            cursor = page["next_cursor"]
            if not cursor:
                return count


def with_dlt(address: str) -> int:
    from dlt.sources.helpers.rest_client import RESTClient
    from dlt.sources.helpers.rest_client.paginators import JSONResponseCursorPaginator

    paginator = JSONResponseCursorPaginator(cursor_path="next_cursor", cursor_param="cursor")
    pages = RESTClient(address, paginator=paginator).paginate("/invoices", data_selector="data")
    return sum(len(page) for page in pages)


def ours(address: str) -> int:
    from ingestion import Context, TenantRef
    from integrations.rest import Cursor, Rest

    declared = Rest(base_url=address, path="/invoices", records="$.data[*]", pagination=Cursor())
    context = Context(TenantRef(1, "acme"), "invoices", 1, datetime.now(UTC))
    reachable = dataclasses.replace(context, private_networks=("127.0.0.0/8",))
    return sum(len(page.records) for page in declared.extract(reachable, None))


CONTESTANTS: dict[str, Callable[[str], int]] = {"client": client, "dlt": with_dlt, "ours": ours}


def cost_of(contestant: Callable[[str], int], address: str, records: int) -> float:
    """Microseconds of CPU a record. Raises RuntimeError unless every record was read."""
    counts: list[int] = []
    cost = measure(lambda: counts.append(contestant(address)), records, 0)
    if counts != [records]:
        raise RuntimeError(f"{contestant.__name__} read {counts} of {records} records")
    return cost.cpu


def compare(records: int, rounds: int) -> None:
    costs: dict[str, list[float]] = {}
    command = [sys.executable, "-m", "benchmarks.declared_api", "--serve", "--records", str(records)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as server:
        assert server.stdout is not None
        address = f"http://127.0.0.1:{int(server.stdout.readline())}"
        try:
            for _ in range(rounds):
                for name, contestant in CONTESTANTS.items():
                    costs.setdefault(name, []).append(cost_of(contestant, address, records))
        finally:
            server.terminate()  # or an error would wait for it for ever
    medians = {name: statistics.median(rounds_of_it) for name, rounds_of_it in costs.items()}
    for name, cost_of_a_record in medians.items():
        print(f"{name:7} {cost_of_a_record:7.1f} us CPU a record")
    print(
        f"ours takes {medians['ours'] / medians['client']:.2f} of client, {medians['ours'] / medians['dlt']:.2f} of dlt"
    )


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.declared_api")
    parser.add_argument("--records", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        return serve(options.records)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "benchmarks.settings")
    logging.disable(logging.INFO)
    return compare(options.records, options.rounds)


if __name__ == "__main__":
    main()
