"""Bodies, unpacked piece by piece so that a small answer cannot become a large one unseen."""

from __future__ import annotations

import zlib
from collections.abc import Iterable

from integrations.http.call import TooLarge

_EITHER = 32 + zlib.MAX_WBITS
"""zlib or gzip, whichever the first bytes say."""
_STEP = 256 * 1024
"""Most bytes unpacked at once."""


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
            return _joined(_inflated(pieces), limit)
    raise Undecodable("it is packed in a way that was not asked for (Content-Encoding)")


def _joined(pieces: Iterable[bytes], limit: int) -> bytes:
    body = bytearray()
    for piece in pieces:
        body += piece
        if len(body) > limit:
            raise TooLarge(f"more than {limit} bytes of body (Limits.body_bytes)")
    return bytes(body)


def _inflated(pieces: Iterable[bytes]) -> Iterable[bytes]:
    """In steps, so that the reader can stop at the first byte too many. Several members in a row are one body."""
    inflater: zlib._Decompress | None = None
    rest = b""
    try:
        for piece in pieces:
            rest += piece
            while rest:
                if inflater is None or inflater.eof:
                    rest = rest if inflater is None else rest.lstrip(b"\0")  # padding after the end
                    if len(rest) < 2:
                        break
                    inflater = zlib.decompressobj(_EITHER if _has_header(rest) else -zlib.MAX_WBITS)
                yield inflater.decompress(rest, _STEP)
                rest = inflater.unconsumed_tail or inflater.unused_data
        while inflater is not None and not inflater.eof:
            last = inflater.decompress(b"", _STEP)  # what the last step had no room for
            if not last:
                break
            yield last
    except zlib.error as error:
        raise Damaged("its compression is damaged") from error
    if rest or (inflater is not None and not inflater.eof):
        raise Damaged("its compressed body ends too early")


def _has_header(start: bytes) -> bool:
    """Some servers send "deflate" without the zlib header that it means."""
    return start[:2] == b"\x1f\x8b" or (start[0] & 0x0F == 8 and int.from_bytes(start[:2], "big") % 31 == 0)
