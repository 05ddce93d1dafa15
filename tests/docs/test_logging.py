"""The page about logs names what is logged, and its setting is the one that is in use."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import Any

import pytest

from config.paths import PROJECT
from tests.docs.test_docs import blocks

PAGE = PROJECT / "docs" / "operations" / "logging.md"
LOGGED = re.compile(
    r'"event": "([a-z_ ]+)"|events\.(?:record|fields)\([^"]*?, "([a-z_ ]+)"|_log\(.*"(delivery_[a-z_]+)"\)'
)


def test_every_event_is_explained() -> None:
    sources = [path for top in ("ingestion", "integrations", "config") for path in (PROJECT / top).rglob("*.py")]
    logged = {name for path in sources for match in LOGGED.findall(path.read_text()) for name in match if name}
    explained = set(re.findall(r"`([a-z_ ]+)`", PAGE.read_text().split("## Events")[1]))

    assert len(logged) > 20
    assert sorted(logged - explained) == []


def test_what_is_to_be_pasted_is_what_the_standalone_project_uses() -> None:
    from config import settings

    (block,) = blocks(PAGE, "python")
    names: dict[str, Any] = {}
    exec(block, names)

    assert names["LOGGING"] == settings.LOGGING


REFUSED = """
import logging

import django
from django.conf import settings

settings.configure(DEBUG=True, LOGGING=LOGGING, INSTALLED_APPS=[])
django.setup()
try:
    raise ValueError("a traceback")
except ValueError:
    logging.getLogger("django.request").warning("Forbidden: /x/", exc_info=True, extra={"status_code": 403})
"""


@pytest.mark.slow
def test_a_refusal_is_one_line_in_a_new_project_with_debug_on() -> None:
    (block,) = blocks(PAGE, "python")

    told = subprocess.run(
        [sys.executable, "-c", block + REFUSED], capture_output=True, text=True, cwd=PROJECT, check=True
    )

    (line,) = told.stderr.splitlines()
    assert re.search(r"WARNING django\.request\[\d+\] Forbidden: /x/$", line)
