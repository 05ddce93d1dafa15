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
from integrations.rest.json_splitting import TooMany, last_members
from integrations.rest.paths import MISSING, along, look, path, path_of
from integrations.rest.values import Value

Scalar = StrictBool | StrictInt | StrictFloat | StrictStr
Means = Literal["success", "later", "credential", "changed", "failed"]
Way = tuple[str, ...]
_NOTHING: tuple[Any, ...] = (None, MISSING, False, "", 0)
_SPOKEN = ("message", "error_description", "error_message", "detail", "details", "title", "msg", "description", "error",
           "reason", "code")  # fmt: skip
"""Where the words of an error stand, by how often sources write them there."""
_LOOK = failures.NAMES | {"message", "msg", "warning", "warnings"}
"""Members that usually say whether an answer succeeded."""
_LONGEST, _LARGEST, _FEW, _LONGEST_PATH = 300, 64 * 1024, 20, 200
_LARGE = "more than can be shown"
_RETRY = "If it passes: manage.py ingest retry RUN."


class Signal(Value):
    """A member of the answer that says whether it succeeded. The first one that says no decides.

    Without `success` nothing must stand there: missing, null, false, 0 and empty ones succeed, and anything else is a
    failure. With it only those values succeed, and a missing one does not.
    """

    at: str = Field(min_length=1, max_length=_LONGEST_PATH)
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
            if any(_same(value, one) for one in getattr(self, means)):
                return means
        return "success" if not self.success and is_nothing(value) else self.otherwise


def no_failure(at: str) -> str:
    """How a declaration says, in JSON, that the member `at` tells of no failure."""
    return f'"signals": {json.dumps([{"at": at, "otherwise": "success"}], ensure_ascii=False)}'


def judge(body: bytes, signals: tuple[Signal, ...], retry_after: float | None) -> IngestionError | None:
    """The error that the declared signals find in an answer; `body` is all of it, or what stands around its records."""
    for signal in signals:
        value = look(body, signal.at)
        means = signal.meaning(value)
        if means != "success":
            words = _words(look(body, signal.text)) if signal.text else _words(value) or spoken(body)
            return error_of(means, _said(signal.at, value, words), retry_after)
    return None


def failure(
    body: bytes, signals: tuple[Signal, ...], wait: float | None, way: Way, sent: Collection[str] = (), *, bare: bool
) -> tuple[IngestionError | None, bool]:
    """The error that an answer says it is, and whether a signal says so; `way` are the names that lead to the records,
    `bare` says that there are none, and `sent` is what the call's parameters held.
    """
    if error := judge(body, signals, wait):
        return error, True
    return undeclared(body, signals, wait, way, sent, bare=bare), False


def listed(elements: Sequence[bytes], keys: Collection[str], wait: float | None) -> IngestionError | None:
    """The error of a page whose elements are errors and no records, as some sources answer in place of a list."""
    if not 0 < len(elements) <= _FEW or len(elements[0]) > _LARGEST:
        return None
    try:
        found = [look(one, "$") for one in elements]
    except SourceChanged:  # what cannot be read is refused record by record
        return None
    if not all(failures.is_error(one) and not any(name.split(".")[0] in one for name in keys) for one in found):
        return None
    later = any(is_later(text) for text in _codes(elements[0], found[0]))
    codes = ", ".join(dict.fromkeys(_codes(elements[0], found[0])))
    said = f"The source answered with {counted(len(found), 'error')} in place of records: {codes[:80]!r}."
    words = f" Its words: {_words(found)[:_LONGEST]!r}." if _words(found) else ""
    remedy = "" if later else " If these are records, name the member that tells them apart: key."
    return error_of("later" if later else "failed", f"{said}{words}", wait, remedy)


def unready(status: int) -> IngestionError | None:
    """The error of an answer without records whose `status` is 202, where no signal is declared."""
    if status != 202:
        return None
    return SourceFailed(
        f"The source answered 202 (accepted) and no records: what was asked for is not ready yet. {_RETRY} If that is "
        f"how it says that there are none, declare a signal: {no_failure('$.status')}."
    )


def undeclared(
    body: bytes,
    declared: tuple[Signal, ...],
    retry_after: float | None,
    way: Way,
    sent: Collection[str] = (),
    *,
    bare: bool = False,
) -> IngestionError | None:
    """The error of an answer that says by itself that it failed, in a member that no signal was declared for and that
    is not on the records' `way`. `bare` says that it has no records, so that less is enough. A state that was
    `sent` is a filter that the answer repeats.
    """
    words_of_all = spoken(body)
    for at, value, around in _places(body, declared, way, bare=bare):
        name, beside = at.rpartition(".")[2], _words(around) or words_of_all
        verdict = failures.verdict(
            name, value, bare=bare, words=beside, echoed=isinstance(value, str) and value in sent
        )
        if verdict is None:
            continue
        words = _words(value) if at in ("$.error", "$.errors") else ""
        sentence = _said(at, value, words or beside)
        remedy = f" If that is no failure, declare it: {no_failure(at)}."
        if verdict == "unready":
            said = f"The answer is not ready: at {at} stands {_encoded(value)}, and no records."
            return SourceFailed(f"{said} {_RETRY}{remedy}")
        later = any(is_later(text) for text in _codes(body, value))
        return error_of("later" if later else "failed", sentence, retry_after, "" if later else remedy)
    return None


def only_errors(body: bytes) -> bool:
    """Whether an answer is what GraphQL writes when it failed: errors, and data or not, and nothing else."""
    names = _apart(body).keys()
    return "errors" in names and names <= {"data", "errors", "extensions"}


