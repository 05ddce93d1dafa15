"""OFX text to nested blocks of leaf values, for SGML and XML alike.

OFX 1 leaves need no closing tag (`<NAME>Jane<MEMO>Rent`), so no XML or HTML parser fits. The reader knows which tags
are aggregates and takes every other tag for a leaf whose value is the text up to the next tag. It reads what damaged
files still say, and marks each block that was not closed so that the caller can refuse what may be cut short.

Texts hold tags that are none of OFX (`paid <b>twice</b>`). OFX writes its own in one case throughout and has none of
HTML's names; a tag that breaks this is part of the text.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from ingestion import FileTooLarge, UnreadableFile
from integrations.bank.formats.ofx_text import unescape
from integrations.bank.statements import MAX_ENTRIES

STATEMENTS = frozenset({"STMTRS", "CCSTMTRS", "INVSTMTRS"})
ENTRY = "STMTTRN"
_PARTS = frozenset(
    {
        *("AVAILBAL", "BALLIST", "BANKACCTFROM", "BANKACCTTO", "BANKTRANLIST", "BANKTRANLISTP", "CCACCTFROM"),
        *("CCACCTTO", "CCSTMTTRNRS", "FI", "INVACCTFROM", "INVBAL", "INVBANKTRAN", "INVOOLIST", "INVPOSLIST"),
        *("INVSTMTTRNRS", "INVTRANLIST", "LEDGERBAL", "OFX", "SONRS", "STATUS", "STMTTRNP", "STMTTRNRS"),
    }
)
# Some banks write these as leaves; taking them for aggregates would swallow the leaves behind them.
_PARTS_WITHOUT_TEXT = frozenset({"BAL", "CURRENCY", "ORIGCURRENCY", "PAYEE"})
_PARTS_OF_ENTRY = frozenset({"BANKACCTTO", "CCACCTTO", "CURRENCY", "ORIGCURRENCY", "PAYEE"})
_ENTRY_LEAVES = frozenset(
    {
        *("CHECKNUM", "CORRECTACTION", "CORRECTFITID", "DTAVAIL", "DTPOSTED", "DTUSER", "FITID", "MEMO", "PAYEEID"),
        *("REFNUM", "SIC", "SRVRTID", "TRNAMT", "TRNTYPE"),
    }
)
"""Leaves that stand in an entry and in none of its parts: one of these ends a part that was left open."""
_LEAVES = _ENTRY_LEAVES | frozenset(
    {
        *("ACCTID", "ACCTTYPE", "BALAMT", "BANKID", "BROKERID", "CODE", "CURDEF", "CURRATE", "CURSYM", "DTASOF"),
        *("DTEND", "DTSERVER", "DTSTART", "FID", "LANGUAGE", "MESSAGE", "NAME", "ORG", "SEVERITY", "TRNUID"),
    }
)
_HTML = frozenset(
    {
        *("A", "B", "BR", "CENTER", "DIV", "EM", "FONT", "H1", "H2", "H3", "HR", "I", "IMG", "LI", "OL", "P", "S"),
        *("SMALL", "SPAN", "STRONG", "SUB", "SUP", "TABLE", "TD", "TH", "TR", "U", "UL"),
    }
)
_MARK = re.compile(r"<!\[CDATA\[|<!--|<(/?)([A-Za-z][\w.\-]*)(?:\s[^<>]*?)?(/?)>", re.ASCII)
_BLOCKS_PER_ENTRY = 4
"""An entry holds up to three aggregates of its own: payee, other account, currency."""
_CLOSERS = {"<![CDATA[": "]]>", "<!--": "-->"}


@dataclass(slots=True)
class Block:
    """An aggregate, while and after it is read."""

    name: str
    start: int
    end: int = -1
    closed: bool = False
    values: dict[str, str] = field(default_factory=dict)
    """First value of each leaf directly inside."""
    repeated: frozenset[str] = frozenset()
    """Leaves that came more than once."""
    strays: frozenset[str] = frozenset()
    """Aggregates closed here that were never opened."""
    blocks: list[Block] = field(default_factory=list)

    def all(self, *names: str) -> Iterator[Block]:
        """Every block of these names (of any, if none is named) inside this one, in file order."""
        for block in self.blocks:
            if not names or block.name in names:
                yield block
            yield from block.all(*names)

    def first(self, *names: str) -> Block | None:
        return next(self.all(*names), None)


@dataclass(frozen=True, slots=True)
class _Tag:
    name: str
    closes: bool
    start: int
    end: int
    text: str
    """What follows up to the next tag, unescaped and trimmed."""


def outline(text: str, max_entries: int = MAX_ENTRIES) -> tuple[Block, Counter[str]]:
    """All blocks of the text under a nameless root, and how often each tag opens.

    Linear in the length of the text; raises FileTooLarge.
    """
    root, tag_counts = Block("", 0), Counter[str]()
    open_blocks = [root]
    remaining, remaining_blocks = max_entries, _BLOCKS_PER_ENTRY * max_entries
    for tag in _tags(text):
        if tag.closes:
            _close(open_blocks, tag)
            continue
        tag_counts[tag.name] += 1
        if _is_aggregate(tag):
            remaining -= tag.name == ENTRY or tag.name in STATEMENTS
            remaining_blocks -= 1
            if min(remaining, remaining_blocks) < 0:
                raise FileTooLarge(f"The OFX file has more than {max_entries:,} entries: split it.")
            _open(open_blocks, tag)
            continue
        if tag.name in _ENTRY_LEAVES and open_blocks[-1].name != ENTRY:
            _end_parts_of_entry(open_blocks, tag.start)
        if tag.name in (values := open_blocks[-1].values):
            open_blocks[-1].repeated |= {tag.name}
        else:
            values[tag.name] = tag.text
    for block in open_blocks:
        block.end = len(text)
    return root, tag_counts


def _is_aggregate(tag: _Tag) -> bool:
    name = tag.name
    return name in _PARTS or name in STATEMENTS or name == ENTRY or (name in _PARTS_WITHOUT_TEXT and not tag.text)


def _open(open_blocks: list[Block], tag: _Tag) -> None:
    """No aggregate of OFX contains itself, nor one statement another: opening it ends the one that was left open."""
    for name in STATEMENTS if tag.name in STATEMENTS else (tag.name,):
        _unwind(open_blocks, name, tag.start)
    block = Block(tag.name, tag.start)
    open_blocks[-1].blocks.append(block)
    open_blocks.append(block)


def _end_parts_of_entry(open_blocks: list[Block], end: int) -> None:
    if open_blocks[-1].name in _PARTS_OF_ENTRY:
        _unwind(open_blocks, ENTRY, end, inclusive=False)


def _close(open_blocks: list[Block], tag: _Tag) -> None:
    """Banks close a statement with the tag of its sibling (<CCSTMTRS> by </STMTRS>): no other can be meant."""
    block = _unwind(open_blocks, tag.name, tag.end)
    if block is None and tag.name in STATEMENTS:
        block = next(filter(None, (_unwind(open_blocks, name, tag.end) for name in STATEMENTS)), None)
    if block is not None:
        block.closed = True
    elif tag.name == ENTRY or tag.name in STATEMENTS:
        open_blocks[-1].strays |= {tag.name}


def _unwind(open_blocks: list[Block], name: str, end: int, *, inclusive: bool = True) -> Block | None:
    """End the innermost open block of this name and all inside it; None, with no block ended, if there is no such
    block.
    """
    if not any(block.name == name for block in open_blocks):
        return None
    while open_blocks[-1].name != name:
        open_blocks.pop().end = end
    if not inclusive:
        return open_blocks[-1]
    block = open_blocks.pop()
    block.end = end
    return block


def _tags(text: str) -> Iterator[_Tag]:
    tag: re.Match[str] | None = None
    value: list[str] = []
    root = _MARK.search(text)
    upper = root is not None and root[0].isupper()
    for piece in _pieces(text, upper):
        if isinstance(piece, str):
            value.append(piece)
            continue
        if tag is not None:
            yield _tag(tag, value)
        tag, value = piece, []
    if tag is not None:
        yield _tag(tag, value)


def _tag(match: re.Match[str], value: list[str]) -> _Tag:
    text = "".join(value).strip()
    if "\n" in text:
        text = " ".join(text.split())
    return _Tag(match[2].upper(), match[1] == "/", match.start(), match.end(), text)


def _is_text(mark: re.Match[str], upper: bool) -> bool:
    """Whether this is no tag of OFX, in a file that writes its tags in upper case (or not)."""
    name = mark[2].upper()
    if name in _HTML:
        return True
    return upper and mark[2] != name and not (name in _LEAVES or name in _PARTS or name in STATEMENTS or name == ENTRY)


def _pieces(text: str, upper: bool) -> Iterator[re.Match[str] | str]:
    """Tags, and the plain text between them: CDATA taken out of its wrapping, comments dropped."""
    position = 0
    while mark := _MARK.search(text, position):
        yield unescape(text[position : mark.start()])
        position = mark.end()
        closer = _CLOSERS.get(mark[0])
        if closer is None:
            yield unescape(mark[0]) if _is_text(mark, upper) else mark
            continue
        end = text.find(closer, position)
        if end < 0:
            raise UnreadableFile(f"{mark[0]} at character {mark.start()} never ends: the file is cut short")
        if closer == "]]>":
            yield text[position:end]
        position = end + len(closer)
    yield unescape(text[position:])
