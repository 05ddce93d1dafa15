"""Bodies are unpacked within their limit, however they are cut into pieces."""

from __future__ import annotations

import contextlib
import gzip
import tracemalloc
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.http.call import TooLarge
from integrations.http.decompression import Damaged, Undecodable, decompress


@given(st.binary(max_size=5000), st.integers(1, 700), st.sampled_from(["gzip", "deflate", "bare", "", "members"]))
def test_what_was_packed_comes_out(body: bytes, step: int, how: str) -> None:
    bare = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    packed, encoding = {
        "gzip": (gzip.compress(body), "gzip"),
        "deflate": (zlib.compress(body), "deflate"),
        "bare": (bare.compress(body) + bare.flush(), "deflate"),
        "": (body, "identity"),
        "members": (gzip.compress(body[:50]) + gzip.compress(body[50:]) + b"\0\0", "GZIP"),
    }[how]
    pieces = [packed[start : start + step] for start in range(0, len(packed), step)]

    assert decompress(pieces, encoding, 5000) == body


@given(st.binary(min_size=1, max_size=3000))
def test_one_byte_too_many_is_noticed(body: bytes) -> None:
    for encoding, packed in (("gzip", gzip.compress(body)), ("", body)):
        with pytest.raises(TooLarge, match=r"Limits\.body_bytes"):
            decompress([packed], encoding, len(body) - 1)


@given(st.binary(min_size=20, max_size=500), st.data())
def test_damage_is_noticed_or_changes_nothing(body: bytes, data: st.DataObject) -> None:
    packed = bytearray(gzip.compress(body))
    packed[data.draw(st.integers(0, len(packed) - 1))] ^= 1 << data.draw(st.integers(0, 7))

    with contextlib.suppress(Damaged, TooLarge):
        assert decompress([bytes(packed)], "gzip", 5000) == body  # a bit that means nothing, such as the time


def test_a_body_cut_anywhere_is_damaged() -> None:
    packed = gzip.compress(bytes(range(256)) * 20)

    for length in range(1, len(packed)):
        with pytest.raises(Damaged):
            decompress([packed[:length]], "gzip", 10_000)


def test_an_empty_body_is_empty_whatever_it_claims() -> None:
    assert decompress([], "gzip", 10) == b""


@pytest.mark.parametrize("encoding", ["br", "zstd", "compress", "gzip, gzip", "x"])
def test_what_was_not_asked_for_is_not_unpacked(encoding: str) -> None:
    with pytest.raises(Undecodable):
        decompress([b"..."], encoding, 10)


@pytest.mark.slow
def test_a_bomb_takes_no_memory() -> None:
    bomb = gzip.compress(b"\0" * 50_000_000)
    tracemalloc.start()

    with pytest.raises(TooLarge):
        decompress([bomb], "gzip", 1_000_000)

    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4_000_000
