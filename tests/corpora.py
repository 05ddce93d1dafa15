"""Where the corpora of real files lie, and which of their files are input rather than ground truth."""

from __future__ import annotations

import os
from pathlib import Path

CORPORA = Path(os.environ.get("SLUICEGATE_CORPORA", Path(__file__).resolve().parents[2] / "shared" / "corpora"))

_NOT_INPUT = (".expected.json", ".upstream.json", ".upstream.pydata", ".extract", ".rules", ".import_results.beancount")
_NOT_INPUT_NAMES = frozenset({"index.jsonl"})


def files(area: str) -> list[Path]:
    """The real input files of an area ('bank/ofx'), sorted; [] where the corpora are absent."""
    return sorted(
        path
        for path in (CORPORA / area).rglob("*")
        if path.is_file() and path.name not in _NOT_INPUT_NAMES and not path.name.endswith(_NOT_INPUT)
    )
