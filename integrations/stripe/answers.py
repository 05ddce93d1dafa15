"""Describes an unexpected response with status 200, without any values of objects."""

from __future__ import annotations

import msgspec

from ingestion import SourceChanged, Transient

_EXCERPT = 200
"""Characters of Stripe's own texts that a message quotes."""
_UNREADABLE = (msgspec.DecodeError, RecursionError, UnicodeDecodeError)


class _Error(msgspec.Struct):
    type: str = ""
    message: str = ""


class _Response(msgspec.Struct):
    object: str = ""
    error: _Error | None = None


_read = msgspec.json.Decoder(_Response).decode


def unexpected_response(requested: str, body: bytes, error: Exception | None = None) -> SourceChanged | Transient:
    """The error of a response that is not what was `requested`. A truncated one is requested again."""
    unclosed = body.lstrip()[:1] == b"{" and body.rstrip()[-1:] != b"}"
    if body.strip() and error is not None and (unclosed or "truncated" in str(error)):
        return Transient(f"Stripe's answer ends in the middle; it is asked for {requested} again.")
    reason = f": {error}" if isinstance(error, msgspec.ValidationError) else ""
    description = _description(body)
    return SourceChanged(f"Stripe was asked for {requested} and answered with something else, {description}{reason}.")


def _description(body: bytes) -> str:
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
        return f"an error ({answer.error.type or 'of no type'}: {answer.error.message[:_EXCERPT] or 'without words'})"
    return f"an object {answer.object[:_EXCERPT]!r}" if answer.object else "an object that names no kind"
