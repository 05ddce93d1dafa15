"""Pages by offset: rows that come or go meanwhile shift the others, so each page is checked against the one before.

For a source that lists in a stable order, `Offset` reads every row that is there from the first to the last page,
because each page must begin with rows of the page before it. Where it does not, the reading goes back.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from ingestion import SourceChanged
from integrations.rest.exchange import Call, NextPage, PageResponse, State
from integrations.rest.paging.numbers import MAX_RETURNS, reaches_total
from integrations.rest.paging.signals import NOT_TRUE, Scalar, broken_promise, overlap_length, promises_more, says_more
from integrations.rest.values import Value

_MARKS_KEPT = 50
"""Marks of the page before that the checkpoint keeps; a new page must hold one of them."""


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
    """Rows read again on the next page. 0 trusts the source: a row deleted meanwhile makes another one be missed. A
    source that takes multiples of the limit only needs 0.
    """
    more: str = ""
    """Path of a truth value that says whether there are more pages, where the source has one."""
    more_values: tuple[Scalar, ...] = Field((True,), min_length=1)
    """Values at `more` that promise another page, such as "Y"."""
    last_values: tuple[Scalar, ...] = Field((False,), min_length=1)
    """Values at `more` that say that this was the last page. Any other value is refused."""
    absent_ends: bool = False
    """The source leaves `more` out on its last page. Otherwise a page with records must have it."""
    clamped: bool = False
    """Past its last page the source gives that one again, for ever."""
    past_end: tuple[int, ...] = ()
    """Statuses that an offset after the last row is answered with."""
    place: Literal["query", "body"] = "query"

    def first_state(self) -> State:
        return {"offset": self.start}

    def call_for(self, call: Call, state: State) -> Call:
        if self.limit_param:
            call = call.with_parameter(self.place, self.limit_param, self.limit)
        return call.with_parameter(self.place, self.param, state["offset"])

    def follow(self, state: State, response: PageResponse) -> NextPage:
        rows_reached = state.get("end", 0)
        if response.repeats_last_page and (self.clamped or reaches_total(rows_reached, response.total)):
            if says_more(response, self.more, self.more_values):
                raise broken_promise(response, f"{self.more} promises rows after offset {state['offset']}", NOT_TRUE)
            return NextPage(None, repeated_rows=response.elements, rows_reached=rows_reached, drops_page=True)
        tail = state.get("tail", []) if state["offset"] > self.start else []
        overlap = min(state.get("overlap", 0), len(tail))
        repeated_rows = overlap_length(tail, response.marks, overlap) if overlap else 0
        if overlap and not repeated_rows:
            return self._go_back(state, rows_reached)
        # A page of rows that were all asked for again is the last one.
        if response.elements <= repeated_rows and response.elements <= overlap:
            promised_rows = self.more and not response.is_page and state["offset"] > self.start
            if promised_rows or says_more(response, self.more, self.more_values):
                raise broken_promise(response, f"{self.more} promises rows from offset {state['offset']} on", NOT_TRUE)
            return NextPage(None, repeated_rows=repeated_rows, rows_reached=rows_reached)
        if response.repeats_last_page and overlap and repeated_rows >= response.elements:
            raise self._misaligned_error(state["offset"])
        base = max(0, rows_reached - repeated_rows) if overlap or state["offset"] > self.start else 0
        if self.more and not promises_more(
            response, self.more, self.more_values, self.last_values, absent_ends=self.absent_ends
        ):
            return NextPage(
                None,
                repeated_rows=repeated_rows,
                rows_reached=base + response.elements,
                shifted=repeated_rows != overlap,
            )
        return self._after_page(
            state, response, repeated_rows, base + response.elements, shifted=repeated_rows != overlap
        )

    def _after_page(
        self, state: State, response: PageResponse, repeated_rows: int, rows_reached: int, *, shifted: bool
    ) -> NextPage:
        """The page after one that brought new rows."""
        far = max(rows_reached, state.get("far", 0))
        overlap = min(self.overlap, response.elements - 1)
        next_state: State = {"offset": state["offset"] + response.elements - overlap, "end": rows_reached, "far": far}
        if overlap:
            next_state |= {"tail": list(response.marks[-_MARKS_KEPT:]), "overlap": overlap}
            has_new_rows = rows_reached > state.get("far", 0)
            # The step stays short where the source rounds offsets; returns are counted until a new row comes.
            next_state |= {
                name: state[name]
                for name in ("step", "returns")
                if name in state and (name == "step" or not has_new_rows)
            }
        if reaches_total(rows_reached, response.total):
            next_state["past_total"] = True
        return NextPage(next_state, repeated_rows=repeated_rows, rows_reached=rows_reached, shifted=shifted)

    def paths(self) -> list[str]:
        return [self.more] if self.more else []

    def _go_back(self, state: State, rows_reached: int) -> NextPage:
        """An earlier page, because this one begins with no row of the page before.

        Rows were deleted, and others moved up over the boundary; or the source rounds offsets. Each time that going
        back has brought no new row, the next step is half as long.
        """
        offset: int = state["offset"]
        return_count = state.get("returns", 0) + (0 if state.get("going_back") else 1)
        full_step = max(1, self.limit - self.overlap)
        step = full_step if return_count <= 1 and "step" not in state else max(1, state.get("step", full_step))
        if return_count > 1 and not state.get("going_back"):
            step = max(1, step // 2)
        if return_count > MAX_RETURNS:
            raise self._misaligned_error(offset)
        earlier_offset = max(self.start, offset - step)
        note = f"Rows moved while offset {offset} was read; going back to offset {earlier_offset}."
        earlier_state = {**state, "offset": earlier_offset, "step": step, "returns": return_count, "going_back": True}
        return NextPage(earlier_state, (note,), rows_reached=rows_reached, shifted=True)

    def _misaligned_error(self, offset: int) -> SourceChanged:
        return SourceChanged(
            f"Offset {offset} does not begin with the last row of the page before, also when it is read again: the "
            'source rounds offsets to multiples of the limit (then declare "overlap": 0), gives its last page for ever'
            f' ("clamped": true), takes no parameter {self.param!r}, or lists in no stable order. It would never end.'
        )
