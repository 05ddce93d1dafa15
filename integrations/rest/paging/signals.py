"""What a page says about the pages after it: yes, no, or nothing that can be read, which is neither.

A page without records needs to say nothing. A page with records that lacks what its style looks at may have more pages
behind it that nobody would ever ask for, so that ends in SourceChanged unless its source is known to leave it out.
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
from integrations.rest.answers import no_failure
from integrations.rest.exchange import Answer, State
from integrations.rest.paths import MISSING, path_of

Scalar = bool | int | str
_NEXT = re.compile(r"next|cursor|more|continu|(page|sync|skip)_?token|last_?evaluated|after$", re.IGNORECASE)
_MORE = re.compile(
    r"(has_?)?(more|next)(_?(pages?|items|results|records|data))?|(is_?|was_?)?truncated|exceeded_?transfer_?limit|"
    r"((results?|row|record|page|max)_?)?limit_?(exceeded|reached|hit)",
    re.IGNORECASE,
)
_LAST = re.compile(r"(is_?)?last(_?page)?|(is_?)?done", re.IGNORECASE)
_PAGES = re.compile(r"(total|last|max|num(ber)?_?of)_?pages?|pages?_?(count|total)|pages", re.IGNORECASE)
_TOTAL = re.compile(r"total(_?(count|results|items|records|elements|size|hits|rows))?", re.IGNORECASE)
TOTAL_HEADERS = ("X-Total-Count", "X-Total", "X-WP-Total", "X-Total-Results", "X-Pagination-Total-Count")
"""Headers that usually count all records."""
_RANGE = re.compile(r"\w+ (?:\d+-\d+|\*)/(\d{1,15})")
LAST_IS_EMPTY = 'if its last page is always empty, declare that in `pagination`: "empty_ends": true.'
NOT_TRUE = "if what it says of further pages is not to be believed, leave that out of `pagination`."
_BACK = re.compile(r"prev|before|first|last_?page|^last$|total|size|limit|count", re.IGNORECASE)


def promised(answer: Answer, path: str, yes: Collection[Scalar], no: Collection[Scalar], *, absent_ends: bool) -> bool:
    """The truth value at `path`: whether more pages follow. Raises SourceChanged for anything that is no such value."""
    value = answer.look(path)
    if _among(value, yes):
        return True
    if _among(value, no):
        return False
    if value is MISSING or value is None:
        require_sight(answer, path, absent_ends=absent_ends)
        return False
    raise SourceChanged(
        f"At {path} stands {_shown(value)}, which says neither that more pages follow ({_listed(yes)}) nor that none "
        f"do ({_listed(no)}). Declare in `pagination` which values do, such as {_as_json('more_values', value)}, or "
        f"{_as_json('last_values', value)}."
    )


def says_more(answer: Answer, path: str, yes: Collection[Scalar]) -> bool:
    """Whether the page says that more follow; False also where it says nothing that can be read."""
    return bool(path) and _among(answer.look(path), yes)


def broken(answer: Answer, promise: str, remedy: str) -> SourceChanged:
    """The error of a page that is not there although the source itself named or promised it."""
    came = f"status {answer.status} came" if not answer.there else "none came"
    return SourceChanged(
        f"{promise}, but {came} in its place: records may be missing, so this is no end. Ask the source; {remedy}"
    )


def number_of_pages(answer: Answer, path: str, *, absent_ends: bool, known: int | None = None) -> int | None:
    """The number at `path`, rounded up. Of a page that lacks it: None where that ends, else what an earlier one said.

    Raises SourceChanged for what is no number.
    """
    value = answer.look(path)
    if value is MISSING or value is None:
        if known is not None and not absent_ends:
            return known
        require_sight(answer, path, absent_ends=absent_ends)
        return None
    try:
        number = Decimal("NaN") if isinstance(value, bool | list | dict) else Decimal(str(value).strip())
        pages = int(number.to_integral_value(ROUND_CEILING)) if number.is_finite() and number.adjusted() < 12 else -1
    except InvalidOperation:
        pages = -1
    if pages < 0 or (pages == 0 and answer.elements):
        raise SourceChanged(f"At {path} stands {_shown(value)}, which is no number of pages of a page with records.")
    return pages


def ends(value: Any, declared: Collection[Scalar]) -> bool:
    """Whether a cursor or address says that there is no next page."""
    return value is None or value is False or value == "" or _among(value, declared)


def require_sight(answer: Answer, path: str, *, absent_ends: bool, sent: Any = None) -> None:
    """Raise SourceChanged where a page with records lacks what names the next page, and nothing else shows its end.

    An end is shown by the source's own total, or by a declaration that says so, unless another member looks like what
    was looked for under a new name. `sent` is what the page was asked for with: some sources repeat it.
    """
    if not answer.elements or (answer.total is not None and answer.read >= answer.total):
        return
    strange = next(resembling(answer, path, sent), None)
    if absent_ends and strange is None:
        return
    if absent_ends and strange is not None:
        raise SourceChanged(
            f"The page has {counted(answer.elements, 'record')} and nothing at {path}, but a member {strange[0]!r} "
            f"at {strange[1]} that looks like it. Has the source renamed it? Correct the path."
        )
    hint = f" There is {strange[0]!r} at {strange[1]}: correct the path if that is it." if strange else ""
    raise SourceChanged(
        f"The page has {counted(answer.elements, 'record')} and nothing at {path}, so whether another page follows "
        f"cannot be seen.{hint} If the source leaves it out on its last page, declare that in "
        '`pagination`: "absent_ends": true.'
    )


def resembling(answer: Answer, path: str, sent: Any) -> Iterator[tuple[str, str]]:
    """Name and path of members around the records that look like the way to a next page and hold something."""
    for at, name, value in _leaves(_around(answer), 3):
        fits = _NEXT.search(name) and not _BACK.search(name) and name != re.split(r"[.\]]", path)[-1]
        if fits and value not in (None, "", False, 0, [], {}) and value != sent and str(value) != str(sent):
            yield mask(name)[:60], mask(at)[:200]


def truths_of_more(answer: Answer) -> Iterator[tuple[str, str]]:
    """Where members around the records stand that by their names say that more pages follow, and each with what it
    says: "has_more" true, "last" false.
    """
    for path, name, value in _leaves(_around(answer), 3):
        said = str(value).lower() if isinstance(value, str | bool) else ""
        if (said == "true" and _MORE.fullmatch(name)) or (said == "false" and _LAST.fullmatch(name)):
            yield path, f"{mask(name)[:60]!r} is {said}"


def require_end(answer: Answer, paging: Any, told: Collection[str]) -> None:
    """Raise SourceChanged where the last page has records and says itself that more pages follow, in a member that the
    paging does not look at and that is not `told` to say something else. A total that is reached proves the end.
    """
    if paging.style == "none" or getattr(paging, "more", "") or not answer.elements:
        return
    if answer.total is not None and answer.read >= answer.total:
        return
    for path, said in truths_of_more(answer):
        if path not in told:
            raise SourceChanged(
                f"The page says that more pages follow ({said}), but is the last one by what `pagination` looks at. "
                "Has the source renamed that? Correct it. If the member says something else, declare that: "
                f"{no_failure(mask(path)[:100])}."
            )


def require_text(state: State | None) -> None:
    """Raise SourceChanged for a next page whose name is no text, so that it could neither be asked for nor be kept."""
    try:
        msgspec.json.encode(state)
    except UnicodeEncodeError:
        raise SourceChanged(
            "What the source names its next page by holds half a character (a surrogate without its other half), so it "
            "cannot be asked for."
        ) from None


def pages_beside(answer: Answer) -> tuple[str, int] | None:
    """A member around the records that counts more pages than one, and what it says."""
    for _, name, value in _leaves(_around(answer), 3):
        if _PAGES.fullmatch(name) and type(value) is int and value > 1:
            return mask(name)[:60], value
    return None


def total_beside(answer: Answer, *, read: int) -> tuple[str, int, str] | None:
    """A member around the records, or a header, that counts more of them than were `read`: its name, what it says, and
    how it is declared ('' where it cannot be).
    """
    for at, name, value in _leaves(_around(answer), 3):
        if _TOTAL.fullmatch(name) and type(value) is int and value > read:
            return mask(name)[:60], value, f'"total": "{mask(at)[:200]}"'
    for name in TOTAL_HEADERS:
        said = answer.headers.get(name.lower(), "").strip()
        if said.isdecimal() and len(said) < 16 and int(said) > read:
            return name, int(said), f'"total_header": "{name}"'
    range_of = _RANGE.fullmatch(answer.headers.get("content-range", "").strip())
    if range_of and int(range_of[1]) > read:
        return "Content-Range", int(range_of[1]), ""
    return None


def _around(answer: Answer) -> Any:
    return json.loads(answer.around) if answer.around else {}


def _leaves(value: Any, depth: int, way: tuple[str, ...] = ()) -> Iterator[tuple[str, str, Any]]:
    """Path, the last word of the name, and value of what is no list."""
    if isinstance(value, Mapping):
        for name, one in value.items():
            if isinstance(one, Mapping) and depth:
                yield from _leaves(one, depth - 1, (*way, name))
            elif not isinstance(one, list):
                yield path_of((*way, name)), name.rpartition(".")[2], one


def _among(value: Any, declared: Collection[Scalar]) -> bool:
    """Equal and of the same type: the text "false" is not false, and 1 is not true."""
    return any(type(value) is type(one) and value == one for one in declared)


def _as_json(name: str, value: Any) -> str:
    one = json.dumps(mask(value)[:40] if isinstance(value, str) else value, default=str)
    return f'"{name}": [{one if not isinstance(value, dict | list) else "…"}]'


def _listed(values: Collection[Scalar]) -> str:
    return ", ".join(map(_shown, values)) or "none"


def _shown(value: Any) -> str:
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else "a list"
    return f"the text {mask(value)[:40]!r}" if isinstance(value, str) else str(value).lower()


def aligned(tail: Sequence[str], marks: Sequence[str], overlap: int) -> int:
    """How many of a page's first elements are known: up to the latest row of the page before that stands on it."""
    expected = tail[-overlap:]
    if marks[: len(expected)] == expected:  # nothing moved; also right where rows are equal to one another
        return len(expected)
    first: dict[str, int] = {}
    for index, one in enumerate(marks):
        first.setdefault(one, index)
    return next((first[one] + 1 for one in reversed(tail) if one in first), 0)
