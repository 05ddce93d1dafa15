"""Names for columns that files repeat or leave empty."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache


def name_columns(cells: Sequence[str]) -> tuple[str, ...]:
    """The header row with a name for every column: `Saldo`, `Saldo#2` for the second one, `#4` for an empty cell."""
    counts: Counter[str] = Counter()
    names = []
    for place, cell in enumerate(cells, 1):
        text = " ".join(cell.split())
        key = header_key(text)
        counts[key] += 1
        names.append(f"#{place}" if not text else text if counts[key] == 1 else f"{text}#{counts[key]}")
    return tuple(names)


@lru_cache(maxsize=4096)
def header_key(text: str) -> str:
    """One key for all spellings of a header text."""
    return unicodedata.normalize("NFC", " ".join(text.split())).casefold()
