"""The preview of a page before a connection runs: its records, and the schema that can be inferred from them.

Values that look like personal data or secrets are masked, by the name of their member or by their form. Values of every
credential that this process has opened are masked too.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import msgspec

from ingestion.core.records import Page
from ingestion.redaction import mask

SHOWN = 5
"""Records of a preview that are shown."""
SAMPLED = 200
"""Records that the schema is inferred from; a person waits for the result."""
_FIELDS, _DEPTH, _EXAMPLES, _LONGEST = 300, 6, 3, 60
_PRIVATE_NAMES = re.compile(
    r"(^|[^a-z])(e?-?mail|phone|mobile|fax|(first|last|full|sur|given|family|middle|nick|user|customer|contact|account|"
    r"holder|card|display)[-_ ]?name|login|author|address|street|city|zip|post(al)?[-_]?code|birth(day|date)?|dob|age|"
    r"gender|sex|ssn|tax[-_]?id|vat[-_]?id|passport|licen[cs]e|iban|bic|swift|account[-_]?(no|number)|card|cvc|cvv|pan|"
    r"ip|latitude|longitude|lat|lng|lon|geo|location|salary|password|passwd|pwd|secret|token|api[-_]?key|key|signature|"
    r"credential|cookie|session|authori[sz]ation|hash|salt|otp|pin)s?($|[^a-z])",
    re.IGNORECASE,
)
_PRIVATE_VALUES = re.compile(
    r"[^@\s]+@[^@\s]+\.[a-z]{2,}|"  # a mail address
    r"^\+?[\d\s()./-]{9,}$|"  # a telephone, account or card number
    r"^[A-Z]{2}\d{2}[A-Z0-9 ]{11,}$|"  # an IBAN
    r"^\d{1,3}(\.\d{1,3}){3}$|"  # an IP address
    r"eyJ[\w-]{8,}\.|(sk|rk|pk|whsec|ghp|gho|xox[abp]|glpat|AKIA|AIza)[_-]?\w{8,}|-----BEGIN|"
    r"^(?=.*\d)(?=.*[a-zA-Z])[\w+/=-]{24,}$|"  # long and random: perhaps a secret
    r"://[^/\s:@]+:[^/\s@]+@|[?&](token|key|secret|signature|sig|password)=",
    re.IGNORECASE,
)
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_TIMES = re.compile(r"\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}.*)?")
MASK = "•••"
_SEARCHED = 250
"""Characters of a value that are searched for private data; searching more would be slow and find little."""
_LONGEST_RECORD = 20_000
_encoder = msgspec.json.Encoder(decimal_format="number")


@dataclass(frozen=True, slots=True)
class Member:
    """One member of the records, at a dotted path; `[]` stands for the elements of a list."""

    path: str
    types: tuple[str, ...]
    """text, whole number, decimal, truth, time, date, list, object: those that occur."""
    present: int
    """In how many records (or elements of lists) it occurs."""
    missing: bool
    """Some records do not have it."""
    nullable: bool
    examples: tuple[str, ...]
    masked: bool


@dataclass(frozen=True, slots=True)
class Preview:
    """A page for people. `records` are formatted as JSON, with masks over values that look private."""

    count: int
    refused: int
    records: tuple[str, ...]
    members: tuple[Member, ...]
    notes: tuple[str, ...]
    reasons: tuple[str, ...] = ()
    """Why records were refused; the first few."""


@dataclass(slots=True)
class _PathSummary:
    types: dict[str, None] = field(default_factory=dict)
    present: int = 0
    owners: str = ""
    nulls: int = 0
    values: dict[str, None] = field(default_factory=dict)
    masked: bool = False


def preview(page: Page) -> Preview:
    """The preview of `page`. A member that is masked in the schema is masked in every record."""
    bodies = [record.body for record in page.records]
    paths, owners = _summarize(bodies[:SAMPLED])
    private = {path for path, summary in paths.items() if summary.masked}
    records = tuple(_format(body, private) for body in bodies[:SHOWN])
    reasons = tuple(dict.fromkeys(mask(str(refusal.error)) for refusal in page.refused))[:SHOWN]
    return Preview(
        count=len(page.records),
        refused=len(page.refused),
        records=records,
        members=tuple(_members(paths, owners)),
        notes=tuple(map(mask, page.notes)),
        reasons=reasons,
    )


def members(bodies: Sequence[bytes]) -> Iterator[Member]:
    """The inferred schema, in the order in which members occur; bodies that are no JSON are skipped."""
    return _members(*_summarize(bodies))


def _summarize(bodies: Sequence[bytes]) -> tuple[dict[str, _PathSummary], dict[str, int]]:
    """A summary of each path, and how many objects and lists could have had a value there."""
    paths: dict[str, _PathSummary] = {}
    owners: dict[str, int] = {}
    for body in bodies:
        _add_value(_parse(body), "", "", paths, owners, 0)
    return paths, owners


def _members(paths: Mapping[str, _PathSummary], owners: Mapping[str, int]) -> Iterator[Member]:
    for path, summary in paths.items():
        yield Member(
            path=mask(path),
            types=tuple(summary.types),
            present=summary.present,
            missing=summary.present < owners[summary.owners],
            nullable=summary.nulls > 0,
            examples=tuple(summary.values),
            masked=summary.masked,
        )


def _mask_private(value: Any, private: Collection[str], path: str = "", name: str = "") -> Any:
    """`value` with masks over everything that looks private or is at a private path, in objects and lists too."""
    if isinstance(value, Mapping):
        return {
            key: _mask_private(member, private, f"{path}.{key}" if path else key, key) for key, member in value.items()
        }
    if isinstance(value, list):
        return [_mask_private(element, private, f"{path}[]", name) for element in value]
    hidden = looks_private(name, value) or (path in private and value not in (None, ""))
    return MASK if hidden else value


def looks_private(name: str, value: Any) -> bool:
    """Whether a value under this name is probably personal data or a secret. Errs on the side of masking."""
    if value is None or isinstance(value, bool) or value == "":
        return False
    if _PRIVATE_NAMES.search(_CAMEL.sub("_", name[:100])):
        return True
    return (
        isinstance(value, str) and not _TIMES.fullmatch(value[:40]) and bool(_PRIVATE_VALUES.search(value[:_SEARCHED]))
    )


def _add_value(
    value: Any, path: str, owner: str, paths: dict[str, _PathSummary], owners: dict[str, int], depth: int
) -> None:
    if path:
        if path not in paths and len(paths) >= _FIELDS:
            return
        summary = paths.setdefault(path, _PathSummary(owners=owner))
        summary.present += 1
        if value is None:
            summary.nulls += 1
            return
        summary.types[_type(value)] = None
        if not isinstance(value, dict | list):
            _add_example(summary, path, value)
    if depth >= _DEPTH:
        return
    if isinstance(value, dict):
        owners[path] = owners.get(path, 0) + 1
        for key, inner in value.items():
            _add_value(inner, f"{path}.{key}" if path else str(key), path, paths, owners, depth + 1)
    elif isinstance(value, list):
        owners[path] = owners.get(path, 0) + len(value)
        for inner in value[:100]:
            _add_value(inner, f"{path}[]", path, paths, owners, depth + 1)


def _add_example(summary: _PathSummary, path: str, value: Any) -> None:
    private = looks_private(re.split(r"[.\[]", path.removesuffix("[]"))[-1], value)
    summary.masked = summary.masked or private
    if summary.masked:
        summary.values = {MASK: None}
    elif len(summary.values) < _EXAMPLES:
        text = mask(value if isinstance(value, str) else _encoder.encode(value).decode())
        summary.values[text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"] = None


def _type(value: Any) -> str:
    match value:
        case bool():
            return "truth"
        case int():
            return "whole number"
        case Decimal():
            return "decimal"
        case dict():
            return "object"
        case list():
            return "list"
        case str() if _TIMES.fullmatch(value):
            return _time(value)
        case _:
            return "text"


def _time(text: str) -> str:
    try:
        if len(text) == 10:
            date.fromisoformat(text)
            return "date"
        datetime.fromisoformat(text)
    except ValueError:
        return "text"
    return "time"


def _parse(body: bytes) -> Any:
    try:
        return json.loads(body, parse_float=Decimal)
    except (ValueError, ArithmeticError, RecursionError):  # ArithmeticError: of 1e9999999999999999999
        return None


def _format(body: bytes, private: Collection[str]) -> str:
    """Indented JSON, with the numbers as they were sent."""
    try:
        data = _encoder.encode(_mask_private(json.loads(body, parse_float=Decimal), private))
        return mask(msgspec.json.format(data, indent=2).decode())[:_LONGEST_RECORD]
    except (ValueError, ArithmeticError, RecursionError, UnicodeError):  # msgspec's errors are ValueErrors too
        return MASK
