"""Members by which an answer says, without being asked, that it failed or is not ready. A table, closed by default.

What stands beside records must be plain, or a source would be refused for a word of its own. An answer without any
records looks just like a day on which nothing happened, so there less is enough.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Literal

Verdict = Literal["failed", "unready"]
LISTS = frozenset({"errors", "usererrors", "user_errors"})
"""Members that list errors wherever they stand."""
_ERRORS = LISTS | {"error", "fault"}
_TRUTHS = frozenset({"ok", "success", "succeeded", "issuccess", "is_success", "successful"})
_STATES = frozenset({"status", "result", "stat", "state", "outcome"})
_STATUSES = frozenset({"status", "statuscode", "status_code", "httpstatus", "http_status", "httpcode", "http_code"})
_ERROR_CODES = frozenset(
    {"errorcode", "error_code", "errcode", "err_code", "errno", "err_no", "faultcode", "fault_code"}
)
_SPOKEN = frozenset(
    {"errormessage", "error_message", "errormsg", "error_msg", "errmsg", "err_msg", "errortext", "error_text",
     "error_description", "errordescription", "faultstring"}
)  # fmt: skip
"""Words that are there only where something is wrong, or say that nothing is."""
_WRONG = frozenset(
    {"iserror", "is_error", "haserror", "has_error", "haserrors", "has_errors", "isfault", "timed_out", "timedout",
     "incomplete_results", "incompleteresults", "is_partial", "ispartial", "partial_results", "partialresults",
     "terminated_early"}
)  # fmt: skip
"""Truths that say that something failed, or that only a part of the records came."""
_OF_AN_ERROR = _ERRORS | _ERROR_CODES | _SPOKEN | _STATUSES | _STATES | {
    "code", "message", "msg", "detail", "details", "description", "title", "type", "reason", "fields", "field", "path",
    "timestamp", "request_id", "requestid", "trace_id", "traceid", "help", "severity"}  # fmt: skip
"""Members of an object that is an error and no record."""
_CODES = frozenset(
    {"code", "ret", "retcode", "ret_code", "returncode", "return_code", "resultcode", "result_code", "respcode",
     "resp_code", "subcode", "sub_code"}
)  # fmt: skip
NAMES = _ERRORS | _TRUTHS | _STATES | _STATUSES | _ERROR_CODES | _SPOKEN | _WRONG | _CODES
"""Members that usually say whether an answer succeeded."""
PLAIN = _ERRORS | _TRUTHS | _ERROR_CODES | _SPOKEN | _WRONG
"""Those of them that a thing with a state of its own would not have."""
AROUND = frozenset(
    {"meta", "_meta", "header", "head", "response", "responsestatus", "responseheader", "status", "result"}
)
"""Objects that such members usually stand in, where they do not stand at the top; in small letters."""

_FAILED = frozenset({"error", "errors", "fail", "failed", "failure", "ko", "nok", "not_ok", "fault", "exception"})
_FAILED_BARE = _FAILED | {"denied", "access_denied", "unauthorized", "unauthorised", "unauthenticated", "forbidden",
                          "invalid", "expired", "timeout", "timed_out", "unavailable", "internal_error", "server_error",
                          "bad_request", "false"}  # fmt: skip
_UNREADY = frozenset(
    {"processing", "pending", "queued", "running", "in_progress", "inprogress", "started", "accepted", "preparing",
     "not_ready", "waiting", "building", "generating", "submitted"}
)  # fmt: skip
_TRUE = frozenset({"true", "yes"})
_FALSE = frozenset({"false", "no", "n", "f"})
_FINE = re.compile(r"ok(ay)?|succe(ss|eded|ssful(ly)?)|done|none|null|no errors?|(?!.*[不未]).*成功", re.IGNORECASE)
_WELL = re.compile(r"\bsucce(ss|eded|ssful(ly)?)\b", re.IGNORECASE)
_NOTHING_CAME = re.compile(
    r"\bno (new |more |matching )?(data|errors?|records?|results?|rows|items|entries)\b", re.IGNORECASE
)
_NOT = re.compile(
    r"n't\b|\b(no|not|never|cannot|without|but|partial(ly)?|fail\w*|error\w*|denied|invalid)\b", re.IGNORECASE
)
"""In a sentence that speaks of success, these say that there was none, or not all of it."""
_FINE_CODES = frozenset({0, 1, 10000, 20000, 100000})
"""Beside 200 to 299: what success is written as by sources that have a code in every answer."""


def verdict(name: str, value: Any, *, bare: bool, words: str, echoed: bool = False) -> Verdict | None:
    """What `value` in the member `name` says. `bare`: there are no records. `words`: the answer's own, of an error.

    `echoed`: the value was sent in a parameter; as a state it is then a filter that the answer repeats.
    """
    name, text = name.lower(), re.sub(r"[\s-]+", "_", value.strip().lower()) if isinstance(value, str) else ""
    number, state = _number(value), name in _STATES and not echoed
    failed = (
        (name in _ERRORS and not _nothing(value))
        or (name in _TRUTHS and (value is False or text in _FALSE | _FAILED or (bare and number == 0)))
        or (state and text in (_FAILED_BARE if bare else _FAILED))
        or (name in _STATUSES and number is not None and 400 <= number < 600 and (bare or name != "status"))
        or (name in _ERROR_CODES and not _fine(value, number, text))
        or (name in _SPOKEN and not _nothing(value) and not (isinstance(value, str) and _is_well(value)))
        or (name in _WRONG and (value is True or text in _TRUE))
        or (name in _CODES and bare and not _fine(value, number, text) and _is_failure(number, text, words))
    )
    if failed:
        return "failed"
    return "unready" if bare and state and text in _UNREADY else None


def _is_failure(number: Decimal | None, text: str, words: str) -> bool:
    """Whether a code of an answer without records means a failure: one of HTTP's, or its words say more than that all
    is well.
    """
    if number is None:
        return text in _FAILED_BARE
    if 400 <= number < 600:
        return True
    return bool(words) and words.strip() != str(number) and not _is_well(words)


def _fine(value: Any, number: Decimal | None, text: str) -> bool:
    if number is not None:
        return number in _FINE_CODES or 200 <= number < 300
    return _nothing(value) or _is_well(text.replace("_", " "))


def is_error(value: Any) -> bool:
    """Whether an object is an error and nothing else: `{"errorCode": "INVALID_SESSION_ID", "message": "…"}`."""
    if not isinstance(value, Mapping) or not value.keys():
        return False
    named = {name.lower(): inner for name, inner in value.items()}
    telling = (_ERROR_CODES | _SPOKEN | _ERRORS) & named.keys()
    return named.keys() <= _OF_AN_ERROR and any(verdict(name, named[name], bare=True, words="") for name in telling)


def says_something(words: str) -> bool:
    """Whether words beside no records say more than that all is well, or that there are none."""
    return bool(words.strip()) and not _is_well(words) and not _NOTHING_CAME.search(words)


def _is_well(words: str) -> bool:
    """Whether words say that all is well: "OK.", "Request successful", and not "The sync was not successful"."""
    if _FINE.fullmatch(words.strip().rstrip(".!。！")):
        return True
    return bool(_WELL.search(words)) and not _NOT.search(_NOTHING_CAME.sub("", words))


def _number(value: Any) -> Decimal | None:
    if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        return Decimal(str(value))
    if isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,12}", value.strip()):
        return Decimal(value.strip())
    return None


def _nothing(value: Any) -> bool:
    return value is None or value is False or value in ("", 0, [], {})
