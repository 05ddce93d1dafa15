"""What an answer says of itself: whether it succeeded, although its status was 200.

A declaration names the members that say so. Some need no declaration, because nobody writes them into an answer that
succeeded: `integrations.rest.failures` has them.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, Literal

import msgspec
from pydantic import Field, StrictBool, StrictFloat, StrictInt, StrictStr

from ingestion import CredentialError, HeldOff, IngestionError, SourceChanged, SourceFailed, counted
from integrations.http.codes import is_later
from integrations.rest import failures
from integrations.rest.error_words import error_codes, error_words, words_in
from integrations.rest.json_splitting import TooMany, split_members_leniently
from integrations.rest.paths import MISSING, path, spell_path, value_at, value_at_steps
from integrations.rest.values import Value

Scalar = StrictBool | StrictInt | StrictFloat | StrictStr
Means = Literal["success", "later", "credential", "changed", "failed"]
NamePath = tuple[str, ...]
_EMPTY_VALUES: tuple[Any, ...] = (None, MISSING, False, "", 0)
_STATUS_MEMBERS = failures.NAMES | {"message", "msg", "warning", "warnings"}
"""Members that usually say whether an answer succeeded."""
_MAX_WORDS, _MAX_LOOKED_AT, _MAX_ERRORS, _MAX_PATH = 300, 64 * 1024, 20, 200
_TOO_LARGE = "more than can be shown"
_RETRY = "If it passes: manage.py ingest retry RUN."


class Signal(Value):
    """A member of the answer that says whether it succeeded. The first one that says no decides.

    Without `success` nothing must stand there: missing, null, false, 0 and empty ones succeed, and anything else is a
    failure. With it only those values succeed, and a missing one does not.
    """

    at: str = Field(min_length=1, max_length=_MAX_PATH)
    """Path of the member: "$.ok", "$.status", "$.errors", "$.errors[0].extensions.code"."""
    success: tuple[Scalar, ...] = Field((), max_length=50)
    """Values that mean success."""
    later: tuple[Scalar, ...] = Field((), max_length=50)
    """Values that mean: ask again later, such as "ratelimited"."""
    credential: tuple[Scalar, ...] = Field((), max_length=50)
    """Values that mean a refused credential: the connection is paused until somebody stores a new one."""
    changed: tuple[Scalar, ...] = Field((), max_length=50)
    """Values that mean that the call itself is wrong by now, such as "unknown_method"."""
    otherwise: Means = "failed"
    """What any other value means. "success" turns off what is a failure without being declared, for example for
    GraphQL answers whose `errors` stand beside data that is to be loaded all the same.
    """
    text: str = Field("", max_length=200)
    """Path of the words that say what is wrong; empty: they are looked for."""

    def meaning(self, value: Any) -> Means:
        for means in ("success", "later", "credential", "changed"):
            if any(_equals(value, expected) for expected in getattr(self, means)):
                return means
        return "success" if not self.success and is_empty_value(value) else self.otherwise


def no_failure(at: str) -> str:
    """How a declaration says, in JSON, that the member `at` tells of no failure."""
    return f'"signals": {json.dumps([{"at": at, "otherwise": "success"}], ensure_ascii=False)}'


def signalled_error(body: bytes, signals: tuple[Signal, ...], retry_after: float | None) -> IngestionError | None:
    """The error that the declared signals find in an answer; `body` is all of it, or what stands around its records."""
    for signal in signals:
        value = value_at(body, signal.at)
        means = signal.meaning(value)
        if means != "success":
            words = words_in(value_at(body, signal.text)) if signal.text else words_in(value) or error_words(body)
            return error_of(means, _failure_sentence(signal.at, value, words), retry_after)
    return None


def response_error(
    body: bytes,
    signals: tuple[Signal, ...],
    wait: float | None,
    record_path: NamePath,
    sent_values: Collection[str] = (),
    *,
    no_records: bool,
) -> tuple[IngestionError | None, bool]:
    """The error that an answer says it is, and whether a signal says so; `way` are the names that lead to the records,
    `bare` says that there are none, and `sent` is what the call's parameters held.
    """
    if error := signalled_error(body, signals, wait):
        return error, True
    return undeclared_error(body, signals, wait, record_path, sent_values, no_records=no_records), False


def error_in_records(elements: Sequence[bytes], keys: Collection[str], wait: float | None) -> IngestionError | None:
    """The error of a page whose elements are errors and no records, as some sources answer in place of a list."""
    if not 0 < len(elements) <= _MAX_ERRORS or len(elements[0]) > _MAX_LOOKED_AT:
        return None
    try:
        errors = [value_at(element, "$") for element in elements]
    except SourceChanged:  # what cannot be read is refused record by record
        return None
    if not all(
        failures.is_error(element) and not any(name.split(".")[0] in element for name in keys) for element in errors
    ):
        return None
    is_rate_limit = any(is_later(text) for text in error_codes(elements[0], errors[0]))
    codes = ", ".join(dict.fromkeys(error_codes(elements[0], errors[0])))
    sentence = f"The source answered with {counted(len(errors), 'error')} in place of records: {codes[:80]!r}."
    words = f" Its words: {words_in(errors)[:_MAX_WORDS]!r}." if words_in(errors) else ""
    remedy = "" if is_rate_limit else " If these are records, name the member that tells them apart: key."
    return error_of("later" if is_rate_limit else "failed", f"{sentence}{words}", wait, remedy)


def not_ready_error(status: int) -> IngestionError | None:
    """The error of an answer without records whose `status` is 202, where no signal is declared."""
    if status != 202:
        return None
    return SourceFailed(
        f"The source answered 202 (accepted) and no records: what was asked for is not ready yet. {_RETRY} If that is "
        f"how it says that there are none, declare a signal: {no_failure('$.status')}."
    )


def undeclared_error(
    body: bytes,
    signals: tuple[Signal, ...],
    retry_after: float | None,
    record_path: NamePath,
    sent_values: Collection[str] = (),
    *,
    no_records: bool = False,
) -> IngestionError | None:
    """The error of an answer that says by itself that it failed, in a member that no signal was declared for and that
    is not on the records' `way`. `bare` says that it has no records, so that less is enough. A state that was
    `sent` is a filter that the answer repeats.
    """
    response_words = error_words(body)
    for at, value, owner in _candidates(body, signals, record_path, no_records=no_records):
        name, owner_words = at.rpartition(".")[2], words_in(owner) or response_words
        verdict = failures.classify_member(
            name,
            value,
            no_records=no_records,
            words=owner_words,
            echoed=isinstance(value, str) and value in sent_values,
        )
        if verdict is None:
            continue
        words = words_in(value) if at in ("$.error", "$.errors") else ""
        sentence = _failure_sentence(at, value, words or owner_words)
        remedy = f" If that is no failure, declare it: {no_failure(at)}."
        if verdict == "unready":
            sentence = f"The answer is not ready: at {at} stands {_as_json(value)}, and no records."
            return SourceFailed(f"{sentence} {_RETRY}{remedy}")
        is_rate_limit = any(is_later(text) for text in error_codes(body, value))
        return error_of("later" if is_rate_limit else "failed", sentence, retry_after, "" if is_rate_limit else remedy)
    return None


def has_only_errors(body: bytes) -> bool:
    """Whether an answer is what GraphQL writes when it failed: errors, and data or not, and nothing else."""
    names = _split(body).keys()
    return "errors" in names and names <= {"data", "errors", "extensions"}


def undeclared_members(body: bytes, signals: tuple[Signal, ...]) -> list[str]:
    """The names of members that usually say whether an answer succeeded, and that no signal is declared for."""
    return [name for name, _ in _status_members(body, signals)]


def error_of(means: Means, sentence: str, retry_after: float | None, remedy: str = "") -> IngestionError:
    """The error of an answer with that meaning; the `remedy` is a change, so it comes after trying again."""
    match means:
        case "later":
            return HeldOff(sentence, retry_after=retry_after)
        case "credential":
            return CredentialError(f"{sentence} Renew the credential, then resume the connection.")
        case "changed":
            return SourceChanged(sentence)
        case _:
            return SourceFailed(f"{sentence} {_RETRY}{remedy}")


def is_empty_value(value: Any) -> bool:
    return any(
        value is empty_value or (type(value) is type(empty_value) and value == empty_value)
        for empty_value in _EMPTY_VALUES
    ) or value in ([], {})


def unexplained_message(body: bytes) -> str:
    """What an answer without records says that may be why, where nothing shows that it is a failure; '' if nothing."""
    words = next(filter(None, (words_in(value_at(body, f"$.{name}")) for name in ("message", "msg", "detail"))), "")
    if not failures.says_something(words):
        return ""
    return (
        f"The answer has no records, and says {words[:_MAX_WORDS]!r}. If that is a failure, declare a signal for the "
        "member that tells."
    )


def _candidates(
    body: bytes, signals: tuple[Signal, ...], record_path: NamePath, *, no_records: bool
) -> Iterator[tuple[str, Any, Any]]:
    """Path and value of the members that may say that an answer failed, also in the objects that usually hold them, and
    beside the list that has no records, however deep it lies; each with its object, None where that is the answer.
    """
    signal_paths, first_name = (
        {spell_path(path(signal.at).steps) for signal in signals},
        record_path[0] if record_path else "",
    )
    for name, value in _status_members(body, signals):
        if name != first_name:
            yield f"$.{name}", value, None
    for name in sorted(name for name in _split(body) if name.lower() in failures.OWNERS and name.isidentifier()):
        excluded = record_path[1:2] if name == first_name else ()
        yield from _candidates_within(
            value_at(body, f"$.{name}"), f"$.{name}", failures.NAMES, {*signal_paths, *excluded}
        )
    for depth in range(1, len(record_path) if no_records else 0):
        names, at = (
            failures.NAMES if record_path[depth - 1].lower() in failures.OWNERS else failures.UNAMBIGUOUS,
            spell_path(record_path[:depth]),
        )
        yield from _candidates_within(
            value_at_steps(body, record_path[:depth], at), at, names, {*signal_paths, record_path[depth]}
        )
    if no_records and first_name.isidentifier():
        error_lists = _error_lists(value_at(body, f"$.{first_name}"), f"$.{first_name}", 3)
        yield from (
            candidate
            for candidate in error_lists
            if candidate[0] not in signal_paths and len(candidate[0]) <= _MAX_PATH
        )


def _candidates_within(
    owner: Any, path: str, names: Collection[str], excluded: Collection[str]
) -> Iterator[tuple[str, Any, Any]]:
    """Those members of an object that may say something, but for names or paths that are not to be looked at."""
    for member, value in owner.items() if isinstance(owner, Mapping) else ():
        is_candidate = member.lower() in names and member.isidentifier()
        if is_candidate and member not in excluded and f"{path}.{member}" not in excluded:
            yield f"{path}.{member}", value, owner


def _error_lists(value: Any, path: str, depth: int) -> Iterator[tuple[str, Any, Any]]:
    """The lists of errors within an object, such as GraphQL's `userErrors`."""
    for name, child in value.items() if isinstance(value, Mapping) and depth else ():
        if name.lower() in failures.ERROR_LISTS:
            yield f"{path}.{name}", child, value
        elif name.isidentifier():
            yield from _error_lists(child, f"{path}.{name}", depth - 1)


