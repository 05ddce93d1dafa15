"""What the number of a statement says: which number follows it, which page it is, and whether it is a number at all."""

from __future__ import annotations

import re

_NUMBER = re.compile(r"0*([0-9]{1,9})(?:/0*([0-9]{1,9}))?")
_PAGE = re.compile(r"0*(.+)/0*([0-9]+)")


def follow(first: str, second: str) -> bool:
    """Whether the second number is the one after the first: 7 and 8, 7/1 and 8/1."""
    numbers = sequence_number(first), sequence_number(second)
    return numbers[0] is not None and numbers[1] is not None and numbers[1] - numbers[0] == 1


def sequence_number(number: str) -> int | None:
    """7 of 7 and of 00007/001; None if the text is no number."""
    match = _NUMBER.fullmatch(number)
    return None if match is None else int(match[1])


def is_numbered(number: str) -> bool:
    """Whether the number identifies the statement. Some banks number all statements 0."""
    return bool(number.partition("/")[0].strip("0"))


def spelled(number: str) -> str:
    """One spelling of 7, 7/1 and 00007/001; a text that is no number stays as it is."""
    match = _NUMBER.fullmatch(number)
    return f"{int(match[1])}/{int(match[2] or 1)}" if match else number


def page_of(reference: str, number: str, page: int | None) -> tuple[str, int] | None:
    """The statement and its page: from a number like 7/2, else from what the file says beside the number."""
    match = _PAGE.fullmatch(number)
    if match is not None:
        return match[1], int(match[2])
    return None if page is None else (f"{reference} {number}", page)
