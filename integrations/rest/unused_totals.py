"""What a page says of all records that the declaration does not look at, held against what came: notes, no more."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence

from ingestion import Record, counted
from integrations.rest import exact_json
from integrations.rest.declaration import Declaration
from integrations.rest.exchange import Answer
from integrations.rest.fields import stands
from integrations.rest.paging.signals import pages_beside, total_beside
from integrations.rest.progress import Progress

_LARGE = 64 * 1024
"""Bytes around the records beyond which they are not looked through for it."""


def remembered(declared: Declaration, answer: Answer, after: Progress) -> Progress:
    """`after` with what the first page that counts all records or pages says.

    Not where the run asks for a window: what a source counts then is all that it has, as often as what was asked for.
    A source without pages is told of it at once (`NoPages`).
    """
    style = declared.pagination.style
    if style == "none" or declared.incremental or after.beside is not None or len(answer.around) > _LARGE:
        return after
    if not declared.total and not declared.total_header and (total := total_beside(answer, read=0)):
        return dataclasses.replace(after, beside=["records", *total])
    if not getattr(declared.pagination, "pages", "") and (pages := pages_beside(answer)):
        return dataclasses.replace(after, beside=["pages", *pages, ""])
    return after


def fewer(after: Progress) -> Iterator[str]:
    """A note at the end of a reading that brought less than that."""
    if not after.done or after.beside is None:
        return
    what, name, number, declare = after.beside
    came = after.distinct if what == "records" else after.pages
    if came < number:
        how = f" Where it counts what was asked for, declare it, so that runs prove it: {declare}." if declare else ""
        yield (
            f"{counted(came, what.removesuffix('s'))} came, and {name!r} says {number}, which the declaration does not "
            f"look at: pages may be missing.{how}"
        )


def undated(declared: Declaration, records: Sequence[Record], number: int) -> Iterator[str]:
    """A note where no record of the first page has the member that says when it changed."""
    if number != 1 or not declared.updated or not records:
        return
    for record in records:
        try:
            if stands(exact_json.read(record.body), declared.updated):
                return
        except (ValueError, RecursionError):
            return
    yield (
        f"No record of the page has {declared.updated!r}, which says when it changed (`updated`): what is stored with "
        "a time stays as it is. Has the source renamed it? Correct it, or leave `updated` out."
    )
