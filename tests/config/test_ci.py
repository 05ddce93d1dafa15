"""`.ci/run` ends by itself."""

import shutil
import subprocess
from pathlib import Path

import pytest

from config.paths import PROJECT

NEVER_ENDS = "import signal, os, sys\nprint('here', os.getpid(), flush=True)\nsignal.pause()\n"


@pytest.mark.slow
def test_what_is_not_done_in_time_is_ended_and_said(tmp_path: Path) -> None:
    shutil.copytree(PROJECT / ".ci", tmp_path / ".ci")
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "bootstrap.py").write_text(NEVER_ENDS)
    for words in ("init", "add .", "-c user.name=x -c user.email=x commit --message x"):
        subprocess.run(["git", *words.split()], cwd=tmp_path, check=True, capture_output=True)
    environment = {"PATH": "/usr/local/bin:/usr/bin:/bin", "SLUICEGATE_CI_MINUTES": "0.1"}

    done = subprocess.run([tmp_path / ".ci" / "run"], env=environment, capture_output=True, text=True)

    assert done.returncode == 124, done.stderr
    assert "NOT DONE in 0.1 minutes, and ended. It was at: environment of the linters" in done.stderr
    pid = done.stdout.partition("here ")[2].split()[0]
    assert not Path("/proc", pid).exists()
