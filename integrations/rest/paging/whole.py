"""A source that answers with everything at once."""

from __future__ import annotations

from typing import Literal

from ingestion import SourceChanged
from integrations.rest.exchange import Answer, Call, State, Turn
from integrations.rest.paging.links import link
from integrations.rest.paging.signals import pages_beside, resembling, total_beside, truths_of_more
from integrations.rest.values import Value

_DECLARE = (
    "Declare how to reach the others (`pagination`: cursor, next_url, link_header, page, offset or since_id), or that "
    'they are not wanted: "first_only": true.'
)


class NoPages(Value):
    """One call brings everything. A page that says that more follow is refused, and one that names a next one noted."""

    style: Literal["none"] = "none"
    first_only: bool = False
    """The source has more pages, and only the first one is wanted."""

    def first(self) -> State:
        return {}

    def ask(self, call: Call, state: State) -> Call:
        return call

    def follow(self, state: State, answer: Answer) -> Turn:
        if self.first_only:
            return Turn(None)
        for _, said in truths_of_more(answer):
            raise SourceChanged(
                f"The page says that more pages follow ({said}), and no pagination is declared, so they would never "
                f"be read. {_DECLARE}"
            )
        if answer.status == 206:
            raise SourceChanged(
                "The source answered 206 (partial content): this is a part of the list, and no pagination is declared, "
                f"so the rest would never be read. {_DECLARE}"
            )
        return Turn(None, tuple(f"{said}, and no pagination is declared. {_DECLARE}" for said in self._hints(answer)))

    def _hints(self, answer: Answer) -> list[str]:
        """What on the page looks like the way to a next one."""
        names = [f"{name!r} at {at}" for name, at in dict.fromkeys(resembling(answer, "", None))]
        hints = [f"The page has {', '.join(names)}, which may lead to more pages"] if names else []
        if link(answer.headers.get("link", ""), "next"):
            hints.append("The answer's Link header names a next page")
        if pages := pages_beside(answer):
            hints.append(f"The page says that there are {pages[1]} pages ({pages[0]!r})")
        if beside := total_beside(answer, read=answer.elements):
            hints.append(f"The page has {answer.elements} records, and {beside[0]!r} says {beside[1]}")
        return hints

    def paths(self) -> list[str]:
        return []
