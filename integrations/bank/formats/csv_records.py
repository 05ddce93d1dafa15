"""Bytes to CSV records within bounds: what no bank writes ends in a FileRefused, never in memory or in a loop."""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from ingestion import FileTooLarge, UnreadableFile

MAX_LINE_BYTES = 16 * 1024 * 1024
MAX_RECORD_CHARS = 128 * 1024
"""One row with all its cells. The csv module's own limit is global to the process, so it is left alone."""
MAX_LINES = 1_000_000
"""Blank ones too: reading nothing else still takes its time."""
MAX_RECORD_LINES = 200
"""Lines that one quoted cell may run over; more means that its quote was never closed."""
MAX_JOINED_CHARS = 500
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")
"""Not str.splitlines, which also breaks at form feeds and Unicode separators inside cells."""
_END = "\0end\0"


@dataclass(frozen=True, slots=True)
class CsvRecord:
    line: int
    """The number of its first line, from 1."""
    cells: tuple[str, ...]
    raw: str
    """As in the file, without the line end."""

    @property
    def joined(self) -> str:
        """The non-empty cells as preamble and footer patterns see them, cut so that no pattern can be made slow."""
        cells = (" ".join(cell[:MAX_JOINED_CHARS].split()) for cell in self.cells if cell.strip())
        return " | ".join(islice(cells, MAX_JOINED_CHARS))[:MAX_JOINED_CHARS]


def refuse_long_lines(data: bytes) -> None:
    """Raises FileTooLarge for a line above 16 MiB, before anything copies or decodes it."""
    start = 0
    while len(data) - start > MAX_LINE_BYTES:
        window = start + MAX_LINE_BYTES + 1
        end = max(data.rfind(b"\n", start, window), data.rfind(b"\r", start, window))
        if end < 0:
            raise FileTooLarge(f"A line is longer than {MAX_LINE_BYTES:,} bytes; no bank writes such lines.")
        start = end + 1


def decode(data: bytes, encodings: Sequence[str], *, final: bool = True) -> str:
    """The text by its byte order mark, else in the first declared encoding that fits. `final=False`: data may end in
    mid-character.
    """
    for mark, encoding in _BOMS:
        if data.startswith(mark):
            encodings = (encoding,)
            break
    for encoding in encodings:
        try:
            text = codecs.getincrementaldecoder(encoding)().decode(data, final)
        except UnicodeError:
            continue
        if "\0" in text:
            raise UnreadableFile("The file has NUL characters: save it as UTF-8 text and upload it again.")
        return text
    raise UnreadableFile(f"The file is not text in {' or '.join(encodings)}.")


def records(text: str, delimiter: str, first_line: int = 1) -> Iterator[CsvRecord]:
    """Every record that is not blank; the text begins in `first_line` of its file.

    Raises FileTooLarge and UnreadableFile if a record breaks the bounds.
    """
    feed = _Feed(text, first_line)
    reader = csv.reader(feed, delimiter=delimiter)
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as fault:
            raise FileTooLarge(f"The row at line {feed.first} cannot be split: {fault}.") from fault
        line, raw = feed.take_record()
        if cells == [_END]:
            return
        if cells and cells[-1].endswith(_END):
            raise UnreadableFile(f"A quote opened in the row at line {line} is never closed.")
        if any(cell.strip() for cell in cells):
            yield CsvRecord(line, tuple(cells), raw)


class _Feed:
    """Hands lines to the csv reader and keeps those of the open record, so that the record can be quoted and
    bounded.
    """

    def __init__(self, text: str, first_line: int) -> None:
        self._lines = (match[0] for match in _LINE.finditer(text))
        self._open: list[str] = []
        self._chars = 0
        self._remaining = MAX_LINES
        self._ended = False
        self.first = first_line

    def __iter__(self) -> _Feed:
        return self

    def __next__(self) -> str:
        line = next(self._lines, None)
        if line is None:
            if self._ended:
                raise StopIteration
            # A row of our own: swallowed by the last cell exactly when its quote is open.
            self._ended = True
            return _END
        self._remaining -= 1
        if self._remaining < 0:
            raise FileTooLarge(f"The file has more than {MAX_LINES:,} lines: split it.")
        self._open.append(line)
        self._chars += len(line)
        if len(self._open) > MAX_RECORD_LINES:
            raise UnreadableFile(
                f"A quote opened in the row at line {self.first} is not closed for {MAX_RECORD_LINES} lines."
            )
        if self._chars > MAX_RECORD_CHARS:
            raise FileTooLarge(f"The row at line {self.first} is longer than {MAX_RECORD_CHARS:,} characters.")
        return line

    def take_record(self) -> tuple[int, str]:
        """First line number and text of the record just read; the next record starts after it."""
        line, raw = self.first, "".join(self._open).rstrip("\r\n")
        self.first += len(self._open)
        self._open, self._chars = [], 0
        return line, raw
