"""What people see of a page before anything runs: its records, and the schema that can be inferred from them.

Values that look like personal data or secrets are masked, by the name of their member and by their form; values of a
credential that this process has opened, for everybody.
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
"""Records that count for the schema: somebody waits for it."""
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
_LOOKED_AT = 250
"""Characters of a value that are searched: more would cost more than it tells."""
_WHOLE = 20_000
_encoder = msgspec.json.Encoder(decimal_format="number")


@dataclass(frozen=True, slots=True)
class Member:
    """One member of the records, at a dotted path; `[]` stands for the elements of a list."""

    path: str
    types: tuple[str, ...]
    """text, whole number, decimal, truth, time, date, list, object: all that were met."""
    present: int
    """In how many records (or elements of lists) it stands."""
    missing: bool
    """Some records do not have it."""
    nullable: bool
    examples: tuple[str, ...]
    masked: bool


@dataclass(frozen=True, slots=True)
class Preview:
    """A page to look at. `records` are laid out as JSON, with what looks private masked."""

    count: int
    refused: int
    records: tuple[str, ...]
    members: tuple[Member, ...]
    notes: tuple[str, ...]
    reasons: tuple[str, ...] = ()
    """Why records were refused; the first few."""


@dataclass(slots=True)
class _Tally:
    types: dict[str, None] = field(default_factory=dict)
    present: int = 0
    owners: str = ""
    nulls: int = 0
    values: dict[str, None] = field(default_factory=dict)
    masked: bool = False


def preview(page: Page) -> Preview:
    """The view of `page` for people. A member that is masked in the schema is masked in every record."""
    bodies = [record.body for record in page.records]
    tallies, owners = _tally_members(bodies[:SAMPLED])
    private = {path for path, tally in tallies.items() if tally.masked}
    laid_out = tuple(_laid_out(body, private) for body in bodies[:SHOWN])
    reasons = tuple(dict.fromkeys(mask(str(refusal.error)) for refusal in page.refused))[:SHOWN]
    return Preview(
        count=len(page.records),
        refused=len(page.refused),
        records=laid_out,
        members=tuple(_members_of(tallies, owners)),
        notes=tuple(map(mask, page.notes)),
        reasons=reasons,
    )


def members(bodies: Sequence[bytes]) -> Iterator[Member]:
    """The inferred schema, in the order in which members were met; bodies that are no JSON are passed over."""
    return _members_of(*_tally_members(bodies))


def _tally_members(bodies: Sequence[bytes]) -> tuple[dict[str, _Tally], dict[str, int]]:
    """A tally of the values at each path, and how many objects and lists could have had the path."""
    tallies: dict[str, _Tally] = {}
    owners: dict[str, int] = {}
    for body in bodies:
        _note(_parsed(body), "", "", tallies, owners, 0)
    return tallies, owners


def _members_of(tallies: Mapping[str, _Tally], owners: Mapping[str, int]) -> Iterator[Member]:
    for path, tally in tallies.items():
        yield Member(
            path=mask(path),
            types=tuple(tally.types),
            present=tally.present,
            missing=tally.present < owners[tally.owners],
            nullable=tally.nulls > 0,
            examples=tuple(tally.values),
            masked=tally.masked,
        )


def _masked(value: Any, private: Collection[str], path: str = "", name: str = "") -> Any:
    """`value` with everything masked that looks private or lies at a path that is, inside objects and lists too."""
    if isinstance(value, Mapping):
        return {key: _masked(member, private, f"{path}.{key}" if path else key, key) for key, member in value.items()}
    if isinstance(value, list):
        return [_masked(item, private, f"{path}[]", name) for item in value]
    hidden = looks_private(name, value) or (path in private and value not in (None, ""))
    return MASK if hidden else value


def looks_private(name: str, value: Any) -> bool:
    """Whether a value under this name is probably personal data or a secret. Errs on the side of masking."""
    if value is None or isinstance(value, bool) or value == "":
        return False
    if _PRIVATE_NAMES.search(_CAMEL.sub("_", name[:100])):
        return True
    return (
        isinstance(value, str) and not _TIMES.fullmatch(value[:40]) and bool(_PRIVATE_VALUES.search(value[:_LOOKED_AT]))
    )


def _note(value: Any, path: str, owner: str, tallies: dict[str, _Tally], owners: dict[str, int], depth: int) -> None:
    if path:
        if path not in tallies and len(tallies) >= _FIELDS:
            return
        tally = tallies.setdefault(path, _Tally(owners=owner))
        tally.present += 1
        if value is None:
            tally.nulls += 1
            return
        tally.types[_type(value)] = None
        if not isinstance(value, dict | list):
            _example(tally, path, value)
    if depth >= _DEPTH:
        return
    if isinstance(value, dict):
        owners[path] = owners.get(path, 0) + 1
        for key, inner in value.items():
            _note(inner, f"{path}.{key}" if path else str(key), path, tallies, owners, depth + 1)
    elif isinstance(value, list):
        owners[path] = owners.get(path, 0) + len(value)
        for inner in value[:100]:
            _note(inner, f"{path}[]", path, tallies, owners, depth + 1)


def _example(tally: _Tally, path: str, value: Any) -> None:
    private = looks_private(re.split(r"[.\[]", path.removesuffix("[]"))[-1], value)
    tally.masked = tally.masked or private
    if tally.masked:
        tally.values = {MASK: None}
    elif len(tally.values) < _EXAMPLES:
        text = mask(value if isinstance(value, str) else _encoder.encode(value).decode())
        tally.values[text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"] = None


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


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body, parse_float=Decimal)
    except (ValueError, ArithmeticError, RecursionError):  # ArithmeticError: of 1e9999999999999999999
        return None


def _laid_out(body: bytes, private: Collection[str]) -> str:
    """Indented JSON with its numbers as they came."""
    try:
        data = _encoder.encode(_masked(json.loads(body, parse_float=Decimal), private))
        return mask(msgspec.json.format(data, indent=2).decode())[:_WHOLE]
    except (ValueError, ArithmeticError, RecursionError, UnicodeError):  # msgspec's errors are ValueErrors too
        return MASK
