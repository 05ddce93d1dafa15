"""Whether the text in the place of a bank's id is an id."""

from __future__ import annotations

import re

_PLACEHOLDER = re.compile(r"(?i)not ?provided|nonref|none|n/?a|unknown|[0\-. ]+")
"""What banks write if they have no id. Taken for an id, it would make entries of different accounts one."""


def bank_id_of(written: str) -> str:
    """The bank's id in a file or a row, '' if it is none."""
    return written if written and not _PLACEHOLDER.fullmatch(written) else ""
