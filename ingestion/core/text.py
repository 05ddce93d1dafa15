"""Text from outside, made fit for every database."""

from __future__ import annotations


def storable(text: str, longest: int) -> str:
    """`text` without what a database refuses (NUL, half surrogates; both written out), cut to `longest` characters."""
    return text.replace("\0", "\\0").encode("utf-8", "backslashreplace").decode()[:longest]
