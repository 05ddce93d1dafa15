"""The real REST site in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

TOKEN = "0123456789abcdef0123456789abcdef01234567"


@dataclass(frozen=True)
class Site:
    url: str

    def control(self, **asked: Any) -> dict[str, Any]:
        request = urllib.request.Request(f"{self.url}/control/", json.dumps(asked).encode(), method="POST")
        with urllib.request.urlopen(request, timeout=30) as answer:
            return dict(json.load(answer))


@pytest.fixture(scope="session")
def drf_process() -> Iterator[Site]:
    program = Path(__file__).with_name("drf_site.py")
    with subprocess.Popen([sys.executable, str(program)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield Site(f"http://127.0.0.1:{int(process.stdout.readline())}")
        process.terminate()


@pytest.fixture
def site(drf_process: Site) -> Site:
    """1,037 shipments with ids 1 to 1037."""
    drf_process.control(reset=1037)
    return drf_process
