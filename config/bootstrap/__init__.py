"""From a bare Python to a ready `.venv`. Standard library only: nothing else exists yet when this runs."""

import importlib.util
import os
import sys
from typing import NoReturn

from config.bootstrap.environment import BootstrapError, Environment
from config.bootstrap.prepare import prepare
from config.paths import PROJECT, var_dir

__all__ = ["BootstrapError", "Environment", "enter", "prepare", "project_environment"]

# The commands that work on a fresh machine, each with the requirements file it needs.
NEEDS = {"demo": "demo", "up": "demo", "test": "test"}


def project_environment() -> Environment:
    return Environment(folder=PROJECT / ".venv", requirements=PROJECT / "requirements", notes=var_dir())


def enter(command: str) -> None:
    """Go on inside a `.venv` that has what `command` needs; returns only there, or where Django is at hand anyway.

    SLUICEGATE_BOOTSTRAP=0 leaves the environment alone, for containers and environments managed by other means.
    """
    if os.environ.get("SLUICEGATE_BOOTSTRAP") == "0":
        return
    environment = project_environment()
    if command in NEEDS:
        try:
            prepare(environment, NEEDS[command])
        except BootstrapError as error:
            sys.exit(str(error))
        if not environment.is_current():
            _go_on_inside(environment)
    elif importlib.util.find_spec("django") is None:
        if environment.is_current() or not environment.works():
            sys.exit("Django is not installed here. `python3 manage.py demo` makes .venv ready and shows a first run.")
        _go_on_inside(environment)


def _go_on_inside(environment: Environment) -> NoReturn:
    os.execv(environment.python, [str(environment.python), *sys.argv])  # noqa: S606
