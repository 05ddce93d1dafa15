"""Pages after an opaque cursor of the source, or after the last record's id. Rows that come or go shift nothing."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Literal

from pydantic import Field

from ingestion import SourceChanged
from integrations.rest.exchange import Call, NextPage, PageResponse, State
from integrations.rest.paging.signals import (
    LAST_IS_EMPTY,
    NOT_TRUE,
    Scalar,
    broken_promise,
    ends_paging,
    promises_more,
    require_visible_end,
)
from integrations.rest.paths import MISSING
from integrations.rest.values import Value


class Cursor(Value):
    """The page says what to ask for next; a null or empty cursor ends the reading, a missing one is no end."""

    style: Literal["cursor"] = "cursor"
    param: str = Field("cursor", min_length=1)
    """What the cursor is sent as; a dotted name when it goes into the body ("variables.after")."""
    next: str = "$.next_cursor"
    """Path of the next cursor in the page."""
    more: str = ""
    """Path of a truth value that says whether there are more pages, where the source has one."""
    more_values: tuple[Scalar, ...] = Field((True,), min_length=1)
    """Values at `more` that promise another page, such as "Y"."""
    last_values: tuple[Scalar, ...] = Field((False,), min_length=1)
    """Values at `more` that say that this was the last page, such as "N". Any other value is refused."""
    ends: tuple[Scalar, ...] = ()
    """Cursors that say that there is no next page, beside null and "": 0, -1, "0", "END"."""
    absent_ends: bool = False
    """The source leaves the cursor out on its last page. Otherwise a page with records and without it is refused."""
    repeat_ends: bool = False
    """The source names the cursor that it was asked with again when there is no next page."""
    empty_ends: bool = False
    """A page without records is the last one, whatever cursor it names. Otherwise its cursor is followed."""
    place: Literal["query", "body"] = "query"

    def first_state(self) -> State:
        return {}

    def call_for(self, call: Call, state: State) -> Call:
        return call.with_parameter(self.place, self.param, state["cursor"]) if "cursor" in state else call

    def follow(self, state: State, response: PageResponse) -> NextPage:
        if self.empty_ends and not response.elements:
            return NextPage(None)
        if not response.is_page and "cursor" in state:
            raise broken_promise(response, f"The page before named this one at {self.next}", LAST_IS_EMPTY)
        absent_ends = self.absent_ends
        if self.more and not promises_more(
            response, self.more, self.more_values, self.last_values, absent_ends=absent_ends
        ):
            return NextPage(None)
        cursor = response.value_at(self.next)
        if self.more and (cursor is MISSING or ends_paging(cursor, self.ends)):
            raise SourceChanged(f"{self.more} promises another page, but there is no cursor at {self.next}.")
        if cursor is MISSING:
            require_visible_end(response, self.next, absent_ends=absent_ends, sent=state.get("cursor"))
            return NextPage(None)
        if ends_paging(cursor, self.ends):
            return NextPage(None)
        next_cursor = _require_sendable(cursor, self.next)
        if self.repeat_ends and "cursor" in state and str(next_cursor) == str(state["cursor"]):
            return NextPage(None)
        return NextPage({"cursor": next_cursor})

    def paths(self) -> list[str]:
        return [self.next, *([self.more] if self.more else [])]


class SinceId(Value):
    """The next page starts after the id of the last record; an empty page ends the reading.

    The source must list by that id. Rows added meanwhile are met, deleted ones shift nothing.
    """

    style: Literal["since_id"] = "since_id"
    param: str = Field("after", min_length=1)
    """What the last id is sent as ("starting_after", "since")."""
    more: str = ""
    """Path of a truth value that says whether there are more pages; saves the empty last page."""
    more_values: tuple[Scalar, ...] = Field((True,), min_length=1)
    """Values at `more` that promise another page."""
    last_values: tuple[Scalar, ...] = Field((False,), min_length=1)
    """Values at `more` that say that this was the last page. Any other value is refused."""
    absent_ends: bool = False
    """The source leaves `more` out on its last page."""
    inclusive: bool = False
    """A page begins with the very record whose id it was asked with; one that has no other is the last."""
    place: Literal["query", "body"] = "query"

    def first_state(self) -> State:
        return {}

    def call_for(self, call: Call, state: State) -> Call:
        return call.with_parameter(self.place, self.param, state["since"]) if "since" in state else call

    def follow(self, state: State, response: PageResponse) -> NextPage:
        since = state.get("since")
        if self.more and not response.is_page and since is not None:
            raise broken_promise(response, f"{self.more} promised another page", NOT_TRUE)
        if state.get("first", since) in response.ids and state.get("first", since) != since:
            raise SourceChanged(
                f"The page after {self.param}={since!r} brings {state['first']!r} again, the first record of the page "
                f"before: the source does not list by that id, lists its newest records first, or does not know the "
                f"parameter {self.param!r}. Have it sort by the id, ascending, or declare another style of pagination. "
                'A page that begins with the record it was asked after is declared in `pagination`: "inclusive": true.'
            )
        repeated_rows = int(self.inclusive and bool(response.ids) and response.ids[0] == since)
        # A page without a new record is the last one, unless the source says that more follow.
        if response.elements == repeated_rows and not self._promises_more(response, if_undeclared=False):
            return NextPage(None, repeated_rows=repeated_rows, drops_page=bool(repeated_rows))
        if not self._promises_more(response, if_undeclared=True):
            return NextPage(None, repeated_rows=repeated_rows)
        if not response.ids or not response.ids[-1]:
            raise SourceChanged("The last record of the page has no id, so the page after it cannot be asked for.")
        return NextPage({"since": response.ids[-1], "first": response.ids[0]}, repeated_rows=repeated_rows)

    def _promises_more(self, response: PageResponse, *, if_undeclared: bool) -> bool:
        """Whether `more` promises another page; `if_undeclared` where no `more` is declared."""
        if not self.more:
            return if_undeclared
        return promises_more(response, self.more, self.more_values, self.last_values, absent_ends=self.absent_ends)

    def paths(self) -> list[str]:
        return [self.more] if self.more else []


def _require_sendable(cursor: Any, path: str) -> int | str:
    if isinstance(cursor, str) or (isinstance(cursor, int) and not isinstance(cursor, bool)):
        return cursor
    if isinstance(cursor, Decimal):
        return str(cursor)
    description = (
        "an object" if isinstance(cursor, dict) else "a list" if isinstance(cursor, list) else str(cursor).lower()
    )
    raise SourceChanged(f"At {path} stands {description}, which is no cursor.")
