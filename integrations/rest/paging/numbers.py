"""Pages by number or offset: rows that come or go meanwhile shift the others, so both look for lost ones.

What is guaranteed, for a source that lists in a stable order: `Offset` reads every row that is there from the first to
the last page, because each page must begin with rows of the page before it; where it does not, it goes back. A
`PageNumber` source shows deletions by its total alone: when the total falls, pages are read again. A row deleted and
another one added between two pages leave the total as it was, and a row that moved over the boundary then waits for the
next full read.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from ingestion import SourceChanged
from integrations.rest.exchange import Answer, Call, State, Turn
from integrations.rest.paging.signals import NOT_TRUE, Scalar, aligned, broken, number_of_pages, promised, says_more
from integrations.rest.values import Value

PAST_THE_TOTAL = frozenset({400, 404, 410, 416, 422})
"""What a source may answer where its own total says that there is nothing more; it is asked whether that is so."""
_TAIL = 50
"""Marks of the page before that are kept in the checkpoint; a new page must hold one of them."""
_RETURNS = 3
"""How often a reading goes back without meeting a new row before it does something else."""


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

    def first(self) -> State:
        return {"page": self.start}

    def ask(self, call: Call, state: State) -> Call:
        if self.size_param:
            call = call.asking(self.place, self.size_param, self.size)
        return call.asking(self.place, self.param, state["page"])

    def follow(self, state: State, answer: Answer) -> Turn:
        number, before = state["page"], state.get("read", 0)
        if answer.again and (self.clamped or _covered(before, answer.total)):
            if self._was_promised(state) and self._still_promises(state, answer):
                raise broken(answer, f"{self.more or self.pages} promised a page {number} of its own", NOT_TRUE)
            return Turn(None, repeats=answer.elements, reached=before, dropped=True)
        if answer.elements == 0:
            return self._empty(state, answer)
        read, far = before + answer.elements, max(before + answer.elements, state.get("far", 0))
        new = read > state.get("far", 0)
        first, least = state.get("first", answer.elements), min(answer.elements, state.get("least", answer.elements))
        after: State = {
            **{name: state[name] for name in ("ended",) if name in state},
            "page": number + 1, "first": first, "least": least, "total": answer.total, "read": read, "far": far,
            "last": answer.elements, "returns": 0 if new else state.get("returns", 0),
        }  # fmt: skip
        fallen = 0 if answer.total is None else (state.get("total") or 0) - answer.total
        if fallen > 0 and number > self.start and after["returns"] < _RETURNS:
            back = max(self.start, number - -(-fallen // least))
            note = f"The total fell by {fallen} while page {number} was read; going back to page {back}."
            again = {**after, "page": back, "read": (back - self.start) * first, "returns": after["returns"] + 1}
            return Turn(again, (note,), reached=again["read"], shifted=True)
        pages = self._pages(answer, state)
        if self._ends(number, answer, pages):
            return Turn(None, reached=read)
        if pages is not None:
            after["pages"] = pages
        if _covered(read, answer.total):
            after["past_total"] = True
        return Turn(after, reached=read)

    def _empty(self, state: State, answer: Answer) -> Turn:
        """The end; but where the total had promised this page, rows were deleted: look at the page before once more."""
        number, read = state["page"], state.get("read", 0)
        gone = not answer.there and self._was_promised(state)
        if (
            answer.there
            and not _covered(read, answer.total)
            and (self.more or self.pages)
            and not self._ends(number, answer, self._pages(answer, state))
        ):
            return Turn({**state, "page": number + 1}, reached=read)
        if gone and state.get("ended") == number:
            raise broken(answer, f"{self.more or self.pages} promised page {number}, twice", NOT_TRUE)
        promised_rows = gone or read < (state.get("total") or 0)
        if number == self.start or not promised_rows or state.get("ended") == number:
            return Turn(None, reached=read)
        note = f"Page {number} was gone when it was read; going back to page {number - 1}."
        read = max(0, read - state.get("last", 0))
        return Turn({**state, "page": number - 1, "ended": number, "read": read}, (note,), reached=read)

    def _was_promised(self, state: State) -> bool:
        """Whether an earlier page said that this one is there."""
        behind = state["page"] - self.start
        return behind > 0 and (bool(self.more) or behind < state.get("pages", 0))

    def _still_promises(self, state: State, answer: Answer) -> bool:
        """Whether this page, an earlier one given again, says that another follows: then it was not the last."""
        if self.more:
            return says_more(answer, self.more, self.more_values)
        pages = self._pages(answer, state)
        return pages is not None and state["page"] - self.start < pages

    def _promises(self, answer: Answer) -> bool:
        return promised(answer, self.more, self.more_values, self.last_values, absent_ends=self.absent_ends)

    def _pages(self, answer: Answer, state: State) -> int | None:
        """How many pages there are: by this page, or by an earlier one where only the first ones say it."""
        if self.more or not self.pages:
            return None
        return number_of_pages(answer, self.pages, absent_ends=self.absent_ends, known=state.get("pages"))

    def _ends(self, number: int, answer: Answer, pages: int | None) -> bool:
        if self.more:
            return not self._promises(answer)
        if self.pages:
            return pages is None or number - self.start + 1 >= pages
        return False  # a total proves the count, so it cannot also say when to stop counting

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

    def first(self) -> State:
        return {"offset": self.start}

    def ask(self, call: Call, state: State) -> Call:
        if self.limit_param:
            call = call.asking(self.place, self.limit_param, self.limit)
        return call.asking(self.place, self.param, state["offset"])

    def follow(self, state: State, answer: Answer) -> Turn:
        end = state.get("end", 0)
        if answer.again and (self.clamped or _covered(end, answer.total)):
            if says_more(answer, self.more, self.more_values):
                raise broken(answer, f"{self.more} promises rows after offset {state['offset']}", NOT_TRUE)
            return Turn(None, repeats=answer.elements, reached=end, dropped=True)
        tail = state.get("tail", []) if state["offset"] > self.start else []
        overlap = min(state.get("overlap", 0), len(tail))
        known = aligned(tail, answer.marks, overlap) if overlap else 0
        if overlap and not known:
            return self._back(state, end)
        if answer.elements <= known and answer.elements <= overlap:
            promised_rows = self.more and not answer.there and state["offset"] > self.start
            if promised_rows or says_more(answer, self.more, self.more_values):
                raise broken(answer, f"{self.more} promises rows from offset {state['offset']} on", NOT_TRUE)
            return Turn(None, repeats=known, reached=end)
        if answer.again and overlap and known >= answer.elements:
            raise self._rounded(state["offset"])
        base = max(0, end - known) if overlap or state["offset"] > self.start else 0
        if self.more and not promised(
            answer, self.more, self.more_values, self.last_values, absent_ends=self.absent_ends
        ):
            return Turn(None, repeats=known, reached=base + answer.elements, shifted=known != overlap)
        return self._on(state, answer, known, base + answer.elements, shifted=known != overlap)

    def _on(self, state: State, answer: Answer, known: int, reached: int, *, shifted: bool) -> Turn:
        """To the page after one that brought rows."""
        far = max(reached, state.get("far", 0))
        overlap = min(self.overlap, answer.elements - 1)
        after: State = {"offset": state["offset"] + answer.elements - overlap, "end": reached, "far": far}
        if overlap:
            after |= {"tail": list(answer.marks[-_TAIL:]), "overlap": overlap}
            new = reached > state.get("far", 0)
            after |= {
                name: state[name] for name in ("step", "returns") if name in state and (name == "step" or not new)
            }
        if _covered(reached, answer.total):
            after["past_total"] = True
        return Turn(after, repeats=known, reached=reached, shifted=shifted)

    def paths(self) -> list[str]:
        return [self.more] if self.more else []

    def _back(self, state: State, end: int) -> Turn:
        """Nothing of the page before is here: rows were deleted, and others moved up over the boundary.

        Or the source rounds offsets. Each time that going back has brought no new row, the next step is half as long.
        """
        offset: int = state["offset"]
        returns = state.get("returns", 0) + (0 if state.get("going_back") else 1)
        full = max(1, self.limit - self.overlap)
        step = full if returns <= 1 and "step" not in state else max(1, state.get("step", full))
        if returns > 1 and not state.get("going_back"):
            step = max(1, step // 2)
        if returns > _RETURNS:
            raise self._rounded(offset)
        back = max(self.start, offset - step)
        note = f"Rows moved while offset {offset} was read; going back to offset {back}."
        after = {**state, "offset": back, "step": step, "returns": returns, "going_back": True}
        return Turn(after, (note,), reached=end, shifted=True)

    def _rounded(self, offset: int) -> SourceChanged:
        return SourceChanged(
            f"Offset {offset} does not begin with the last row of the page before, also when it is read again: the "
            'source rounds offsets to multiples of the limit (then declare "overlap": 0), gives its last page for ever'
            f' ("clamped": true), takes no parameter {self.param!r}, or lists in no stable order. It would never end.'
        )


def foreseen(declared: Any, state: State) -> list[State]:
    """Where the pages after `state` will probably be asked for; none beyond what the total promises."""
    paging, ahead = declared.pagination, range(1, declared.concurrency)
    if paging.style == "page":
        total, size = state.get("total"), state.get("first") or paging.size
        last = paging.start + -(-total // size) - 1 if total is not None else None
        return [{**state, "page": state["page"] + n} for n in ahead if last is None or state["page"] + n <= last]
    return [{**state, "offset": state["offset"] + n * paging.limit} for n in ahead]


def _covered(read: int, total: Any) -> bool:
    return total is not None and read >= total
