"""A source that sends all its records on a single page."""

from __future__ import annotations

from typing import Literal

from ingestion import SourceChanged
from integrations.rest.exchange import Call, NextPage, PageResponse, State
from integrations.rest.paging.links import link_target
from integrations.rest.paging.signals import more_flags, next_page_candidates, stated_page_count, stated_total
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

    def first_state(self) -> State:
        return {}

    def call_for(self, call: Call, state: State) -> Call:
        return call

    def follow(self, state: State, response: PageResponse) -> NextPage:
        if self.first_only:
            return NextPage(None)
        for _, statement in more_flags(response):
            raise SourceChanged(
                f"The page says that more pages follow ({statement}), and no pagination is declared, so they would "
                f"never be read. {_DECLARE}"
            )
        if response.status == 206:
            raise SourceChanged(
                "The source answered 206 (partial content): this is a part of the list, and no pagination is declared, "
                f"so the rest would never be read. {_DECLARE}"
            )
        notes = tuple(f"{hint}, and no pagination is declared. {_DECLARE}" for hint in self._hints(response))
        return NextPage(None, notes)

    def _hints(self, response: PageResponse) -> list[str]:
        """Parts of the response that look like the way to a next page."""
        names = [f"{name!r} at {at}" for name, at in dict.fromkeys(next_page_candidates(response, "", None))]
        hints = [f"The page has {', '.join(names)}, which may lead to more pages"] if names else []
        if link_target(response.headers.get("link", ""), "next"):
            hints.append("The answer's Link header names a next page")
        if page_count := stated_page_count(response):
            hints.append(f"The page says that there are {page_count[1]} pages ({page_count[0]!r})")
        if total := stated_total(response, rows_read=response.elements):
            hints.append(f"The page has {response.elements} records, and {total[0]!r} says {total[1]}")
        return hints

    def paths(self) -> list[str]:
        return []