def resembling(body: bytes, declared: tuple[Signal, ...]) -> list[str]:
    """The names of members that usually say whether an answer succeeded, and that no signal is declared for."""
    return [name for name, _ in _members(body, declared)]


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


def is_nothing(value: Any) -> bool:
    return any(value is one or (type(value) is type(one) and value == one) for one in _NOTHING) or value in ([], {})


def remark(body: bytes) -> str:
    """What an answer without records says that may be why, where nothing shows that it is a failure; '' if nothing."""
    words = next(filter(None, (_words(look(body, f"$.{name}")) for name in ("message", "msg", "detail"))), "")
    if not failures.says_something(words):
        return ""
    return (
        f"The answer has no records, and says {words[:_LONGEST]!r}. If that is a failure, declare a signal for the "
        "member that tells."
    )


def spoken(body: bytes) -> str:
    """The words of an answer's error, where sources usually write them; '' when there are none."""
    return next(filter(None, (_words(look(body, f"$.{name}")) for name in _SPOKEN)), "")


def _places(body: bytes, declared: tuple[Signal, ...], way: Way, *, bare: bool) -> Iterator[tuple[str, Any, Any]]:
    """Path and value of the members that may say that an answer failed, also in the objects that usually hold them, and
    beside the list that has no records, however deep it lies; each with its object, None where that is the answer.
    """
    told, own = {path_of(path(signal.at).steps) for signal in declared}, way[0] if way else ""
    for name, value in _members(body, declared):
        if name != own:
            yield f"$.{name}", value, None
    for name in sorted(one for one in _apart(body) if one.lower() in failures.AROUND and one.isidentifier()):
        passed = way[1:2] if name == own else ()
        yield from _within(look(body, f"$.{name}"), f"$.{name}", failures.NAMES, {*told, *passed})
    for depth in range(1, len(way) if bare else 0):
        names, at = (
            failures.NAMES if way[depth - 1].lower() in failures.AROUND else failures.PLAIN,
            path_of(way[:depth]),
        )
        yield from _within(along(body, way[:depth], at), at, names, {*told, way[depth]})
    if bare and own.isidentifier():
        listed = _errors(look(body, f"$.{own}"), f"$.{own}", 3)
        yield from (found for found in listed if found[0] not in told and len(found[0]) <= _LONGEST_PATH)


def _within(inner: Any, at: str, names: Collection[str], but: Collection[str]) -> Iterator[tuple[str, Any, Any]]:
    """Those members of an object that may say something, but for names or paths that are not to be looked at."""
    for member, value in inner.items() if isinstance(inner, Mapping) else ():
        known = member.lower() in names and member.isidentifier()
        if known and member not in but and f"{at}.{member}" not in but:
            yield f"{at}.{member}", value, inner


def _errors(value: Any, at: str, depth: int) -> Iterator[tuple[str, Any, Any]]:
    """The lists of errors within an object, such as GraphQL's `userErrors`."""
    for name, inner in value.items() if isinstance(value, Mapping) and depth else ():
        if name.lower() in failures.LISTS:
            yield f"{at}.{name}", inner, value
        elif name.isidentifier():
            yield from _errors(inner, f"{at}.{name}", depth - 1)


def _members(body: bytes, declared: tuple[Signal, ...]) -> Iterator[tuple[str, Any]]:
    """The members that may say something, but for those that a signal is declared for."""
    taken = {step for signal in declared for step in path(signal.at).steps[:1]}
    for name, raw in _apart(body).items():
        if name.lower() in _LOOK and name not in taken:
            yield name, _LARGE if len(bytes(raw)) > _LARGEST else look(bytes(raw), "$")


def _apart(body: bytes) -> dict[str, Any]:
    """The members of an answer; none where it is no object, or cannot be taken apart."""
    try:
        return last_members(body.removeprefix(b"\xef\xbb\xbf"))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, TooMany):
        return {}


def _words(value: Any) -> str:
    """The words in an error: itself, or what its usual member holds; of several the first."""
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, list):
        return next(filter(None, map(_words, value[:5])), "")
    if isinstance(value, Mapping):
        return next(filter(None, (_words(value.get(name)) for name in _SPOKEN)), "")
    return ""


def _codes(body: bytes, value: Any) -> Iterator[str]:
    for one in (value, *(look(body, f"$.{name}") for name in ("error", "code", "error_code"))):
        found = one[0] if isinstance(one, list) and one else one
        if isinstance(found, Mapping):
            inner = found.get("extensions")
            yield from (str(found[name]) for name in ("code", "errorCode", "type", "reason", "status") if name in found)
            yield from [str(inner["code"])] if isinstance(inner, Mapping) and "code" in inner else []
        elif isinstance(found, str | int) and not isinstance(found, bool):
            yield str(found)


def _said(at: str, value: Any, words: str) -> str:
    if value is MISSING:
        there = "nothing stands"
    else:
        there = f"stands {_encoded(value)}" if isinstance(value, str | bool | int | float) else "stands an error"
    return f"The source says that it failed: at {at} {there}." + (f" Its words: {words[:_LONGEST]!r}." if words else "")


def _encoded(value: Any) -> str:
    text = msgspec.json.encode(value).decode() if not isinstance(value, str) else repr(value)
    return text[:80]


def _same(value: Any, one: Any) -> bool:
    if isinstance(value, bool) or isinstance(one, bool):
        return value is one
    if isinstance(value, str) or isinstance(one, str):
        return isinstance(value, str) and value == one
    try:
        return value is not None and value is not MISSING and bool(value == one)
    except TypeError:
        return False
