"""Finds the members of a response that may say that the call failed, where no signal is declared for them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from integrations.rest import failures
from integrations.rest.json_splitting import TooMany, split_members_leniently
from integrations.rest.paths import path, spell_path, value_at, value_at_steps

if TYPE_CHECKING:
    from integrations.rest.answers import Signal

NamePath = tuple[str, ...]
Candidate = tuple[str, Any, Any]
"""Path and value of a member, and the object that holds it; None is the response itself."""
MAX_LOOKED_AT = 64 * 1024
"""Bytes of the largest member whose value is looked at."""
MAX_PATH = 200
_TOO_LARGE = "more than can be shown"
_STATUS_MEMBERS = failures.NAMES | {"message", "msg", "warning", "warnings"}
"""Members that usually say whether a response succeeded."""


def failure_candidates(
    body: bytes, signals: tuple[Signal, ...], record_path: NamePath, *, no_records: bool
) -> Iterator[Candidate]:
    """The members that may say that a response failed.

    They are looked for at the top, in the objects that usually hold them, and beside a list without records, however
    deep it lies.
    """
    signal_paths = {spell_path(path(signal.at).steps) for signal in signals}
    first_name = record_path[0] if record_path else ""
    for name, value in status_members(body, signals):
        if name != first_name:
            yield f"$.{name}", value, None
    for name in sorted(name for name in members_of(body) if name.lower() in failures.OWNERS and name.isidentifier()):
        excluded = {*signal_paths, *(record_path[1:2] if name == first_name else ())}
        yield from _candidates_within(value_at(body, f"$.{name}"), f"$.{name}", failures.NAMES, excluded)
    for depth in range(1, len(record_path) if no_records else 0):
        names = failures.NAMES if record_path[depth - 1].lower() in failures.OWNERS else failures.UNAMBIGUOUS
        at, excluded = spell_path(record_path[:depth]), {*signal_paths, record_path[depth]}
        yield from _candidates_within(value_at_steps(body, record_path[:depth], at), at, names, excluded)
    if no_records and first_name.isidentifier():
        for candidate in _error_lists(value_at(body, f"$.{first_name}"), f"$.{first_name}", 3):
            if candidate[0] not in signal_paths and len(candidate[0]) <= MAX_PATH:
                yield candidate


def status_members(body: bytes, signals: tuple[Signal, ...]) -> Iterator[tuple[str, Any]]:
    """The members at the top that may report a failure, without those for which a signal is declared."""
    signalled = {step for signal in signals for step in path(signal.at).steps[:1]}
    for name, raw in members_of(body).items():
        if name.lower() in _STATUS_MEMBERS and name not in signalled:
            yield name, _TOO_LARGE if len(bytes(raw)) > MAX_LOOKED_AT else value_at(bytes(raw), "$")


def members_of(body: bytes) -> dict[str, Any]:
    """The members of a response; none where it is no object, or cannot be split."""
    try:
        return split_members_leniently(body.removeprefix(b"\xef\xbb\xbf"))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, TooMany):
        return {}


def _candidates_within(owner: Any, at: str, names: Collection[str], excluded: Collection[str]) -> Iterator[Candidate]:
    """The members of an object with one of the `names`, without excluded names and paths."""
    for member, value in owner.items() if isinstance(owner, Mapping) else ():
        is_candidate = member.lower() in names and member.isidentifier()
        if is_candidate and member not in excluded and f"{at}.{member}" not in excluded:
            yield f"{at}.{member}", value, owner


def _error_lists(value: Any, at: str, depth: int) -> Iterator[Candidate]:
    """The lists of errors within an object, such as GraphQL's `userErrors`."""
    for name, child in value.items() if isinstance(value, Mapping) and depth else ():
        if name.lower() in failures.ERROR_LISTS:
            yield f"{at}.{name}", child, value
        elif name.isidentifier():
            yield from _error_lists(child, f"{at}.{name}", depth - 1)
