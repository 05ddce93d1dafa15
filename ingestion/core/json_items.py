"""The items of a list inside a JSON page, also where an item is no JSON: that item is at fault, not the page.

The parser looks only for the ends of strings and brackets, in one pass, and only over pages that a decoder refused.
"""

from __future__ import annotations

from collections.abc import Iterator

from ingestion.core.json_tokens import json_tokens

_CLOSES = {b"]": b"[", b"}": b"{"}
_SPACE = b" \t\r\n"


def json_items(body: bytes, name: str) -> tuple[list[bytes], bytes]:
    """The items of a JSON page's list, also where one of them is no JSON, and the page with that list empty.

    `name` is the list's member of the page's object; '' when the page is the list. Raises ValueError where it cannot be
    told from the rest: a bracket or a quote is missing, or an item is empty.
    """
    start, end, items = _list(body, name)
    return items, body[: start + 1] + body[end:]


def _list(body: bytes, name: str) -> tuple[int, int, list[bytes]]:
    depth_of_list = 2 if name else 1
    named = f'"{name}"'.encode()
    last = before = b""
    found_list: tuple[int, int, list[bytes]] | None = None
    start, cut = -1, 0
    items: list[bytes] = []
    for token, at, depth in _nested(body):
        opens = token == b"[" and depth == depth_of_list and start < 0 and found_list is None
        if opens and (not name or (last == b":" and before == named)):
            start, cut = at, at + 1
        elif start >= 0 and depth == depth_of_list and token in (b",", b"]"):
            item = body[cut:at].strip(_SPACE)
            if item or items or token == b",":
                items.append(item)
            cut = at + 1
            if token == b"]":
                found_list, start = (start, at, items), -1
        before, last = last, token
    if found_list is None or b"" in found_list[2]:
        raise ValueError("The list cannot be told from the rest of the page.")
    return found_list


def _nested(body: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Each token, where it stands, and in how many brackets: the opening and closing ones count as inside."""
    open_brackets: list[bytes] = []
    for match in json_tokens(body):
        token = match.group()
        if token in (b"[", b"{"):
            open_brackets.append(token)
        yield token, match.start(), len(open_brackets)
        if token in _CLOSES and (not open_brackets or open_brackets.pop() != _CLOSES[token]):
            raise ValueError("A bracket closes what is not open.")
    if open_brackets:
        raise ValueError("A bracket is not closed.")
