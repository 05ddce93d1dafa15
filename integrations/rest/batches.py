"""Large pages are handed over in batches, because a page is one transaction."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from decimal import Decimal

from ingestion import Page
from integrations.rest.progress import Progress

BATCH = 5_000
"""Records of one batch, which is one transaction; a larger page becomes several batches."""


def split_into_batches(page: Page, before: Progress) -> Iterator[Page]:
    """The page in batches, each with the page's envelope.

    Until the last batch is committed, the checkpoint stays before the page. After an interruption the whole page is
    requested again, because it may have changed; records of it that were loaded already count as unchanged.
    """
    records = list(page.records)
    totals = dict(page.declares)
    while len(records) > BATCH:
        batch, records = records[:BATCH], records[BATCH:]
        declares = {"count": Decimal(BATCH)} if totals else {}
        if totals:
            totals["count"] -= BATCH
        else:  # read again after an interruption, these records are measured twice
            before = dataclasses.replace(before, undeclared=before.undeclared + BATCH)
        yield Page(batch, dataclasses.asdict(before), (), declares, envelope=page.envelope, last=page.last)
    yield dataclasses.replace(page, records=records, declares=totals)
