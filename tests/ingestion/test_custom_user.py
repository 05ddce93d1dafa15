"""A project whose users are its own: UUID for a key, an address for a name."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from config.paths import PROJECT

pytestmark = pytest.mark.slow


def test_staff_operate_the_console_under_their_own_kind_of_account(tmp_path: Path) -> None:
    own = {"DJANGO_SETTINGS_MODULE": f"{__package__}.custom_user.settings", "CUSTOM_USER_FOLDER": str(tmp_path)}
    command = [sys.executable, "-m", f"{__package__}.custom_user.operating"]

    done = subprocess.run(command, cwd=PROJECT, env={**os.environ, **own}, capture_output=True, text=True)

    assert done.returncode == 0, done.stderr[-3000:]
