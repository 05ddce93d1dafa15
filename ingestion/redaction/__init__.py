"""Keeps secrets out of text. Code that holds a secret calls `remember`; code that writes text for people calls `mask`.

Masking is by value, in the spellings in which a value usually travels: as it is, quoted for URLs, JSON, HTML, Python,
in base64 at any alignment (`Basic` headers hold the secret in the middle) and in hexadecimal. Values shorter than eight
characters are left alone: masking them would garble every other word.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from ingestion.redaction.known_secrets import Known
from ingestion.redaction.spellings import spellings

__all__ = ["MASK", "MaskedError", "changes", "forget", "knows_any", "mask", "masked", "remember", "safely", "spellings"]

MASK = "[secret]"
_secrets = Known()


class MaskedError(Exception):
    """Stands for an exception whose text held a secret; its own text is the masked traceback."""


def remember(values: Iterable[str], tenant: int | None = None) -> None:
    """From now on, for an hour, mask these values of one credential (of `tenant`) in this process."""
    _secrets.add(values, tenant)


def forget() -> None:
    """Forget every value; for tests."""
    _secrets.forget()


def knows_any() -> bool:
    """Whether there is anything to mask: most processes have opened no secret."""
    return bool(_secrets)


def changes() -> int:
    """A number that changes with each new secret: text masked under the same number need not be masked again."""
    return _secrets.changes


def mask(text: str, tenant: int | None = None) -> str:
    """`text` with every known secret replaced; for what `tenant`'s staff will read, only with that tenant's.

    Otherwise a gap in their text would tell them that it is another tenant's secret. The cost depends on the
    length of the text, not on the number of secrets. Where secrets overlap, all go, and no rest of any stays.
    """
    indexes = _secrets.indexes(tenant)
    if not indexes:
        return text
    raw = text.encode("utf-8", "surrogatepass")
    spans = sorted(span for index in indexes for span in index.spans(raw))
    if not spans:
        return text
    parts: list[bytes] = []
    copied, (start, end) = 0, spans[0]
    for begins, ends in spans:
        if begins >= end:
            parts += raw[copied:start], MASK.encode()
            copied, start = end, begins
        end = max(end, ends)
    return b"".join([*parts, raw[copied:start], MASK.encode(), raw[end:]]).decode("utf-8", "surrogatepass")


def masked(value: Any, tenant: int | None = None) -> Any:
    """A JSON value with the secrets in its texts, keys included, replaced; as `mask` does."""
    if not knows_any():
        return value
    match value:
        case str():
            return mask(value, tenant)
        case dict():
            return {masked(key, tenant): masked(member, tenant) for key, member in value.items()}
        case list() | tuple():
            return [masked(element, tenant) for element in value]
        case _:
            return value


@contextmanager
def safely() -> Iterator[None]:
    """Let no exception out whose text or chain holds a secret: its handlers would print and store it."""
    try:
        yield
    except Exception as error:
        report = "".join(traceback.format_exception(error))
        clean = mask(report)
        if clean == report:
            raise
        raise MaskedError(clean) from None
