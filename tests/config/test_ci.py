"""`.ci/run` goes through its steps, ends with what fails, and ends by itself. The tools here are stand-ins."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from config.paths import PROJECT

pytestmark = pytest.mark.slow
NEVER_ENDS = "import signal, os, sys\nprint('here', os.getpid(), flush=True)\nsignal.pause()\n"
TOOLS = ("ruff", "lint-imports", "mypy", "python")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project whose tools and tests find nothing."""
    shutil.copytree(PROJECT / ".ci", tmp_path / ".ci")
    (tmp_path / ".gitignore").write_text(".venv\n")
    (tmp_path / "manage.py").write_text("print('3 passed, 0 failed, 0 skipped')\n")
    for path in (tmp_path / "config" / "bootstrap.py", *(tmp_path / ".venv" / "bin" / name for name in TOOLS)):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("" if path.suffix else "#!/bin/sh\nexit 0\n")
        path.chmod(0o755)
    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path, check=True)
    return tmp_path


def judged(project: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    for words in ("add .", "-c user.name=x -c user.email=x commit --quiet --message x"):
        subprocess.run(["git", *words.split()], cwd=project, check=True)
    environment = {"PATH": f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin", **environment}
    return subprocess.run([project / ".ci" / "run"], env=environment, capture_output=True, text=True)


def test_it_goes_through_all_steps_and_ends_with_the_closing_line_of_the_tests(project: Path) -> None:
    done = judged(project)

    assert done.returncode == 0, done.stderr
    assert [line for line in done.stdout.splitlines() if line.startswith("==")] == [
        "== clean clone", "== environment of the linters", "== ruff", "== names that have no place here",
        "== import-linter", "== mypy", "== migrations", "== tests",
    ]  # fmt: skip
    assert done.stdout.endswith("3 passed, 0 failed, 0 skipped\n")
    assert "Killed" not in done.stderr


def with_python(folder: Path, name: str) -> str:
    """A folder for the PATH, with a Python that says whose it is before it does what it is asked."""
    folder.mkdir(parents=True)
    (folder / "python3").write_text(f'#!/bin/sh\necho "of {name}"\nexec {sys.executable} "$@"\n')
    (folder / "python3").chmod(0o755)
    return str(folder)


def test_a_python_of_the_developers_home_is_passed_over_while_the_system_has_one(
    project: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    machine = tmp_path_factory.mktemp("machine")
    home = machine / "home"
    own, system = with_python(home / "shims", "the developer"), with_python(machine / "bin", "the system")

    done = judged(project, HOME=str(home), PATH=f"{own}:{system}:/usr/bin:/bin")

    assert done.returncode == 0, done.stderr
    assert "of the system" in done.stdout
    assert "of the developer" not in done.stdout


def test_a_python_of_the_developers_home_does_where_the_systems_is_too_old(
    project: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    machine = tmp_path_factory.mktemp("machine")
    home = machine / "home"
    own, system = with_python(home / "shims", "the developer"), with_python(machine / "bin", "the system")
    (machine / "bin" / "python3").write_text("#!/bin/sh\nexit 1\n")

    done = judged(project, HOME=str(home), PATH=f"{own}:{system}:/usr/bin:/bin")

    assert done.returncode == 0, done.stderr
    assert "of the developer" in done.stdout


@pytest.mark.parametrize("tool", ["ruff", "mypy"])
def test_it_ends_at_the_step_that_fails(project: Path, tool: str) -> None:
    (project / ".venv" / "bin" / tool).write_text("#!/bin/sh\nexit 3\n")

    done = judged(project)

    assert done.returncode == 3
    assert done.stdout.splitlines()[-1] == f"== {tool}"


def test_what_is_not_done_in_time_is_ended_and_said(project: Path) -> None:
    (project / "config" / "bootstrap.py").write_text(NEVER_ENDS)

    done = judged(project, SLUICEGATE_CI_MINUTES="0.1")

    assert done.returncode == 124, done.stderr
    assert "NOT DONE in 0.1 minutes, and ended. It was at: environment of the linters" in done.stderr
    pid = done.stdout.partition("here ")[2].split()[0]
    assert not Path("/proc", pid).exists()
