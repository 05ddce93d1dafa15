"""The error of a source whose next page was read already, with advice to declare it where that is its end."""

from __future__ import annotations

import json
from typing import Any

from ingestion import SourceChanged
from ingestion.redaction import mask
from integrations.rest.exchange import State

_SHORT = 20
"""Characters of a cursor that may be a word for the end; longer cursors are not shown."""


def cycle_error(paging: Any, state: State, next_state: State | None) -> SourceChanged:
    """The error of a page, requested by `state`, that names a page as the next one that was read already."""
    advice = _advice_for(paging.style, state, next_state)
    return SourceChanged(f"The source names a page as the next one that was read already; it would never end.{advice}")


def _advice_for(style: str, state: State, next_state: State | None) -> str:
    as_end = "that is how the source says that there is no next page, declare in `pagination`:"
    if style == "since_id":
        return f' If {as_end} "inclusive": true.'
    if style == "link_header":
        return ""
    if state == next_state or style != "cursor":
        return f' If {as_end} "repeat_ends": true.'
    cursor = state.get("cursor", "")
    if len(str(cursor)) > _SHORT:
        return ""
    cursor_json = json.dumps(mask(cursor) if isinstance(cursor, str) else cursor)
    return (
        f" The page that names it was asked for with {cursor_json}. Look at it first: its records would not be read. "
        f'If it holds none that did not come before, and {as_end} "ends": [{cursor_json}]. If it holds others, '
        "ask the source."
    )
