"""Cuts the bytes of an MT940 or MT942 file into messages and fields. It knows where text may continue, not what it
means.

Written after SWIFT's field layout (a tag is `:nn[a]:` at the start of a line, block 4 is `{4:` to `-}`) and after what
banks do to it: no envelope at all, `-`, ` -`, `-XXX` or nothing as the end mark, `:940:` or BIC lines as header,
control characters around a message, wrapped text whose continuation begins with a colon.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache

from ingestion import FileTooLarge
from integrations.bank.formats import iso646
from integrations.bank.formats.charset import decode, decode_as
from integrations.bank.statements import MAX_ENTRIES

_HEAD_TAGS = {"940", "942", "20", "21", "25", "25P", "28", "28C", "13", "13D", "34F", "NS"}
_MONEY_TAGS = {"60", "60F", "60M", "61", "62", "62F", "62M", "64", "65", "90C", "90D", "86"}
_CLOSING = {"62", "62F", "62M", "90C", "90D"}
KNOWN = frozenset(_HEAD_TAGS | _MONEY_TAGS)
NARRATIVE = frozenset({"61", "86", "NS", "25P"})
"""The only fields of more than one line."""
_FIELDS_PER_ENTRY = 4
"""Most entries are a :61: and an :86:; the rest is room for the heads of statements."""

_TAG = re.compile(r":([0-9]{2}[A-Z]?|NS|94[02]):(.*)", re.DOTALL)
_BLOCK = re.compile(r"\{[1-5S]:")
_TEXT_BLOCK = re.compile(r".*?\{4:", re.DOTALL)
_APPLICATION = re.compile(r"\{2:[IOE](94[02])")
_END = re.compile(r"[ \t]*-X{0,3}[\x00-\x20]*")
_EDGE = re.compile(r"[\x00-\x08\x0e-\x1f\ufeff]+(?=[:{\-]|$)")
_HEADER = re.compile(r"[A-Z]{4}[A-Z]{2}[A-Z0-9]{2}(?:[A-Z0-9]{3})?|94[02](?: 00)?|0000 01[A-Z0-9]{8,}")
_CUT_TAG = re.compile(r"^:\n(?=(?:6[0-2][FM]?|86):)", re.MULTILINE)
"""A line break inside a tag, as some savings banks set."""
_SWALLOWED = re.compile(r".+?(:61:[0-9]{6}|:6[02][FM]:[CD][0-9]{6})", re.DOTALL)
_CLOCK = re.compile(r":[0-5][0-9]:[0-5][0-9](?![0-9])")
_HOUR = re.compile(r"[T \-][0-2][0-9]")


@dataclass(frozen=True, slots=True)
class SwiftField:
    tag: str
    """Without colons: '61', '60F', 'NS'."""
    lines: tuple[str, ...]

    @property
    def raw(self) -> str:
        return f":{self.tag}:" + "\n".join(self.lines)


@dataclass(frozen=True, slots=True)
class SwiftMessage:
    """The fields from one `:20:` up to the next."""

    fields: tuple[SwiftField, ...]
    kind: str
    """'940' or '942' if an envelope or header line says so, else ''."""
    strays: tuple[str, ...]
    """Lines where no text may stand: the field they belonged to cannot be trusted."""
    ended: bool
    """An end mark was there."""


def messages(data: bytes, max_entries: int = MAX_ENTRIES, *, charset: str = "") -> tuple[SwiftMessage, ...]:
    """The messages of the file. Raises FileTooLarge, and ConfigurationError for a charset that is not known."""
    iso646.refuse_unknown(charset)
    variant = charset if iso646.is_variant(charset) else ""
    text = decoded(data, "" if variant else charset)
    if iso646.has_lettered_envelope(text):
        text = "\n".join(map(iso646.envelope, text.split("\n")))
    cutter = _Cutter(_TagLookahead(text), max_entries)
    for number, line in enumerate(_lines(text)):
        cutter.feed(number, iso646.letters(line, variant) if variant else line)
    cutter.close(ended=False)
    return tuple(cutter.messages)


def decoded(data: bytes, charset: str = "") -> str:
    """UTF-8 or UTF-16 as marked, else Windows-1252; ISO-8859-1 last, which reads every byte. Lines end with LF."""
    text = decode_as(data, charset) if charset else decode(data, last_resorts=("cp1252", "iso8859-1"))
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return _CUT_TAG.sub(":", text) if "\n:\n" in text else text


def _lines(text: str) -> Iterator[str]:
    """The lines one by one: a list of very many very short lines takes ten times the memory of their text.

    Not str.splitlines(): it also cuts at form feeds and U+2028, which a narrative may contain.
    """
    start, end = 0, 0
    while end >= 0:
        end = text.find("\n", start)
        line = text[start:] if end < 0 else text[start:end]
        start = end + 1
        yield _EDGE.sub("", line, count=1) if line[:1] < " " or line[:1] == "\ufeff" else line


class _TagLookahead:
    """Looks ahead for the next tagged line. If the line numbers only rise, it reads the text once."""

    def __init__(self, text: str) -> None:
        self._lines_ahead = enumerate(_lines(text))
        self._number, self._tag = -1, ""

    def tag_after(self, number: int) -> str:
        """The tag of the next tagged line ('{' for an envelope, '' for the end of the file) after line `number`."""
        while self._number <= number:
            self._number, line = next(self._lines_ahead, (sys.maxsize, ""))
            if _BLOCK.match(line):
                self._tag = "{"
            elif (tag := _TAG.match(line)) and tag[1] in KNOWN:
                self._tag = tag[1]
            elif self._number < sys.maxsize:
                self._number = -1
            else:
                self._tag = ""
        return self._tag


class _Cutter:
    """Reads line by line. Its state is the open message and the open field ('' and no lines if none is open)."""

    def __init__(self, marks: _TagLookahead, max_entries: int) -> None:
        self.messages: list[SwiftMessage] = []
        self._marks = marks
        self._max_entries = self._remaining = max_entries
        self._remaining_fields = _FIELDS_PER_ENTRY * max_entries
        self._fields: list[SwiftField] = []
        self._tag, self._text = "", list[str]()
        self._strays: dict[str, None] = {}
        self._kind = ""
        self._has_closing = False

    def feed(self, index: int, line: str) -> None:
        if _BLOCK.match(line):
            self.close(ended=False)
            line = self._envelope(line)
        if line.lstrip(" \t").startswith("-}"):
            self.close(ended=True)
            self._envelope(line)
        elif _END.fullmatch(line) and self._marks.tag_after(index) in {"", "{", "20", "940", "942"}:
            # A lone dash inside a narrative is text: only one before the next message (or nothing) ends this one.
            self.close(ended=True)
        elif (tag := _TAG.match(line)) and not self._is_wrapped(tag[1], line):
            self._open(tag[1], tag[2])
        elif self._tag:
            self._continue(line)
        else:
            self._read_header(line)

    def close(self, *, ended: bool) -> None:
        self._end_field()
        if self._fields:
            self.messages.append(SwiftMessage(tuple(self._fields), self._kind, tuple(self._strays), ended))
            self._fields, self._strays, self._kind, self._has_closing = [], {}, "", False

    def _end_field(self) -> None:
        if self._tag:
            is_empty = self._text == [""]  # shared, because a million of them would be the largest part of the file
            self._fields.append(_empty_field(self._tag) if is_empty else SwiftField(self._tag, tuple(self._text)))
            self._tag, self._text = "", []

    def _envelope(self, line: str) -> str:
        """Notes the message type; returns what follows `{4:` on the same line."""
        if kind := _APPLICATION.search(line):
            self._kind = kind[1]
        return _TEXT_BLOCK.sub("", line, count=1) if "{4:" in line else ""

    def _read_header(self, line: str) -> None:
        if line.strip() in {"940", "940 00", "942", "942 00"}:
            self._kind = line.strip()[:3]

    def _open(self, tag: str, text: str) -> None:
        if tag in {"940", "942"}:
            self.close(ended=False)
            self._kind = tag
            return
        if tag == "20":
            self.close(ended=False)
        self._count_field(tag)
        self._note_swallowed(text)
        self._end_field()
        self._tag, self._text = tag, [text]
        self._has_closing = self._has_closing or tag in _CLOSING

    def _count_field(self, tag: str) -> None:
        """Count an entry or a statement, which weighs as much, and a field."""
        self._remaining -= tag in {"20", "61"}
        self._remaining_fields -= 1
        if min(self._remaining, self._remaining_fields) < 0:
            raise FileTooLarge(f"The MT940 file has more than {self._max_entries:,} entries: split it.")

    def _is_wrapped(self, tag: str, line: str) -> bool:
        """Whether what looks like a tag is the rest of a wrapped time stamp ('…T13' and ':12:11')."""
        if self._tag not in NARRATIVE:
            return False
        if tag not in KNOWN:
            return tag.isdigit()
        narrative = self._text[-1].rstrip()
        return bool(_CLOCK.match(line)) and bool(_HOUR.fullmatch(narrative[-3:])) and not self._has_closing

    def _continue(self, line: str) -> None:
        self._note_swallowed(line)
        if self._tag in NARRATIVE and not (self._has_closing and _HEADER.fullmatch(line.strip())):
            self._text.append(line)
        elif not line.strip() or _END.fullmatch(line):
            return  # an end mark of some savings banks, before the first entry: it holds nothing
        elif self._has_closing and _HEADER.fullmatch(line.strip()):
            self.close(ended=True)
            self._read_header(line)
        elif self._tag in KNOWN:
            self._note_stray(f"text where none may stand after :{self._tag}:")

    def _note_swallowed(self, text: str) -> None:
        """Note a field inside a text. That the balances tie does not clear it: another lost entry may make up
        for it.
        """
        if match := _SWALLOWED.match(text):
            self._note_stray(f"a field {match[1][:4]} inside a text: its line break was lost")

    def _note_stray(self, stray: str) -> None:
        """Keep each stray once: every line of a long file may be one."""
        self._strays[stray] = None


@cache
def _empty_field(tag: str) -> SwiftField:
    return SwiftField(tag, ("",))


def has_any(tags: Iterable[str], *searched: str) -> bool:
    return any(tag in searched for tag in tags)
