"""Pages after an opaque cursor of the source, or after the last record's id. Rows that come or go shift nothing."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from ingestion import SourceChanged
from integrations.rest.exchange import Answer, Call, State, Turn
from integrations.rest.paths import peek
from integrations.rest.values import Value


class Cursor(Value):
    """The page says what to ask for next; a missing, null or empty cursor ends the reading."""

    style: Literal["cursor"] = "cursor"
    param: str = Field("cursor", min_length=1)
    """What the cursor is sent as; a dotted name when it goes into the body ("variables.after")."""
    next: str = "$.next_cursor"
    """Path of the next cursor in the page."""
    more: str = ""
    """Path of a truth value that says whether there are more pages, where the source has one."""
    place: Literal["query", "body"] = "query"

    def first(self) -> State:
        return {}

    def ask(self, call: Call, state: State) -> Call:
        return call.asking(self.place, self.param, state["cursor"]) if "cursor" in state else call

    def follow(self, state: State, answer: Answer) -> Turn:
        if self.more and not peek(answer.body, self.more):
            return Turn(None)
        cursor = peek(answer.body, self.next)
        if cursor is None or cursor == "" or cursor is False:
            if self.more:
                raise SourceChanged(f"{self.more} promises another page, but there is no cursor at {self.next}.")
            return Turn(None)
        return Turn({"cursor": cursor if isinstance(cursor, int) else str(cursor)})

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
    place: Literal["query", "body"] = "query"

    def first(self) -> State:
        return {}

    def ask(self, call: Call, state: State) -> Call:
        return call.asking(self.place, self.param, state["since"]) if "since" in state else call

    def follow(self, state: State, answer: Answer) -> Turn:
        more = peek(answer.body, self.more) if self.more else answer.elements > 0
        if not more:
            return Turn(None)
        if not answer.ids or not answer.ids[-1]:
            raise SourceChanged("The last record of the page has no id, so the page after it cannot be asked for.")
        return Turn({"since": answer.ids[-1]})

    def paths(self) -> list[str]:
        return [self.more] if self.more else []
