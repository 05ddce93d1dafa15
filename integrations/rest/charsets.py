"""Turns a response into UTF-8, which JSON is, where the declaration or the source names another charset."""

from __future__ import annotations

import codecs
import re
from collections.abc import Mapping

from ingestion import SourceChanged

_CHARSET = re.compile(r"charset\s*=\s*\"?([\w.:+-]{1,40})", re.IGNORECASE)


def charset_name(name: str) -> str:
    """The usual name of a charset; '' for an unknown one."""
    try:
        codec = codecs.lookup(name)
    except (LookupError, ValueError):
        return ""
    return codec.name if codec._is_text_encoding else ""  # codecs like "zip" and "rot13" are no charsets


def as_utf8(body: bytes, headers: Mapping[str, str], declared: str) -> bytes:
    """The body in UTF-8. Raises SourceChanged when it is not in the declared charset.

    A declared charset is taken strictly. The charset of a Content-Type is taken only where the bytes are no UTF-8:
    many servers still name an old charset for JSON that they write in UTF-8.
    """
    if declared:
        return body if declared == "utf-8" else _recode(body, declared)
    if body.isascii() and b"\0" not in body[:4]:
        return body
    content_charset = _CHARSET.search(headers.get("content-type", ""))
    name = charset_name(content_charset[1]) if content_charset else ""
    if name in ("", "utf-8") or not (name.startswith(("utf-16", "utf-32")) or not is_utf8(body)):
        return body
    return _recode(body, name)


def is_utf8(body: bytes) -> bool:
    if body.isascii():
        return True
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return True


def _recode(body: bytes, name: str) -> bytes:
    try:
        return body.decode(name).encode()
    except (UnicodeError, ValueError) as error:
        raise SourceChanged(f"The source's answer is not in {name}, the charset that is declared for it.") from error
