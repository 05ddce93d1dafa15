"""A source that leads to a page that was read already, and how it may be declared that this is its end."""

from __future__ import annotations

import json
from typing import Any

from ingestion import SourceChanged
from ingestion.redaction import mask
from integrations.rest.exchange import State

_SHORT = 20
"""Characters of a cursor that may be a word for the end; longer ones are not shown."""


def named_again(paging: Any, asked: State, named: State | None) -> SourceChanged:
    """The error of a page, `asked` for, that names one as the next that was read already."""
    how = _declared(paging.style, asked, named)
    return SourceChanged(f"The source names a page as the next one that was read already; it would never end.{how}")


def _declared(style: str, asked: State, named: State | None) -> str:
    as_end = "that is how the source says that there is no next page, declare in `pagination`:"
    if style == "since_id":
        return f' If {as_end} "inclusive": true.'
    if style == "link_header":
        return ""
    if asked == named or style != "cursor":
        return f' If {as_end} "repeat_ends": true.'
    cursor = asked.get("cursor", "")
    if len(str(cursor)) > _SHORT:
        return ""
    shown = json.dumps(mask(cursor) if isinstance(cursor, str) else cursor)
    return (
        f" The page that names it was asked for with {shown}. Look at it first: its records would not be read. If "
        f'it holds none that did not come before, and {as_end} "ends": [{shown}]. If it holds others, ask the source.'
    )
