"""What an answer of status 200 is that is not what was asked for, in words that hold no object's values."""

from __future__ import annotations

import msgspec

from ingestion import SourceChanged, Transient

_LONGEST = 200
_UNREADABLE = (msgspec.DecodeError, RecursionError, UnicodeDecodeError)


class _Error(msgspec.Struct):
    type: str = ""
    message: str = ""


class _Answer(msgspec.Struct):
    object: str = ""
    error: _Error | None = None


_read = msgspec.json.Decoder(_Answer).decode


def unexpected(asked: str, body: bytes, why: Exception | None = None) -> SourceChanged | Transient:
    """The error of an answer that is not what was `asked` for. One that was cut off is asked for again."""
    parted = body.lstrip()[:1] == b"{" and body.rstrip()[-1:] != b"}"
    if body.strip() and why is not None and (parted or "truncated" in str(why)):
        return Transient(f"Stripe's answer ends in the middle; it is asked for {asked} again.")
    reason = f": {why}" if isinstance(why, msgspec.ValidationError) else ""
    return SourceChanged(f"Stripe was asked for {asked} and answered with something else, {_kind(body)}{reason}.")


def _kind(body: bytes) -> str:
    start = body.lstrip()[:1]
    if not start:
        return "an empty body"
    if start == b"<":
        return "a web page"
    try:
        answer = _read(body)
    except _UNREADABLE:
        return "what is no object of Stripe's"
    if answer.error is not None:
        return f"an error ({answer.error.type or 'of no type'}: {answer.error.message[:_LONGEST] or 'without words'})"
    return f"an object {answer.object[:_LONGEST]!r}" if answer.object else "an object that names no kind"
