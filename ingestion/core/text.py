"""Text from outside, made fit for every database."""

from __future__ import annotations

import hashlib

CUT = "~"
"""Stands before the hash of a text that could not be kept as it was."""


def storable(text: str, longest: int) -> str:
    """`text` without what a database refuses (NUL, half surrogates; both written out), cut to `longest` characters."""
    if text.isascii() and "\0" not in text:  # as nearly every text is
        return text[:longest]
    return text.replace("\0", "\\0").encode("utf-8", "backslashreplace").decode()[:longest]


def counted(count: int, noun: str, several: str = "") -> str:
    """A count and what is counted, as people write it: "1 record", "0 records", "2 entries were read".

    `several` is what stands where there is not exactly one; without it the noun takes an s.
    """
    return f"{count} {noun if count == 1 else several or f'{noun}s'}"


def rejections(dead: int, read: int) -> str:
    """How much of what was read was rejected: "1 of 9 records was rejected"."""
    records = counted(read, "record")
    return counted(dead, f"of {records} was rejected", f"of {records} were rejected")


def error_text(error: BaseException, silent: str = "") -> str:
    """The text of an error; without any, `silent` or the name of its class.

    A custom `__str__` may raise itself, and the error must not be lost over it.
    """
    try:
        text = str(error)
        return text if text.strip() else silent or f"{type(error).__name__}, which says nothing more"
    except Exception:  # noqa: BLE001  whatever it raises, there is no text
        return f"{type(error).__name__}, whose own text cannot be shown"


def first_line(error: BaseException) -> str:
    """What a database says is wrong, without the lines below it, which may quote a statement or a row."""
    return error_text(error).strip().partition("\n")[0].rstrip()


def short(text: str, longest: int) -> str:
    """`text` where its column takes it as it is, else its beginning and a hash: different ids stay different."""
    cleaned = storable(text, longest).rstrip()
    if cleaned == text:
        return cleaned
    return f"{cleaned[: longest - 17]}{CUT}{hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()[:16]}"
