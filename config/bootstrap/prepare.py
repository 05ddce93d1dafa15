"""Bring the environment up to its requirements, safely against a second start and a kill."""

import fcntl
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from config.bootstrap.environment import BootstrapError, Environment
from config.bootstrap.installers import install
from config.paths import private_dir

NEW = "new"
Install = Callable[[Environment, str, bool], None]


def prepare(environment: Environment, name: str, install: Install = install) -> None:
    """Make sure that `environment` exists and holds requirements/NAME.txt. Instant when it does.

    Safe against two starts at once (a file lock) and against an earlier one that was killed: an environment that was
    being made is made again, packages that were being written are written again. Raises BootstrapError.
    """
    if environment.has(name) and not environment.unfinished.exists():
        return
    with _alone(environment):
        torn = _read(environment.unfinished)
        if environment.has(name) and not torn:
            return
        print(f"Preparing .venv with requirements/{name}.txt; this takes about a minute, once.", file=sys.stderr)
        if torn == NEW or not environment.works():
            environment.unfinished.write_text(NEW)
            environment.create()
        elif torn:
            _fill(environment, torn, install, again=True)
        if not environment.has(name):
            _fill(environment, name, install, again=False)


def _fill(environment: Environment, name: str, install: Install, again: bool) -> None:
    if not environment.unfinished.exists():
        environment.unfinished.write_text(name)
    try:
        install(environment, name, again)
    except BootstrapError:
        environment.unfinished.unlink()  # refused, not torn: what is there is whole
        raise
    environment.stamp(name)
    environment.unfinished.unlink()


@contextmanager
def _alone(environment: Environment) -> Iterator[None]:
    private_dir(environment.notes)
    with (environment.notes / "bootstrap.lock").open("ab") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("Another start is preparing .venv; waiting for it.", file=sys.stderr)
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii")
    except FileNotFoundError:
        return ""