def _status_members(body: bytes, signals: tuple[Signal, ...]) -> Iterator[tuple[str, Any]]:
    """The members that may say something, but for those that a signal is declared for."""
    signalled = {step for signal in signals for step in path(signal.at).steps[:1]}
    for name, raw in _split(body).items():
        if name.lower() in _STATUS_MEMBERS and name not in signalled:
            yield name, _TOO_LARGE if len(bytes(raw)) > _MAX_LOOKED_AT else value_at(bytes(raw), "$")


def _split(body: bytes) -> dict[str, Any]:
    """The members of an answer; none where it is no object, or cannot be taken apart."""
    try:
        return split_members_leniently(body.removeprefix(b"\xef\xbb\xbf"))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, TooMany):
        return {}


def _failure_sentence(at: str, value: Any, words: str) -> str:
    if value is MISSING:
        stands = "nothing stands"
    else:
        stands = f"stands {_as_json(value)}" if isinstance(value, str | bool | int | float) else "stands an error"
    return f"The source says that it failed: at {at} {stands}." + (
        f" Its words: {words[:_MAX_WORDS]!r}." if words else ""
    )


def _as_json(value: Any) -> str:
    text = msgspec.json.encode(value).decode() if not isinstance(value, str) else repr(value)
    return text[:80]


def _equals(value: Any, expected: Any) -> bool:
    if isinstance(value, bool) or isinstance(expected, bool):
        return value is expected
    if isinstance(value, str) or isinstance(expected, str):
        return isinstance(value, str) and value == expected
    try:
        return value is not None and value is not MISSING and bool(value == expected)
    except TypeError:
        return False
