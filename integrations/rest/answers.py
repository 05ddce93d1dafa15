"""Finds out whether a response succeeded, although its status was 200.

A declaration names the members that say so. Some need no declaration, because no source writes them into a response
that succeeded: `integrations.rest.failures` lists them.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from typing import Any, Literal

import msgspec
from pydantic import Field, StrictBool, StrictFloat, StrictInt, StrictStr

from ingestion import CredentialError, HeldOff, IngestionError, SourceChanged, SourceFailed, counted
from integrations.http.codes import is_later
from integrations.rest import failures
from integrations.rest.error_words import error_codes, error_words, words_in
from integrations.rest.failure_candidates import (
    MAX_LOOKED_AT,
    MAX_PATH,
    NamePath,
    failure_candidates,
    members_of,
    status_members,
)
from integrations.rest.paths import MISSING, value_at
from integrations.rest.values import Value

Scalar = StrictBool | StrictInt | StrictFloat | StrictStr
Means = Literal["success", "later", "credential", "changed", "failed"]
_EMPTY_VALUES: tuple[Any, ...] = (None, MISSING, False, "", 0)
_MAX_WORDS, _MAX_ERRORS = 300, 20
_RETRY = "If it passes: manage.py ingest retry RUN."


class Signal(Value):
    """A member of the answer that says whether it succeeded. The first one that says no decides.

    Without `success` nothing must stand there: missing, null, false, 0 and empty ones succeed, and anything else is a
    failure. With it only those values succeed, and a missing one does not.
    """

    at: str = Field(min_length=1, max_length=MAX_PATH)
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
        """What a value of the member means."""
        for means in ("success", "later", "credential", "changed"):
            if any(_equals(value, expected) for expected in getattr(self, means)):
                return means
        return "success" if not self.success and is_empty_value(value) else self.otherwise


def no_failure_signal(at: str) -> str:
    """The JSON by which a declaration says that the member `at` tells of no failure."""
    return f'"signals": {json.dumps([{"at": at, "otherwise": "success"}], ensure_ascii=False)}'


def signalled_error(body: bytes, signals: tuple[Signal, ...], retry_after: float | None) -> IngestionError | None:
    """The error that the declared signals find in a response; `body` is all of it, or its envelope."""
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
    """The error that a response reports, and whether a declared signal found it.

    `record_path` are the names that lead to the records, `no_records` says that there are none, and `sent_values` are
    the values of the call's parameters.
    """
    if error := signalled_error(body, signals, wait):
        return error, True
    return undeclared_error(body, signals, wait, record_path, sent_values, no_records=no_records), False


def error_in_records(elements: Sequence[bytes], keys: Collection[str], wait: float | None) -> IngestionError | None:
    """The error of a page whose elements are errors and no records, which some sources send instead of a list."""
    if not 0 < len(elements) <= _MAX_ERRORS or len(elements[0]) > MAX_LOOKED_AT:
        return None
    try:
        errors = [value_at(element, "$") for element in elements]
    except SourceChanged:  # elements that cannot be read are refused record by record
        return None
    if not all(failures.is_error(error) and not any(name.split(".")[0] in error for name in keys) for error in errors):
        return None
    is_rate_limit = any(is_later(text) for text in error_codes(elements[0], errors[0]))
    codes = ", ".join(dict.fromkeys(error_codes(elements[0], errors[0])))
    sentence = f"The source answered with {counted(len(errors), 'error')} in place of records: {codes[:80]!r}."
    words = f" Its words: {words_in(errors)[:_MAX_WORDS]!r}." if words_in(errors) else ""
    remedy = "" if is_rate_limit else " If these are records, name the member that tells them apart: key."
    return error_of("later" if is_rate_limit else "failed", f"{sentence}{words}", wait, remedy)


def not_ready_error(status: int) -> IngestionError | None:
    """The error of a response without records whose status is 202, where no signal is declared."""
    if status != 202:
        return None
    return SourceFailed(
        f"The source answered 202 (accepted) and no records: what was asked for is not ready yet. {_RETRY} If that is "
        f"how it says that there are none, declare a signal: {no_failure_signal('$.status')}."
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
    """The error that a response reports in a member without a declared signal that does not lead to the records.

    Where there are no records, weaker evidence is enough. A state among `sent_values` is a filter that the response
    repeats, and no error.
    """
    response_words = error_words(body)
    for at, value, owner in failure_candidates(body, signals, record_path, no_records=no_records):
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
        remedy = f" If that is no failure, declare it: {no_failure_signal(at)}."
        if verdict == "unready":
            sentence = f"The answer is not ready: at {at} stands {_as_json(value)}, and no records."
            return SourceFailed(f"{sentence} {_RETRY}{remedy}")
        is_rate_limit = any(is_later(text) for text in error_codes(body, value))
        return error_of("later" if is_rate_limit else "failed", sentence, retry_after, "" if is_rate_limit else remedy)
    return None


def has_only_errors(body: bytes) -> bool:
    """Whether a response has only what GraphQL writes about a failure: errors, perhaps beside data."""
    names = members_of(body).keys()
    return "errors" in names and names <= {"data", "errors", "extensions"}


def undeclared_members(body: bytes, signals: tuple[Signal, ...]) -> list[str]:
    """The names of members that usually say whether a response succeeded, without a declared signal."""
    return [name for name, _ in status_members(body, signals)]


def error_of(means: Means, sentence: str, retry_after: float | None, remedy: str = "") -> IngestionError:
    """The error for a meaning. The `remedy` is a change of the declaration, so it comes after the advice to retry."""
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
    """Whether nothing stands in a member: it is missing, null, false, 0 or empty."""
    return any(
        value is empty_value or (type(value) is type(empty_value) and value == empty_value)
        for empty_value in _EMPTY_VALUES
    ) or value in ([], {})


def unexplained_message(body: bytes) -> str:
    """A note on the words of a response without records, where nothing else shows a failure; '' without words."""
    words = next(filter(None, (words_in(value_at(body, f"$.{name}")) for name in ("message", "msg", "detail"))), "")
    if not failures.says_something(words):
        return ""
    return (
        f"The answer has no records, and says {words[:_MAX_WORDS]!r}. If that is a failure, declare a signal for the "
        "member that tells."
    )


def _failure_sentence(at: str, value: Any, words: str) -> str:
    if value is MISSING:
        stands = "nothing stands"
    else:
        stands = f"stands {_as_json(value)}" if isinstance(value, str | bool | int | float) else "stands an error"
    quotation = f" Its words: {words[:_MAX_WORDS]!r}." if words else ""
    return f"The source says that it failed: at {at} {stands}.{quotation}"


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
