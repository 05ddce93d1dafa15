"""A test that starts a program of ours, itself or in a fixture, fails until it is marked slow; others are left alone."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from config.paths import PROJECT

pytestmark = pytest.mark.slow

STARTER = """
import subprocess, sys, pytest

@pytest.fixture(scope="session")
def address():
    subprocess.run([sys.executable, "-c", ""], check=True)

@pytest.mark.slow
def test_marked(address):
    pass

def test_unmarked(address):
    pass
"""
OF_THE_SAME_NAME = """
import pytest

@pytest.fixture
def address():
    return "no program at all"

def test_other(address):
    pass
"""


def test_only_tests_that_use_the_very_fixture_that_started_a_program_must_be_marked(tmp_path: Path) -> None:
    (tmp_path / "test_a.py").write_text(STARTER)
    (tmp_path / "test_b.py").write_text(OF_THE_SAME_NAME)
    options = ["-p", "tests.starts", "-p", "no:django", "-p", "no:cacheprovider", f"--rootdir={tmp_path}"]

    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-v", "-c", "/dev/null", *options, str(tmp_path)],
        cwd=PROJECT, capture_output=True, text=True,
    )  # fmt: skip

    lines = [line.split() for line in done.stdout.splitlines() if "::test_" in line and line.endswith("%]")]
    outcomes = {words[0].split("::")[1]: words[1] for words in lines}
    assert outcomes == {"test_marked": "PASSED", "test_unmarked": "FAILED", "test_other": "PASSED"}
    assert "mark it slow" in done.stdout
