"""A source that answers with everything at once."""

from __future__ import annotations

from typing import Literal

from integrations.rest.exchange import Answer, Call, State, Turn
from integrations.rest.values import Value


class NoPages(Value):
    """One call brings everything."""

    style: Literal["none"] = "none"

    def first(self) -> State:
        return {}

    def ask(self, call: Call, state: State) -> Call:
        return call

    def follow(self, state: State, answer: Answer) -> Turn:
        return Turn(None)

    def paths(self) -> list[str]:
        return []
