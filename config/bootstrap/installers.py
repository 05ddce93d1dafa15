"""The ways to put hash-pinned packages into an environment, best first. None is sure to exist on a fresh machine."""

import shutil
import subprocess
import sys
from collections.abc import Iterator

from config.bootstrap.environment import BootstrapError, Environment

PIP_OPTIONS = ("--quiet", "--disable-pip-version-check", "--no-input", "--require-hashes")


def install(environment: Environment, name: str, again: bool = False) -> None:
    """Put requirements/NAME.txt in by the first way that works. `again` writes over half-written packages.

    Raises BootstrapError with what each way answered.
    """
    if not environment.file(name).exists():
        names = ", ".join(sorted(path.stem for path in environment.requirements.glob("*.txt")))
        raise BootstrapError(f"There is no requirements/{name}.txt. There is: {names}.")
    answers = []
    for way in ways(environment, again=again):
        result = subprocess.run([*way, "-r", environment.file(name)], stdin=subprocess.DEVNULL, capture_output=True)
        if result.returncode == 0:
            return
        answers.append(f"$ {' '.join(way)}\n{result.stderr.decode(errors='replace').strip()[-1500:]}")
    if not answers:
        raise BootstrapError(
            "Neither pip nor uv is here to install packages with.\nOn Debian or Ubuntu: apt-get install -y python3-pip"
        )
    raise BootstrapError(
        "\n\n".join(answers) + f"\n\nrequirements/{name}.txt could not be installed; the answers are above. "
        "Check the network, and the package index that pip or uv is set up with, and run the same command again."
    )


def ways(environment: Environment, *, again: bool) -> Iterator[list[str]]:
    python = str(environment.python)
    uv = shutil.which("uv") or shutil.which("uv", path=str(environment.folder / "bin"))
    if uv:
        over = ["--reinstall"] if again else []
        yield [uv, "pip", "install", "--quiet", "--python", python, "--require-hashes", *over]
    over = ["--force-reinstall"] if again else []
    if has_pip(python):
        yield [python, "-m", "pip", "install", *PIP_OPTIONS, *over]
    base = getattr(sys, "_base_executable", sys.executable)
    if has_pip(base):
        # The machine's own pip, working on the environment: a system that forbids pip for itself allows this.
        yield [base, "-m", "pip", "--python", python, "install", *PIP_OPTIONS, *over]
    elif subprocess.run([python, "-m", "ensurepip"], capture_output=True).returncode == 0:
        yield [python, "-m", "pip", "install", *PIP_OPTIONS, *over]


def has_pip(python: str) -> bool:
    return subprocess.run([python, "-m", "pip", "--version"], capture_output=True).returncode == 0
