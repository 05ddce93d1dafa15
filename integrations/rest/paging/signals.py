"""Reads what a page says about the pages after it: that more follow, that none do, or nothing.

A page without records need not say anything. A page with records that lacks what its style looks at may be followed by
pages that would never be requested. It raises SourceChanged, unless the declaration says that the source leaves the
member out on its last page.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from decimal import ROUND_CEILING, Decimal, InvalidOperation
from typing import Any

import msgspec

from ingestion import SourceChanged, counted
from ingestion.redaction import mask
from integrations.rest.answers import no_failure_signal
from integrations.rest.exchange import PageResponse, State
from integrations.rest.paths import MISSING, spell_path

Scalar = bool | int | str
_NEXT_NAMES = re.compile(r"next|cursor|more|continu|(page|sync|skip)_?token|last_?evaluated|after$", re.IGNORECASE)
_MORE_NAMES = re.compile(
    r"(has_?)?(more|next)(_?(pages?|items|results|records|data))?|(is_?|was_?)?truncated|exceeded_?transfer_?limit|"
    r"((results?|row|record|page|max)_?)?limit_?(exceeded|reached|hit)",
    re.IGNORECASE,
)
_LAST_NAMES = re.compile(r"(is_?)?last(_?page)?|(is_?)?done", re.IGNORECASE)
_PAGE_COUNT_NAMES = re.compile(r"(total|last|max|num(ber)?_?of)_?pages?|pages?_?(count|total)|pages", re.IGNORECASE)
_TOTAL_NAMES = re.compile(r"total(_?(count|results|items|records|elements|size|hits|rows))?", re.IGNORECASE)
TOTAL_HEADERS = ("X-Total-Count", "X-Total", "X-WP-Total", "X-Total-Results", "X-Pagination-Total-Count")
"""Headers that usually state how many records there are."""
_CONTENT_RANGE = re.compile(r"\w+ (?:\d+-\d+|\*)/(\d{1,15})")
LAST_IS_EMPTY = 'if its last page is always empty, declare that in `pagination`: "empty_ends": true.'
NOT_TRUE = "if what it says of further pages is not to be believed, leave that out of `pagination`."
_OTHER_NAMES = re.compile(r"prev|before|first|last_?page|^last$|total|size|limit|count", re.IGNORECASE)


def promises_more(
    response: PageResponse, path: str, yes: Collection[Scalar], no: Collection[Scalar], *, absent_ends: bool
) -> bool:
    """Whether the value at `path` promises another page. Raises SourceChanged for a value that is not declared."""
    value = response.value_at(path)
    if _equals_any(value, yes):
        return True
    if _equals_any(value, no):
        return False
    if value is MISSING or value is None:
        require_visible_end(response, path, absent_ends=absent_ends)
        return False
    raise SourceChanged(
        f"At {path} stands {_describe(value)}, which says neither that more pages follow ({_describe_all(yes)}) nor "
        f"that none do ({_describe_all(no)}). Declare in `pagination` which values do, such as "
        f"{_as_json('more_values', value)}, or {_as_json('last_values', value)}."
    )


def says_more(response: PageResponse, path: str, yes: Collection[Scalar]) -> bool:
    """Whether the page says that more pages follow; False also where it says nothing readable."""
    return bool(path) and _equals_any(response.value_at(path), yes)


def broken_promise(response: PageResponse, promise: str, remedy: str) -> SourceChanged:
    """The error of a missing page that the source itself had named or promised."""
    came = f"status {response.status} came" if not response.is_page else "none came"
    return SourceChanged(
        f"{promise}, but {came} in its place: records may be missing, so this is no end. Ask the source; {remedy}"
    )


def number_of_pages(
    response: PageResponse, path: str, *, absent_ends: bool, earlier_count: int | None = None
) -> int | None:
    """The number of pages at `path`, rounded up.

    For a page without it: None where `absent_ends` makes it the last one, otherwise the count of an earlier page.
    Raises SourceChanged for a value that is no number.
    """
    value = response.value_at(path)
    if value is MISSING or value is None:
        if earlier_count is not None and not absent_ends:
            return earlier_count
        require_visible_end(response, path, absent_ends=absent_ends)
        return None
    try:
        decimal = Decimal("NaN") if isinstance(value, bool | list | dict) else Decimal(str(value).strip())
        pages = int(decimal.to_integral_value(ROUND_CEILING)) if decimal.is_finite() and decimal.adjusted() < 12 else -1
    except InvalidOperation:
        pages = -1
    if pages < 0 or (pages == 0 and response.elements):
        raise SourceChanged(f"At {path} stands {_describe(value)}, which is no number of pages of a page with records.")
    return pages


def ends_paging(value: Any, declared: Collection[Scalar]) -> bool:
    """Whether the value of a cursor or an address means that there is no next page."""
    return value is None or value is False or value == "" or _equals_any(value, declared)


def require_visible_end(response: PageResponse, path: str, *, absent_ends: bool, sent: Any = None) -> None:
    """Raise SourceChanged where a page with records lacks what names the next page, and nothing else shows its end.

    The source's own total shows an end, and so does a declaration, unless another member looks like the missing one
    under a new name. `sent` is the cursor of this page, which some sources repeat and which is no next page.
    """
    if not response.elements or (response.total is not None and response.rows_read >= response.total):
        return
    candidate = next(next_page_candidates(response, path, sent), None)
    if absent_ends and candidate is None:
        return
    if absent_ends and candidate is not None:
        raise SourceChanged(
            f"The page has {counted(response.elements, 'record')} and nothing at {path}, but a member {candidate[0]!r} "
            f"at {candidate[1]} that looks like it. Has the source renamed it? Correct the path."
        )
    hint = f" There is {candidate[0]!r} at {candidate[1]}: correct the path if that is it." if candidate else ""
    raise SourceChanged(
        f"The page has {counted(response.elements, 'record')} and nothing at {path}, so whether another page follows "
        f"cannot be seen.{hint} If the source leaves it out on its last page, declare that in "
        '`pagination`: "absent_ends": true.'
    )


def next_page_candidates(response: PageResponse, path: str, sent: Any) -> Iterator[tuple[str, str]]:
    """Name and path of members of the envelope that look like the way to a next page and have a value."""
    for at, name, value in _scalar_members(_envelope(response), 3):
        is_candidate = (
            _NEXT_NAMES.search(name) and not _OTHER_NAMES.search(name) and name != re.split(r"[.\]]", path)[-1]
        )
        if is_candidate and value not in (None, "", False, 0, [], {}) and value != sent and str(value) != str(sent):
            yield mask(name)[:60], mask(at)[:200]


def more_flags(response: PageResponse) -> Iterator[tuple[str, str]]:
    """Path and statement of members of the envelope that say that more pages follow: "has_more" true, "last" false."""
    for path, name, value in _scalar_members(_envelope(response), 3):
        flag = str(value).lower() if isinstance(value, str | bool) else ""
        if (flag == "true" and _MORE_NAMES.fullmatch(name)) or (flag == "false" and _LAST_NAMES.fullmatch(name)):
            yield path, f"{mask(name)[:60]!r} is {flag}"


def require_end(response: PageResponse, paging: Any, signal_paths: Collection[str]) -> None:
    """Raise SourceChanged where the last page has records and says that more pages follow.

    It says so in a member that the paging does not look at and that no declared signal explains (`signal_paths`). A
    total that is reached proves the end all the same.
    """
    if paging.style == "none" or getattr(paging, "more", "") or not response.elements:
        return
    if response.total is not None and response.rows_read >= response.total:
        return
    for path, statement in more_flags(response):
        if path not in signal_paths:
            raise SourceChanged(
                f"The page says that more pages follow ({statement}), but is the last one by what `pagination` looks "
                "at. Has the source renamed that? Correct it. If the member says something else, declare that: "
                f"{no_failure_signal(mask(path)[:100])}."
            )


def require_encodable(state: State | None) -> None:
    """Raise SourceChanged for a next page whose cursor or address is no valid text: it cannot be sent or stored."""
    try:
        msgspec.json.encode(state)
    except UnicodeEncodeError:
        raise SourceChanged(
            "What the source names its next page by holds half a character (a surrogate without its other half), so it "
            "cannot be asked for."
        ) from None


def stated_page_count(response: PageResponse) -> tuple[str, int] | None:
    """Name and value of a member of the envelope that counts more pages than one."""
    for _, name, value in _scalar_members(_envelope(response), 3):
        if _PAGE_COUNT_NAMES.fullmatch(name) and type(value) is int and value > 1:
            return mask(name)[:60], value
    return None


def stated_total(response: PageResponse, *, rows_read: int) -> tuple[str, int, str] | None:
    """A member of the envelope, or a header, that counts more records than `rows_read`.

    The result has its name, its value, and the JSON by which it is declared ('' where it cannot be).
    """
    for at, name, value in _scalar_members(_envelope(response), 3):
        if _TOTAL_NAMES.fullmatch(name) and type(value) is int and value > rows_read:
            return mask(name)[:60], value, f'"total": "{mask(at)[:200]}"'
    for name in TOTAL_HEADERS:
        header_value = response.headers.get(name.lower(), "").strip()
        if header_value.isdecimal() and len(header_value) < 16 and int(header_value) > rows_read:
            return name, int(header_value), f'"total_header": "{name}"'
    content_range = _CONTENT_RANGE.fullmatch(response.headers.get("content-range", "").strip())
    if content_range and int(content_range[1]) > rows_read:
        return "Content-Range", int(content_range[1]), ""
    return None


def _envelope(response: PageResponse) -> Any:
    return json.loads(response.envelope) if response.envelope else {}


def _scalar_members(value: Any, depth: int, names: tuple[str, ...] = ()) -> Iterator[tuple[str, str, Any]]:
    """Path, last part of the name, and value of each member that is neither an object nor a list."""
    if isinstance(value, Mapping):
        for name, child in value.items():
            if isinstance(child, Mapping) and depth:
                yield from _scalar_members(child, depth - 1, (*names, name))
            elif not isinstance(child, list):
                yield spell_path((*names, name)), name.rpartition(".")[2], child


def _equals_any(value: Any, allowed: Collection[Scalar]) -> bool:
    """Whether an allowed value is equal and of the same type: the text "false" is not false, and 1 is not true."""
    return any(type(value) is type(allowed_value) and value == allowed_value for allowed_value in allowed)


def _as_json(name: str, value: Any) -> str:
    text = json.dumps(mask(value)[:40] if isinstance(value, str) else value, default=str)
    return f'"{name}": [{text if not isinstance(value, dict | list) else "…"}]'


def _describe_all(values: Collection[Scalar]) -> str:
    return ", ".join(map(_describe, values)) or "none"


def _describe(value: Any) -> str:
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else "a list"
    return f"the text {mask(value)[:40]!r}" if isinstance(value, str) else str(value).lower()


def overlap_length(tail: Sequence[str], marks: Sequence[str], overlap: int) -> int:
    """How many of a page's first elements were read before: all up to the latest row of the page before."""
    overlapping_rows = tail[-overlap:]
    if (
        marks[: len(overlapping_rows)] == overlapping_rows
    ):  # nothing moved; also right where rows are equal to one another
        return len(overlapping_rows)
    positions: dict[str, int] = {}
    for index, mark in enumerate(marks):
        positions.setdefault(mark, index)
    return next((positions[mark] + 1 for mark in reversed(tail) if mark in positions), 0)
