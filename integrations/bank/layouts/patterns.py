"""The regexes of a layout's preamble and footers: whether they are any, and whether they could take long."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import fields
from typing import TYPE_CHECKING

from ingestion import ConfigurationError

if TYPE_CHECKING:
    from integrations.bank.layouts.layout import CsvLayout

MAX_PATTERN_CHARS = 300
_ESCAPED = re.compile(r"\\.")
_CLASS = re.compile(r"\[\^?\]?[^\]]*\]")
_SLOW = re.compile(r"\)[*+{]|\(\?")
"""A group that is repeated, and whatever else begins with (?."""
_BACK = re.compile(r"\\[1-9]")
_MOST = ((re.compile(r"[*+]|\{[0-9]*,[0-9]*\}"), 2), (re.compile(r"\?"), 10), (re.compile(r"\|"), 4))
"""Parts of any length, parts that may be missing, and alternatives: how many a pattern may have."""


def pattern_faults(layout: CsvLayout) -> Iterable[str]:
    for key, text, groups in _patterns(layout):
        try:
            group_count = re.compile(text).groups if 0 < len(text) <= MAX_PATTERN_CHARS else -1
        except re.error as fault:
            yield f"`{key}` is not a regular expression: {fault}."
            continue
        if group_count < 0 or (groups and group_count != groups):
            yield f"`{key}` must have 1 to {MAX_PATTERN_CHARS} characters" + (
                " and exactly one group." if groups else "."
            )


def refuse_slow_patterns(layout: CsvLayout) -> None:
    """Raises ConfigurationError for a pattern that might take more than quadratic time on a row."""
    for key, text, _ in _patterns(layout):
        bare = _CLASS.sub("x", _ESCAPED.sub("x", text))
        has_many = any(len(part.findall(bare)) > most for part, most in _MOST)
        if has_many or _SLOW.search(bare) or _BACK.search(text):
            raise ConfigurationError(
                f"CSV layout {layout.name!r}: `{key}` could take long. Repeat no group, refer to none, and use '*', "
                "'+' or '{n,m}' at most twice, '?' at most ten times and '|' at most four times."
            )


def _patterns(layout: CsvLayout) -> Iterable[tuple[str, str, int]]:
    """Key, pattern and how many groups it must have."""
    for n, text in enumerate(layout.footers):
        yield f"footers[{n}]", text, 0
    for spec in fields(layout.preamble):
        text = getattr(layout.preamble, spec.name)
        if isinstance(text, str) and text:
            yield f"preamble.{spec.name}", text, 1
