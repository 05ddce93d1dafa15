"""What is an id in the place where banks write theirs."""

from __future__ import annotations

import re

_PLACEHOLDER = re.compile(r"(?i)not ?provided|nonref|none|n/?a|unknown|[0\-. ]+")
"""What banks write where they have no id. As an id it would make strangers' entries one."""


def bank_id_of(written: str) -> str:
    """The bank's id as a file or a row has it, '' where it is none."""
    return written if written and not _PLACEHOLDER.fullmatch(written) else ""
