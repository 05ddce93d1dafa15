"""Bodies, unpacked piece by piece so that a small answer cannot become a large one unseen."""

from __future__ import annotations

import zlib
from collections.abc import Iterable

from integrations.http.call import TooLarge

_EITHER = 32 + zlib.MAX_WBITS
"""zlib or gzip, whichever the first bytes say."""


class Undecodable(Exception):
    """The body is packed in a way that nobody asked for."""


class Damaged(Exception):
    """The body's compression is broken or ends too early; the text says which."""


def decoded(pieces: Iterable[bytes], encoding: str, limit: int) -> bytes:
    """The whole body. Raises TooLarge above `limit` bytes, Undecodable, Damaged."""
    match encoding.strip().lower():
        case "" | "identity":
            return _joined(pieces, limit)
        case "gzip" | "x-gzip" | "deflate":
            return _joined(_inflated(pieces, limit), limit)
    raise Undecodable("it is packed in a way that was not asked for (Content-Encoding)")


def _joined(pieces: Iterable[bytes], limit: int) -> bytes:
    body = bytearray()
    for piece in pieces:
        body += piece
        if len(body) > limit:
            raise TooLarge(f"more than {limit} bytes of body (Limits.body_bytes)")
    return bytes(body)


def _inflated(pieces: Iterable[bytes], limit: int) -> Iterable[bytes]:
    """Never more than `limit` + 1 bytes at once; the reader stops at the first byte above."""
    inflater: zlib._Decompress | None = None
    try:
        for piece in pieces:
            if inflater is None:
                inflater = zlib.decompressobj(_EITHER if _has_header(piece) else -zlib.MAX_WBITS)
            yield inflater.decompress(piece, limit + 1)
            while inflater.unconsumed_tail:
                yield inflater.decompress(inflater.unconsumed_tail, limit + 1)
    except zlib.error as error:
        raise Damaged("its compression is damaged") from error
    if inflater is not None and not inflater.eof:
        raise Damaged("its compressed body ends too early")


def _has_header(piece: bytes) -> bool:
    """Some servers send "deflate" without the zlib header that it means."""
    return piece[:2] == b"\x1f\x8b"[: len(piece)] or (
        piece[0] & 0x0F == 8 and int.from_bytes(piece[:2], "big") % 31 == 0
    )
