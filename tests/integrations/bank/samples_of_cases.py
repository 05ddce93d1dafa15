"""Made-up bank files of a few lines, each for one fault that such tools are reported to have."""

from __future__ import annotations

from pathlib import Path

CASES = Path(__file__).parent / "samples" / "cases"


def case(name: str) -> bytes:
    return (CASES / name).read_bytes()
