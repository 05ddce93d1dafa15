"""Decompression of response bodies, in steps, so that a small response cannot expand without limit."""

from __future__ import annotations

import zlib
from collections.abc import Iterable

from integrations.http.call import TooLarge

_EITHER = 32 + zlib.MAX_WBITS
"""zlib detects either format, zlib or gzip, by the first bytes."""
_STEP = 256 * 1024
"""Most bytes that one step decompresses."""


class Undecodable(Exception):
    """The body has a Content-Encoding that the request did not accept."""


class Damaged(Exception):
    """The compressed body is corrupt or ends too early; the text says which."""


def decompress(pieces: Iterable[bytes], encoding: str, limit: int) -> bytes:
    """The whole decompressed body. Raises TooLarge above `limit` bytes, Undecodable, Damaged."""
    match encoding.strip().lower():
        case "" | "identity":
            return _join_within(pieces, limit)
        case "gzip" | "x-gzip" | "deflate":
            return _join_within(_decompressed_steps(pieces), limit)
    raise Undecodable("it is packed in a way that was not asked for (Content-Encoding)")


def _join_within(pieces: Iterable[bytes], limit: int) -> bytes:
    body = bytearray()
    for piece in pieces:
        body += piece
        if len(body) > limit:
            raise TooLarge(f"more than {limit} bytes of body (Limits.body_bytes)")
    return bytes(body)


def _decompressed_steps(pieces: Iterable[bytes]) -> Iterable[bytes]:
    """The decompressed body in steps, so that the reader can stop at its limit. Several members form one body."""
    inflater: zlib._Decompress | None = None
    compressed = b""
    try:
        for piece in pieces:
            compressed += piece
            while compressed:
                if inflater is None or inflater.eof:
                    compressed = compressed if inflater is None else compressed.lstrip(b"\0")  # padding after the end
                    if len(compressed) < 2:
                        break
                    inflater = zlib.decompressobj(_EITHER if _has_header(compressed) else -zlib.MAX_WBITS)
                yield inflater.decompress(compressed, _STEP)
                compressed = inflater.unconsumed_tail or inflater.unused_data
        while inflater is not None and not inflater.eof:
            last = inflater.decompress(b"", _STEP)  # output for which the last step had no room
            if not last:
                break
            yield last
    except zlib.error as error:
        raise Damaged("its compression is damaged") from error
    if compressed or (inflater is not None and not inflater.eof):
        raise Damaged("its compressed body ends too early")


def _has_header(start: bytes) -> bool:
    """Whether gzip or zlib data starts with its header; some servers send "deflate" without the zlib header."""
    return start[:2] == b"\x1f\x8b" or (start[0] & 0x0F == 8 and int.from_bytes(start[:2], "big") % 31 == 0)
