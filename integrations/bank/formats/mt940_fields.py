"""Cuts the bytes of an MT940 or MT942 file into messages and fields; knows where text may go on, not what it means.

Written after SWIFT's field layout (a tag is `:nn[a]:` at the start of a line, block 4 is `{4:` to `-}`) and after
what banks do to it: no envelope at all, `-`, ` -`, `-XXX` or nothing as the end mark, `:940:` or BIC lines as header,
control characters around a message, wrapped text whose continuation begins with a colon.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from ingestion import FileTooLarge
from integrations.bank.formats.charset import decode
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
_SWALLOWED = re.compile(r".+?(:61:[0-9]{6}|:6[02][FM]:[CD][0-9]{6})", re.DOTALL)
_CLOCK = re.compile(r":[0-5][0-9]:[0-5][0-9](?![0-9])")
_HOUR = re.compile(r"[T \-][0-2][0-9]")


@dataclass(frozen=True, slots=True)
class Field:
    tag: str
    """Without colons: '61', '60F', 'NS'."""
    lines: tuple[str, ...]

    @property
    def raw(self) -> str:
        return f":{self.tag}:" + "\n".join(self.lines)


@dataclass(frozen=True, slots=True)
class Message:
    """The fields from one `:20:` up to the next."""

    fields: tuple[Field, ...]
    kind: str
    """'940' or '942' where an envelope or header line says so, else ''."""
    strays: tuple[str, ...]
    """Lines where no text may stand: what they belonged to cannot be trusted."""
    ended: bool
    """An end mark was there."""


def messages(data: bytes, max_entries: int = MAX_ENTRIES) -> tuple[Message, ...]:
    """UTF-8 or UTF-16 as marked, else Windows-1252; ISO-8859-1 last, which reads every byte. Raises FileTooLarge."""
    text = decode(data, last_resorts=("cp1252", "iso8859-1"))
    # Not str.splitlines(): it also cuts at form feeds and U+2028, which a narrative may contain.
    lines = [_EDGE.sub("", line, count=1) if line[:1] < " " or line[:1] == "\ufeff" else line for line in _lines(text)]
    cutter = _Cutter(_next_marks(lines), max_entries)
    for index, line in enumerate(lines):
        cutter.feed(index, line)
    cutter.close(ended=False)
    return tuple(cutter.done)


def _lines(text: str) -> list[str]:
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


def _next_marks(lines: list[str]) -> list[str]:
    """For each line the tag of the next tagged line ('{' for an envelope, '' for the end of the file)."""
    following, mark = [], ""
    for line in reversed(lines):
        following.append(mark)
        if _BLOCK.match(line):
            mark = "{"
        elif (tag := _TAG.match(line)) and tag[1] in KNOWN:
            mark = tag[1]
    return following[::-1]


class _Cutter:
    """Reads line by line; the state is the message and the field now open."""

    def __init__(self, following: list[str], max_entries: int) -> None:
        self.done: list[Message] = []
        self._following = following
        self._max_entries = self._left = max_entries
        self._left_fields = _FIELDS_PER_ENTRY * max_entries
        self._fields: list[tuple[str, list[str]]] = []
        self._strays: list[str] = []
        self._kind = ""
        self._has_closing = False

    def feed(self, index: int, line: str) -> None:
        if _BLOCK.match(line):
            self.close(ended=False)
            line = self._envelope(line)
        if line.lstrip(" \t").startswith("-}"):
            self.close(ended=True)
            self._envelope(line)
        elif _END.fullmatch(line) and self._following[index] in {"", "{", "20", "940", "942"}:
            # A lone dash inside a narrative is text: only one before the next message (or nothing) ends this one.
            self.close(ended=True)
        elif (tag := _TAG.match(line)) and not self._is_wrapped(tag[1], line):
            self._open(tag[1], tag[2])
        elif self._fields:
            self._go_on(line)
        else:
            self._read_header(line)

    def close(self, *, ended: bool) -> None:
        if self._fields:
            fields = tuple(Field(tag, tuple(lines)) for tag, lines in self._fields)
            self.done.append(Message(fields, self._kind, tuple(self._strays), ended))
            self._fields, self._strays, self._kind, self._has_closing = [], [], "", False

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
        self._count(tag)
        self._note_swallowed(text)
        self._fields.append((tag, [text]))
        self._has_closing = self._has_closing or tag in _CLOSING

    def _count(self, tag: str) -> None:
        """A statement weighs as much as an entry."""
        self._left -= tag in {"20", "61"}
        self._left_fields -= 1
        if min(self._left, self._left_fields) < 0:
            raise FileTooLarge(f"The MT940 file has more than {self._max_entries:,} entries: split it.")

    def _is_wrapped(self, tag: str, line: str) -> bool:
        """Whether what looks like a tag is the rest of a wrapped time stamp ('…T13' and ':12:11')."""
        if not self._fields or self._fields[-1][0] not in NARRATIVE:
            return False
        if tag not in KNOWN:
            return tag.isdigit()
        narrative = self._fields[-1][1][-1].rstrip()
        return bool(_CLOCK.match(line)) and bool(_HOUR.fullmatch(narrative[-3:])) and not self._has_closing

    def _go_on(self, line: str) -> None:
        tag, lines = self._fields[-1]
        self._note_swallowed(line)
        if tag in NARRATIVE and not (self._has_closing and _HEADER.fullmatch(line.strip())):
            lines.append(line)
        elif not line.strip():
            return
        elif self._has_closing and _HEADER.fullmatch(line.strip()):
            self.close(ended=True)
            self._read_header(line)
        elif tag in KNOWN:
            self._strays.append(f"text where none may stand after :{tag}:")

    def _note_swallowed(self, text: str) -> None:
        """Balances that tie do not clear a lost entry: a lost one may be made up for by another."""
        if found := _SWALLOWED.match(text):
            self._strays.append(f"a field {found[1][:4]} inside a text: its line break was lost")


def has_any(tags: Iterable[str], *wanted: str) -> bool:
    return any(tag in wanted for tag in tags)
