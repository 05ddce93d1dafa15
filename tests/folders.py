"""The folder of a test process: its own while it lives, removed at its end, swept by others once it was killed.

A locked file beside the folder says that its process lives. The kernel drops the lock with the process, so neither a
process number used again nor one of another container can be taken for it.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

PREFIX = "sluicegate-test-"
LOCK = ".lock"


class OwnFolder:
    """A new folder below `parent`. Making it sweeps what killed processes of the same user left there."""

    def __init__(self, parent: Path) -> None:
        with _alone(parent):
            sweep(parent)
            self._lock, name = tempfile.mkstemp(prefix=PREFIX, suffix=LOCK, dir=parent)
            fcntl.flock(self._lock, fcntl.LOCK_EX)
            self._file = Path(name)
            self.path = self._file.with_suffix("")
            self.path.mkdir()
            self.path.chmod(0o711)  # database servers run as other users, and must get through to their folders

    def remove(self) -> None:
        """Folder first: whoever is killed in between leaves the lock file, by which the rest is swept."""
        shutil.rmtree(self.path, ignore_errors=True)
        self._file.unlink(missing_ok=True)
        os.close(self._lock)


def sweep(parent: Path) -> None:
    """Remove the folders whose processes are gone. Others may be doing the same, or be leaving, at the same time."""
    for file in parent.glob(f"{PREFIX}*{LOCK}"):
        with suppress(OSError), _opened(file) as lock:  # gone meanwhile, another user's, or alive
            if os.fstat(lock).st_uid != os.geteuid():
                continue
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(file.with_suffix(""), ignore_errors=True)
            file.unlink(missing_ok=True)


@contextmanager
def _alone(parent: Path) -> Iterator[None]:
    """Between a new lock file and its lock nobody may sweep."""
    with _opened(parent / f"{PREFIX}{os.geteuid()}", os.O_RDWR | os.O_CREAT) as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextmanager
def _opened(file: Path, flags: int = os.O_RDWR) -> Iterator[int]:
    number = os.open(file, flags | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        yield number
    finally:
        os.close(number)
