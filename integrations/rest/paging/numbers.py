"""Pages by number: rows that come or go meanwhile shift the others, so a fall of the total is looked for.

A `PageNumber` source that lists in a stable order shows deletions by its total alone: when the total falls, pages are
read again. A row deleted and another one added between two pages leave the total as it was, and a row that moved over
the boundary then waits for the next full read.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from integrations.rest.exchange import Call, NextPage, PageResponse, State
from integrations.rest.paging.signals import (
    NOT_TRUE,
    Scalar,
    broken_promise,
    number_of_pages,
    promises_more,
    says_more,
)
from integrations.rest.values import Value

STATUSES_PAST_TOTAL = frozenset({400, 404, 410, 416, 422})
"""Statuses that a source may answer past its own total. That page is requested to see that it has no records."""
MAX_RETURNS = 3
"""How often a reading goes back without meeting a new row before it stops doing so."""


class PageNumber(Value):
    """Pages 1, 2, 3, … until one is empty, does not exist, or the source says that it was the last."""

    style: Literal["page"] = "page"
    param: str = Field("page", min_length=1)
    start: int = Field(1, ge=0)
    """Number of the first page."""
    size_param: str = ""
    """What the page's size is sent as, where it can be chosen."""
    size: int = Field(100, ge=1, le=10_000)
    """The size asked for; the source may give smaller pages."""
    pages: str = ""
    """Path of the number of pages, where the source says it."""
    more: str = ""
    """Path of a truth value that says whether there are more pages, where the source has one."""
    more_values: tuple[Scalar, ...] = Field((True,), min_length=1)
    """Values at `more` that promise another page, such as "Y"."""
    last_values: tuple[Scalar, ...] = Field((False,), min_length=1)
    """Values at `more` that say that this was the last page. Any other value is refused."""
    absent_ends: bool = False
    """The source leaves `more` or `pages` out on its last page. Otherwise a page with records must have it."""
    clamped: bool = False
    """Past its last page the source gives that one again, for ever."""
    past_end: tuple[int, ...] = (404,)
    """Statuses that a page after the last one is answered with."""
    place: Literal["query", "body"] = "query"

    def first_state(self) -> State:
        return {"page": self.start}

    def call_for(self, call: Call, state: State) -> Call:
        if self.size_param:
            call = call.with_parameter(self.place, self.size_param, self.size)
        return call.with_parameter(self.place, self.param, state["page"])

    def follow(self, state: State, response: PageResponse) -> NextPage:
        number, before = state["page"], state.get("read", 0)
        if response.repeats_last_page and (self.clamped or reaches_total(before, response.total)):
            if self._was_promised(state) and self._still_promises(state, response):
                raise broken_promise(
                    response, f"{self.more or self.pages} promised a page {number} of its own", NOT_TRUE
                )
            return NextPage(None, repeated_rows=response.elements, rows_reached=before, drops_page=True)
        if response.elements == 0:
            return self._after_empty_page(state, response)
        rows_read = before + response.elements
        has_new_rows = rows_read > state.get("far", 0)
        first_page_size = state.get("first", response.elements)
        smallest_page = min(response.elements, state.get("least", response.elements))
        next_state: State = {
            **{name: state[name] for name in ("ended",) if name in state},
            "page": number + 1,
            "first": first_page_size,
            "least": smallest_page,
            "total": response.total,
            "read": rows_read,
            "far": max(rows_read, state.get("far", 0)),
            "last": response.elements,
            "returns": 0 if has_new_rows else state.get("returns", 0),
        }
        fall = 0 if response.total is None else (state.get("total") or 0) - response.total
        if fall > 0 and number > self.start and next_state["returns"] < MAX_RETURNS:
            # Each deleted row moved the rows behind it up by one: they lie at most so many of the smallest pages back.
            earlier_page = max(self.start, number - -(-fall // smallest_page))
            note = f"The total fell by {fall} while page {number} was read; going back to page {earlier_page}."
            earlier_state = {
                **next_state,
                "page": earlier_page,
                "read": (earlier_page - self.start) * first_page_size,
                "returns": next_state["returns"] + 1,
            }
            return NextPage(earlier_state, (note,), rows_reached=earlier_state["read"], shifted=True)
        pages = self._page_count(response, state)
        if self._is_last(number, response, pages):
            return NextPage(None, rows_reached=rows_read)
        if pages is not None:
            next_state["pages"] = pages
        if reaches_total(rows_read, response.total):
            next_state["past_total"] = True
        return NextPage(next_state, rows_reached=rows_read)

    def _after_empty_page(self, state: State, response: PageResponse) -> NextPage:
        """The end of the reading, or the page before once more, where rows of a promised page were deleted."""
        number, rows_read = state["page"], state.get("read", 0)
        is_missing = not response.is_page and self._was_promised(state)
        # `records` may select nothing of a page with rows: it is no end where the source says that more follow.
        if (
            response.is_page
            and not reaches_total(rows_read, response.total)
            and (self.more or self.pages)
            and not self._is_last(number, response, self._page_count(response, state))
        ):
            return NextPage({**state, "page": number + 1}, rows_reached=rows_read)
        if is_missing and state.get("ended") == number:  # the page before was read again, and promised it once more
            raise broken_promise(response, f"{self.more or self.pages} promised page {number}, twice", NOT_TRUE)
        promised_rows = is_missing or rows_read < (state.get("total") or 0)
        if number == self.start or not promised_rows or state.get("ended") == number:
            return NextPage(None, rows_reached=rows_read)
        note = f"Page {number} was gone when it was read; going back to page {number - 1}."
        rows_read = max(0, rows_read - state.get("last", 0))
        return NextPage(
            {**state, "page": number - 1, "ended": number, "read": rows_read}, (note,), rows_reached=rows_read
        )

    def _was_promised(self, state: State) -> bool:
        """Whether an earlier page said that this page exists."""
        pages_before = state["page"] - self.start
        return pages_before > 0 and (bool(self.more) or pages_before < state.get("pages", 0))

    def _still_promises(self, state: State, response: PageResponse) -> bool:
        """Whether this page, an earlier one given again, says that another follows, so that it was not the last."""
        if self.more:
            return says_more(response, self.more, self.more_values)
        pages = self._page_count(response, state)
        return pages is not None and state["page"] - self.start < pages

    def _promises_more(self, response: PageResponse) -> bool:
        return promises_more(response, self.more, self.more_values, self.last_values, absent_ends=self.absent_ends)

    def _page_count(self, response: PageResponse, state: State) -> int | None:
        """The number of pages by this page, or by an earlier one where only the first pages state it."""
        if self.more or not self.pages:
            return None
        return number_of_pages(response, self.pages, absent_ends=self.absent_ends, earlier_count=state.get("pages"))

    def _is_last(self, number: int, response: PageResponse, pages: int | None) -> bool:
        if self.more:
            return not self._promises_more(response)
        if self.pages:
            return pages is None or number - self.start + 1 >= pages
        return False  # a total proves the count, so it cannot also say when to stop counting

    def paths(self) -> list[str]:
        return [path for path in (self.pages, self.more) if path]


def likely_next_states(declaration: Any, state: State) -> list[State]:
    """The states of the pages that will probably follow `state`; none beyond the total."""
    paging, distances = declaration.pagination, range(1, declaration.concurrency)
    if paging.style == "page":
        total, size = state.get("total"), state.get("first") or paging.size
        last_page = paging.start + -(-total // size) - 1 if total is not None else None
        return [
            {**state, "page": state["page"] + distance}
            for distance in distances
            if last_page is None or state["page"] + distance <= last_page
        ]
    return [{**state, "offset": state["offset"] + distance * paging.limit} for distance in distances]


def reaches_total(rows_read: int, total: Any) -> bool:
    return total is not None and rows_read >= total
