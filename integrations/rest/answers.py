"""What an answer says of itself: whether it succeeded, although its status was 200.

A declaration names the members that say so. Some need no declaration, because nobody writes them into an answer that
succeeded: a list of `errors`, `ok: false`, `status: "error"`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Literal

import msgspec
from pydantic import Field, StrictBool, StrictFloat, StrictInt, StrictStr

from ingestion import CredentialError, HeldOff, IngestionError, SourceChanged, SourceFailed
from integrations.http.codes import is_later
from integrations.rest.paths import MISSING, look
from integrations.rest.taking_apart import TooMany, members
from integrations.rest.values import Value

Scalar = StrictBool | StrictInt | StrictFloat | StrictStr
Means = Literal["success", "later", "credential", "changed", "failed"]
_NOTHING: tuple[Any, ...] = (None, MISSING, False, "", 0)
_FAILED = frozenset({"error", "errors", "fail", "failed", "failure", "ko", "fault"})
_SPOKEN = ("message", "error_description", "error_message", "detail", "details", "title", "msg", "description", "error",
           "reason", "code")  # fmt: skip
"""Where the words of an error stand, by how often sources write them there."""
_LOOK = frozenset(
    {"ok", "success", "succeeded", "status", "state", "result", "error", "errors", "error_code", "errorcode", "code",
     "message", "msg", "warning", "warnings", "fault", "stat"}
)  # fmt: skip
"""Members that usually say whether an answer succeeded."""
_LONGEST, _LARGEST = 300, 64 * 1024
_LARGE = "more than can be shown"


class Signal(Value):
    """A member of the answer that says whether it succeeded. The first one that says no decides.

    Without `success` nothing must stand there: missing, null, false, 0 and empty ones succeed, and anything else is a
    failure. With it only those values succeed, and a missing one does not.
    """

    at: str = Field(min_length=1, max_length=200)
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


def judge(body: bytes, signals: tuple[Signal, ...], retry_after: float | None) -> IngestionError | None:
    """The error that the declared signals find in an answer; `body` is all of it, or what stands around its records."""
    for signal in signals:
        value = look(body, signal.at)
        means = signal.meaning(value)
        if means != "success":
            words = _words(look(body, signal.text)) if signal.text else _words(value) or spoken(body)
            return error_of(means, _said(signal.at, value, words), retry_after)
    return None


def undeclared(body: bytes, declared: tuple[Signal, ...], retry_after: float | None, own: str) -> IngestionError | None:
    """The error of an answer that says by itself that it failed, in a member that no signal was declared for and that
    is not the records' `own`.
    """
    for name, value in _members(body, declared):
        if name != own and _fails(name, value):
            words = _words(value) if name in ("error", "errors") else ""
            sentence = _said(f"$.{name}", value, words or spoken(body))
            later = any(is_later(text) for text in _codes(body, value))
            remedy = f' If that is no failure, declare it: signals=[{{"at": "$.{name}", "otherwise": "success"}}].'
            return error_of("later" if later else "failed", sentence + ("" if later else remedy), retry_after)
    return None


def only_errors(body: bytes) -> bool:
    """Whether an answer is what GraphQL writes when it failed: errors, and data or not, and nothing else."""
    names = _apart(body).keys()
    return "errors" in names and names <= {"data", "errors", "extensions"}


def resembling(body: bytes, declared: tuple[Signal, ...]) -> list[str]:
    """The names of members that usually say whether an answer succeeded, and that no signal is declared for."""
    return [name for name, _ in _members(body, declared)]


def error_of(means: Means, sentence: str, retry_after: float | None) -> IngestionError:
    match means:
        case "later":
            return HeldOff(sentence, retry_after=retry_after)
        case "credential":
            return CredentialError(f"{sentence} Renew the credential, then resume the connection.")
        case "changed":
            return SourceChanged(sentence)
        case _:
            return SourceFailed(sentence)


def is_nothing(value: Any) -> bool:
    return any(value is one or (type(value) is type(one) and value == one) for one in _NOTHING) or value in ([], {})


def spoken(body: bytes) -> str:
    """The words of an answer's error, where sources usually write them; '' when there are none."""
    return next(filter(None, (_words(look(body, f"$.{name}")) for name in _SPOKEN)), "")


def _members(body: bytes, declared: tuple[Signal, ...]) -> Iterator[tuple[str, Any]]:
    """The members that may say something, but for those that a signal is declared for."""
    taken = {re.split(r"[.\[]", signal.at.removeprefix("$").lstrip("."))[0] for signal in declared}
    for name, raw in _apart(body).items():
        if name.lower() in _LOOK and name not in taken:
            yield name, _LARGE if len(bytes(raw)) > _LARGEST else look(bytes(raw), "$")


def _apart(body: bytes) -> dict[str, Any]:
    """The members of an answer; none where it is no object, or cannot be taken apart."""
    try:
        return members(body.removeprefix(b"\xef\xbb\xbf"))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, TooMany):
        return {}


def _fails(name: str, value: Any) -> bool:
    match name.lower():
        case "errors" | "error" | "fault":
            return not is_nothing(value)
        case "ok" | "success" | "succeeded":
            return value is False
        case "status" | "result" | "stat":
            return isinstance(value, str) and value.lower() in _FAILED
    return False


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
            yield from (str(found[name]) for name in ("code", "type", "reason", "status") if name in found)
            yield from [str(inner["code"])] if isinstance(inner, Mapping) and "code" in inner else []
        elif isinstance(found, str):
            yield found


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
