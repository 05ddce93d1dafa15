"""Compares totals that a page states, but the declaration does not use, with what arrived. It only writes notes."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence

from ingestion import Record, counted
from integrations.rest import exact_json
from integrations.rest.declaration import Declaration
from integrations.rest.exchange import PageResponse
from integrations.rest.fields import has_member
from integrations.rest.paging.signals import stated_page_count, stated_total
from integrations.rest.progress import Progress

_MAX_ENVELOPE = 64 * 1024
"""Bytes of an envelope beyond which it is not looked through."""


def with_stated_counts(declaration: Declaration, response: PageResponse, progress: Progress) -> Progress:
    """The progress with the count that the first page states that counts all records or pages.

    A run that asks for a window is left out: the source may count all that it has, and not what was asked for. So is
    a source without pages, for which `NoPages` writes the note at once.
    """
    style = declaration.pagination.style
    if (
        style == "none"
        or declaration.incremental
        or progress.stated_elsewhere is not None
        or len(response.envelope) > _MAX_ENVELOPE
    ):
        return progress
    if not declaration.total and not declaration.total_header and (total := stated_total(response, rows_read=0)):
        return dataclasses.replace(progress, stated_elsewhere=["records", *total])
    if not getattr(declaration.pagination, "pages", "") and (pages := stated_page_count(response)):
        return dataclasses.replace(progress, stated_elsewhere=["pages", *pages, ""])
    return progress


def missing_notes(progress: Progress) -> Iterator[str]:
    """A note at the end of a reading to which fewer records or pages arrived than the source stated."""
    if not progress.done or progress.stated_elsewhere is None:
        return
    unit, name, number, declared_as = progress.stated_elsewhere
    arrived = progress.distinct if unit == "records" else progress.pages
    if arrived < number:
        advice = (
            f" Where it counts what was asked for, declare it, so that runs prove it: {declared_as}."
            if declared_as
            else ""
        )
        yield (
            f"{counted(arrived, unit.removesuffix('s'))} came, and {name!r} says {number}, which the declaration does "
            f"not look at: pages may be missing.{advice}"
        )


def no_change_time_notes(declaration: Declaration, records: Sequence[Record], number: int) -> Iterator[str]:
    """A note where no record of the first page has the member that `updated` declares."""
    if number != 1 or not declaration.updated or not records:
        return
    for record in records:
        try:
            if has_member(exact_json.read(record.body), declaration.updated):
                return
        except (ValueError, RecursionError):
            return
    yield (
        f"No record of the page has {declaration.updated!r}, which says when it changed (`updated`): what is stored "
        "with a time stays as it is. Has the source renamed it? Correct it, or leave `updated` out."
    )
