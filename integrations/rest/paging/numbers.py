"""Pages by number or offset: rows that come or go meanwhile shift the others, so both look for lost ones.

What is guaranteed, for a source that lists in a stable order: `Offset` reads every row that is there from the first to
the last page, because each page must begin with rows of the page before it; where it does not, it goes back. A
`PageNumber` source shows deletions by its total alone: when the total falls, pages are read again. A row deleted and
another one added between two pages leave the total as it was, and a row that moved over the boundary then waits for the
next full read.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from integrations.rest.exchange import Answer, Call, State, Turn
from integrations.rest.paths import peek
from integrations.rest.values import Value

_TAIL = 50
"""Marks of the page before that are kept in the checkpoint; a new page must hold one of them."""


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
    past_end: tuple[int, ...] = (404,)
    """Statuses that a page after the last one is answered with."""
    place: Literal["query", "body"] = "query"

    def first(self) -> State:
        return {"page": self.start}

    def ask(self, call: Call, state: State) -> Call:
        if self.size_param:
            call = call.asking(self.place, self.size_param, self.size)
        return call.asking(self.place, self.param, state["page"])

    def follow(self, state: State, answer: Answer) -> Turn:
        number: int = state["page"]
        size = min(answer.elements or self.size, state.get("size", answer.elements or self.size))
        if answer.elements == 0:
            return self._empty(state, number)
        fallen = 0 if answer.total is None else (state.get("total") or 0) - answer.total
        read = state.get("read", 0) + answer.elements
        after = {**state, "page": number + 1, "size": size, "total": answer.total, "read": read}
        if fallen > 0 and number > self.start:
            back = max(self.start, number - -(-fallen // size))
            note = f"The total fell by {fallen} while page {number} was read; going back to page {back}."
            return Turn({**after, "page": back, "read": (back - self.start) * size}, (note,), moved=True)
        return Turn(None if self._ends(number, read, answer) else after)

    def _empty(self, state: State, number: int) -> Turn:
        """The end; but where the total had promised this page, rows were deleted: look at the page before once more."""
        promised = state.get("read", 0) < (state.get("total") or 0)
        if number == self.start or not promised or state.get("ended") == number:
            return Turn(None)
        note = f"Page {number} was gone when it was read; going back to page {number - 1}."
        read = max(0, state["read"] - state["size"])
        return Turn({**state, "page": number - 1, "ended": number, "read": read}, (note,), moved=True)

    def _ends(self, number: int, read: int, answer: Answer) -> bool:
        if self.more:
            return not peek(answer.body, self.more)
        if self.pages:
            return number - self.start + 1 >= int(peek(answer.body, self.pages) or 0)
        return answer.total is not None and read >= answer.total

    def paths(self) -> list[str]:
        return [one for one in (self.pages, self.more) if one]


class Offset(Value):
    """Rows 0 to 99, then 99 to 198, …: each page begins with the last row of the page before, to see rows move."""

    style: Literal["offset"] = "offset"
    param: str = Field("offset", min_length=1)
    start: int = Field(0, ge=0)
    """Offset of the first row."""
    limit_param: str = "limit"
    """What the page's size is sent as; '' sends none."""
    limit: int = Field(100, ge=2, le=10_000)
    """The size asked for; the source may give smaller pages."""
    overlap: int = Field(1, ge=0, le=50)
    """Rows read again on the next page. 0 trusts the source: a row deleted meanwhile makes another one be missed."""
    place: Literal["query", "body"] = "query"

    def first(self) -> State:
        return {"offset": self.start}

    def ask(self, call: Call, state: State) -> Call:
        if self.limit_param:
            call = call.asking(self.place, self.limit_param, self.limit)
        return call.asking(self.place, self.param, state["offset"])

    def follow(self, state: State, answer: Answer) -> Turn:
        offset, tail = state["offset"], set(state.get("tail", ()))
        repeats = sum(mark in tail for mark in answer.marks)
        if tail and not repeats and offset > self.start:
            return self._back(state)
        if answer.elements <= (self.overlap if tail else 0):
            return Turn(None, repeats=repeats)
        end = offset + answer.elements
        if answer.total is not None and end - self.start >= answer.total:
            return Turn(None, repeats=repeats)
        overlap = min(self.overlap, answer.elements - 1)
        after: State = {"offset": end - overlap}
        if overlap:
            after["tail"] = list(answer.marks[-_TAIL:])
        return Turn(after, repeats=repeats)

    def paths(self) -> list[str]:
        return []

    def _back(self, state: State) -> Turn:
        """Nothing of the page before is here: rows were deleted, and others moved up over the boundary."""
        offset: int = state["offset"]
        back = max(self.start, offset - max(1, self.limit - self.overlap))
        note = f"Rows moved while offset {offset} was read; going back to offset {back}."
        return Turn({"offset": back, "tail": state["tail"]}, (note,), moved=True)
