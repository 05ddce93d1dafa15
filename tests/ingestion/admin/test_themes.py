"""The console beside themes of the admin: nothing that may be done is lost."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from config.paths import PROJECT

pytestmark = [pytest.mark.browser, pytest.mark.slow]
PAGES = Path(__file__).with_name("themes") / "pages.py"


@pytest.mark.parametrize("theme", ["unfold", "jazzmin"])
def test_a_theme_keeps_whatever_may_be_done(chromium: str, theme: str) -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--ds", f"{__package__}.themes.{theme}"]
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("SLUICEGATE_TEST", "DATABASE"))
    }
    done = subprocess.run([*command, PAGES], cwd=PROJECT, env=environment, capture_output=True, text=True)

    assert done.returncode == 0, done.stdout[-3000:]
    assert "1 passed" in done.stdout
