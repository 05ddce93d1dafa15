"""MT940 files for tests: the project's samples, and the real ones where they are at hand."""

from __future__ import annotations

from pathlib import Path

from tests.corpora import files

SAMPLES = Path(__file__).parent / "samples"
TYING = ("mt940_german.sta", "mt940_rabobank_2003.swi", "mt940_asn.940", "mt940_bare.txt")
REAL = [path for path in files("bank/mt940") if path.suffix != ".yml"]


def sample(name: str) -> bytes:
    return (SAMPLES / name).read_bytes()
