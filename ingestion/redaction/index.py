"""Finds any number of texts in a longer text, in one pass over it.

Each text has at least `SHORTEST` bytes, so one of the words of `_WORD` bytes at the multiples of `_WORD` lies within
its first `SHORTEST` bytes, wherever it stands. A search looks each such word up in a table of all words of all
beginnings, and looks closer only where one is met: at what begins there, by its first `SHORTEST` bytes and then by
bisection. Neither grows with the number of texts.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from typing import Final, NamedTuple

from ingestion.redaction.spellings import SHORTEST

_WORD = 4
"""`_WORD * 2 - 1` may not be above `SHORTEST`: else a text could begin between two words and hold neither whole."""
_TYPE: Final = "I"


class _Bucket(NamedTuple):
    """The texts of one beginning, sorted."""

    texts: tuple[bytes, ...] = ()
    longest: int = 0


class Index:
    """Texts, as UTF-8, each as often as it was added.

    Reading takes no lock: a bucket is replaced, never changed. Writers have to take turns.
    """

    __slots__ = ("_beginnings", "_times", "_words")

    def __init__(self) -> None:
        self._times: dict[bytes, int] = {}
        self._beginnings: dict[bytes, _Bucket] = {}
        """The texts by their first bytes."""
        self._words: dict[int, int] = {}
        """How many beginnings hold each word."""

    def add(self, text: bytes) -> None:
        times = self._times.get(text, 0)
        self._times[text] = times + 1
        if times:
            return
        beginning = text[:SHORTEST]
        texts, longest = self._beginnings.get(beginning, _Bucket())
        place = bisect_left(texts, text)
        self._beginnings[beginning] = _Bucket((*texts[:place], text, *texts[place:]), max(longest, len(text)))
        if not texts:
            for word in _words_of(beginning):
                self._words[word] = self._words.get(word, 0) + 1

    def drop(self, text: bytes) -> None:
        if times := self._times[text] - 1:
            self._times[text] = times
            return
        del self._times[text]
        beginning = text[:SHORTEST]
        if texts := tuple(kept_text for kept_text in self._beginnings[beginning].texts if kept_text != text):
            self._beginnings[beginning] = _Bucket(texts, max(map(len, texts)))
            return
        del self._beginnings[beginning]
        for word in _words_of(beginning):
            if count := self._words[word] - 1:
                self._words[word] = count
            else:
                del self._words[word]

    def spans(self, raw: bytes) -> Iterator[tuple[int, int]]:
        """Start and end of each text in `raw`, in order; of those that start at one place, the longest one."""
        words = memoryview(raw + bytes(-len(raw) % _WORD)).cast(_TYPE)
        if self._words.keys().isdisjoint(words):  # twice as quick as the look below, and nearly always the end of it
            return
        after = 0
        for number in [number for number, word in enumerate(words) if word in self._words]:
            for at in range(max(after, number * _WORD - _WORD + 1), number * _WORD + 1):
                bucket = self._beginnings.get(raw[at : at + SHORTEST])
                if bucket and (length := _longest(bucket, raw, at)):
                    yield at, at + length
            after = number * _WORD + 1


def _words_of(beginning: bytes) -> set[int]:
    return {int(memoryview(beginning[at : at + _WORD]).cast(_TYPE)[0]) for at in range(_WORD)}


def _longest(bucket: _Bucket, raw: bytes, at: int) -> int:
    """The length of the longest text of `bucket` that stands in `raw` at `at`; 0: none does.

    Of all texts that are not above what stands there, the last one shares the most with it. Where that one differs,
    only a text that ends before the difference can stand there.
    """
    standing = raw[at : at + bucket.longest]
    while place := bisect_right(bucket.texts, standing):
        nearest = bucket.texts[place - 1]
        if standing.startswith(nearest):
            return len(nearest)
        standing = standing[: _shared(nearest, standing)]
    return 0


def _shared(first: bytes, second: bytes) -> int:
    """The number of leading bytes that `first` and `second` share."""
    pairs = zip(first, second, strict=False)
    return next(
        (at for at, (first_byte, second_byte) in enumerate(pairs) if first_byte != second_byte),
        min(len(first), len(second)),
    )
