"""Members by which a response says that it failed or is not ready, without a declaration. The table is closed.

Beside records only plain evidence counts, or a source would be refused for a word of its own. A response without
records looks like a day on which nothing happened, so there weaker evidence is enough.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Literal

Verdict = Literal["failed", "unready"]


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


ERROR_LISTS = frozenset({"errors", "usererrors", "user_errors"})
"""Members that hold a list of errors, wherever they stand."""
_ERROR_MEMBERS = ERROR_LISTS | {"error", "fault"}
_SUCCESS_FLAGS = _names("ok success succeeded issuccess is_success successful")
_STATE_MEMBERS = _names("status result stat state outcome")
_STATUS_CODES = _names("status statuscode status_code httpstatus http_status httpcode http_code")
_ERROR_CODES = _names("errorcode error_code errcode err_code errno err_no faultcode fault_code")
_ERROR_TEXTS = _names(
    "errormessage error_message errormsg error_msg errmsg err_msg errortext error_text error_description "
    "errordescription faultstring"
)
"""Members whose text is empty, or says that all is well, unless something failed."""
_FAILURE_FLAGS = _names(
    "iserror is_error haserror has_error haserrors has_errors isfault timed_out timedout "
    "incomplete_results incompleteresults is_partial ispartial partial_results partialresults "
    "terminated_early"
)
"""Members that are true where something failed, or where only a part of the records came."""
_MEMBERS_OF_ERRORS = (
    _ERROR_MEMBERS
    | _ERROR_CODES
    | _ERROR_TEXTS
    | _STATUS_CODES
    | _STATE_MEMBERS
    | _names(
        "code message msg detail details description title type reason fields field path timestamp request_id "
        "requestid trace_id traceid help severity"
    )
)
"""Members that an object may have that is an error and no record."""
_RESULT_CODES = _names(
    "code ret retcode ret_code returncode return_code resultcode result_code respcode resp_code subcode sub_code"
)
NAMES = (
    _ERROR_MEMBERS
    | _SUCCESS_FLAGS
    | _STATE_MEMBERS
    | _STATUS_CODES
    | _ERROR_CODES
    | _ERROR_TEXTS
    | _FAILURE_FLAGS
    | _RESULT_CODES
)
"""Members that usually say whether a response succeeded."""
UNAMBIGUOUS = _ERROR_MEMBERS | _SUCCESS_FLAGS | _ERROR_CODES | _ERROR_TEXTS | _FAILURE_FLAGS
"""Those of `NAMES` that a record with a state of its own would not have."""
OWNERS = _names("meta _meta header head response responsestatus responseheader status result")
"""Objects in which such members usually stand, where they do not stand at the top; in small letters."""

_FAILED_STATES = _names("error errors fail failed failure ko nok not_ok fault exception")
_FAILED_STATES_WITHOUT_RECORDS = _FAILED_STATES | _names(
    "denied access_denied unauthorized unauthorised unauthenticated forbidden invalid expired timeout "
    "timed_out unavailable internal_error server_error bad_request false"
)
_UNREADY_STATES = _names(
    "processing pending queued running in_progress inprogress started accepted preparing not_ready "
    "waiting building generating submitted"
)
_TRUE_TEXTS = frozenset({"true", "yes"})
_FALSE_TEXTS = frozenset({"false", "no", "n", "f"})
_SUCCESS_TEXT = re.compile(
    r"ok(ay)?|succe(ss|eded|ssful(ly)?)|done|none|null|no errors?|(?!.*[不未]).*成功", re.IGNORECASE
)
_SUCCESS_WORD = re.compile(r"\bsucce(ss|eded|ssful(ly)?)\b", re.IGNORECASE)
_NO_DATA = re.compile(
    r"\bno (new |more |matching )?(data|errors?|records?|results?|rows|items|entries)\b", re.IGNORECASE
)
_NEGATION = re.compile(
    r"n't\b|\b(no|not|never|cannot|without|but|partial(ly)?|fail\w*|error\w*|denied|invalid)\b", re.IGNORECASE
)
"""Words that negate a sentence about success, or limit it."""
_SUCCESS_CODES = frozenset({0, 1, 10000, 20000, 100000})
"""Codes of success, beside 200 to 299, of sources that write a code into every response."""


def classify_member(name: str, value: Any, *, no_records: bool, words: str, echoed: bool = False) -> Verdict | None:
    """What `value` in the member `name` says, beside `words` of an error in the response.

    An `echoed` value was sent in a parameter: as a state it is a filter that the response repeats.
    """
    name, text = name.lower(), re.sub(r"[\s-]+", "_", value.strip().lower()) if isinstance(value, str) else ""
    number, state = _number(value), name in _STATE_MEMBERS and not echoed
    failed = (
        (name in _ERROR_MEMBERS and not _is_empty(value))
        or (
            name in _SUCCESS_FLAGS
            and (value is False or text in _FALSE_TEXTS | _FAILED_STATES or (no_records and number == 0))
        )
        or (state and text in (_FAILED_STATES_WITHOUT_RECORDS if no_records else _FAILED_STATES))
        or (name in _STATUS_CODES and number is not None and 400 <= number < 600 and (no_records or name != "status"))
        or (name in _ERROR_CODES and not _is_success_value(value, number, text))
        or (name in _ERROR_TEXTS and not _is_empty(value) and not (isinstance(value, str) and _says_success(value)))
        or (name in _FAILURE_FLAGS and (value is True or text in _TRUE_TEXTS))
        or (
            name in _RESULT_CODES
            and no_records
            and not _is_success_value(value, number, text)
            and _is_failure_code(number, text, words)
        )
    )
    if failed:
        return "failed"
    return "unready" if no_records and state and text in _UNREADY_STATES else None


def _is_failure_code(number: Decimal | None, text: str, words: str) -> bool:
    """Whether a code of a response without records means a failure.

    HTTP's own codes of failure do. Other codes do where words beside them say more than that all is well.
    """
    if number is None:
        return text in _FAILED_STATES_WITHOUT_RECORDS
    if 400 <= number < 600:
        return True
    return bool(words) and words.strip() != str(number) and not _says_success(words)


def _is_success_value(value: Any, number: Decimal | None, text: str) -> bool:
    if number is not None:
        return number in _SUCCESS_CODES or 200 <= number < 300
    return _is_empty(value) or _says_success(text.replace("_", " "))


def is_error(value: Any) -> bool:
    """Whether an object is an error and nothing else: `{"errorCode": "INVALID_SESSION_ID", "message": "…"}`."""
    if not isinstance(value, Mapping) or not value.keys():
        return False
    members = {name.lower(): value for name, value in value.items()}
    telling_names = (_ERROR_CODES | _ERROR_TEXTS | _ERROR_MEMBERS) & members.keys()
    return members.keys() <= _MEMBERS_OF_ERRORS and any(
        classify_member(name, members[name], no_records=True, words="") for name in telling_names
    )


def says_something(words: str) -> bool:
    """Whether words beside no records say more than that all is well, or that there are none."""
    return bool(words.strip()) and not _says_success(words) and not _NO_DATA.search(words)


def _says_success(words: str) -> bool:
    """Whether words say that all is well: "OK.", "Request successful", and not "The sync was not successful"."""
    if _SUCCESS_TEXT.fullmatch(words.strip().rstrip(".!。！")):
        return True
    return bool(_SUCCESS_WORD.search(words)) and not _NEGATION.search(_NO_DATA.sub("", words))


def _number(value: Any) -> Decimal | None:
    if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        return Decimal(str(value))
    if isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,12}", value.strip()):
        return Decimal(value.strip())
    return None


def _is_empty(value: Any) -> bool:
    return value is None or value is False or value in ("", 0, [], {})
