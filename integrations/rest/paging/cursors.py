"""Pages after an opaque cursor of the source, or after the last record's id. Rows that come or go shift nothing."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Literal

from pydantic import Field

from ingestion import SourceChanged
from integrations.rest.exchange import Answer, Call, State, Turn
from integrations.rest.paging.signals import LAST_IS_EMPTY, NOT_TRUE, Scalar, broken, ends, promised, require_sight
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

    def first(self) -> State:
        return {}

    def ask(self, call: Call, state: State) -> Call:
        return call.asking(self.place, self.param, state["cursor"]) if "cursor" in state else call

    def follow(self, state: State, answer: Answer) -> Turn:
        if self.empty_ends and not answer.elements:
            return Turn(None)
        if not answer.there and "cursor" in state:
            raise broken(answer, f"The page before named this one at {self.next}", LAST_IS_EMPTY)
        absent = self.absent_ends
        if self.more and not promised(answer, self.more, self.more_values, self.last_values, absent_ends=absent):
            return Turn(None)
        cursor = answer.look(self.next)
        if self.more and (cursor is MISSING or ends(cursor, self.ends)):
            raise SourceChanged(f"{self.more} promises another page, but there is no cursor at {self.next}.")
        if cursor is MISSING:
            require_sight(answer, self.next, absent_ends=absent, sent=state.get("cursor"))
            return Turn(None)
        if ends(cursor, self.ends):
            return Turn(None)
        after = _sendable(cursor, self.next)
        if self.repeat_ends and "cursor" in state and str(after) == str(state["cursor"]):
            return Turn(None)
        return Turn({"cursor": after})

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

    def first(self) -> State:
        return {}

    def ask(self, call: Call, state: State) -> Call:
        return call.asking(self.place, self.param, state["since"]) if "since" in state else call

    def follow(self, state: State, answer: Answer) -> Turn:
        since = state.get("since")
        if self.more and not answer.there and since is not None:
            raise broken(answer, f"{self.more} promised another page", NOT_TRUE)
        if state.get("first", since) in answer.ids and state.get("first", since) != since:
            raise SourceChanged(
                f"The page after {self.param}={since!r} brings {state['first']!r} again, the first record of the page "
                f"before: the source does not list by that id, lists its newest records first, or does not know the "
                f"parameter {self.param!r}. Have it sort by the id, ascending, or declare another style of pagination. "
                'A page that begins with the record it was asked after is declared in `pagination`: "inclusive": true.'
            )
        repeats = int(self.inclusive and bool(answer.ids) and answer.ids[0] == since)
        if answer.elements == repeats and not self._more(answer, unless=False):
            return Turn(None, repeats=repeats, dropped=bool(repeats))
        if not self._more(answer, unless=True):
            return Turn(None, repeats=repeats)
        if not answer.ids or not answer.ids[-1]:
            raise SourceChanged("The last record of the page has no id, so the page after it cannot be asked for.")
        return Turn({"since": answer.ids[-1], "first": answer.ids[0]}, repeats=repeats)

    def _more(self, answer: Answer, *, unless: bool) -> bool:
        """What `more` says; `unless` where it is not declared."""
        if not self.more:
            return unless
        return promised(answer, self.more, self.more_values, self.last_values, absent_ends=self.absent_ends)

    def paths(self) -> list[str]:
        return [self.more] if self.more else []


def _sendable(cursor: Any, path: str) -> int | str:
    if isinstance(cursor, str) or (isinstance(cursor, int) and not isinstance(cursor, bool)):
        return cursor
    if isinstance(cursor, Decimal):
        return str(cursor)
    kind = "an object" if isinstance(cursor, dict) else "a list" if isinstance(cursor, list) else str(cursor).lower()
    raise SourceChanged(f"At {path} stands {kind}, which is no cursor.")
