import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from config.bootstrap import BootstrapError, Environment, prepare
from config.bootstrap.installers import install
from config.bootstrap.machine import Need, get_from_apt
from config.paths import PROJECT


class Installed:
    """An installer that writes down what it was asked for, and fails when told to."""

    def __init__(self, failing: Callable[[], None] = lambda: None) -> None:
        self.calls: list[tuple[str, bool]] = []
        self.failing = failing

    def __call__(self, environment: Environment, name: str, again: bool) -> None:
        assert environment.works()
        self.calls.append((name, again))
        self.failing()


@pytest.fixture
def environment(tmp_path: Path) -> Environment:
    made = Environment(folder=tmp_path / ".venv", requirements=tmp_path / "requirements", notes=tmp_path / "var")
    made.requirements.mkdir()
    made.file("demo").write_text("one==1")
    made.file("test").write_text("two==2")
    return made


def killed() -> None:
    raise SystemExit  # stands for kill -9: nothing of ours runs after it that would tidy up


@pytest.mark.slow
def test_first_start_makes_the_environment_and_fills_it(environment: Environment) -> None:
    installed = Installed()

    prepare(environment, "demo", installed)

    assert environment.works()
    assert installed.calls == [("demo", False)]
    assert not environment.unfinished.exists()


@pytest.mark.slow
def test_second_start_does_nothing(environment: Environment) -> None:
    installed = Installed()

    prepare(environment, "demo", installed)
    prepare(environment, "demo", installed)

    assert len(installed.calls) == 1


@pytest.mark.slow
def test_changed_requirements_are_installed_into_the_same_environment(environment: Environment) -> None:
    installed = Installed()
    prepare(environment, "demo", installed)
    (environment.folder / "kept").touch()
    environment.file("demo").write_text("one==2")

    prepare(environment, "demo", installed)

    assert installed.calls == [("demo", False)] * 2
    assert (environment.folder / "kept").exists()


@pytest.mark.slow
def test_environment_whose_making_was_killed_is_made_again(environment: Environment) -> None:
    with pytest.raises(SystemExit):
        prepare(environment, "demo", Installed(killed))
    (environment.folder / "half-written").touch()

    prepare(environment, "demo", Installed())

    assert not (environment.folder / "half-written").exists()
    assert environment.has("demo")


@pytest.mark.slow
def test_environment_whose_filling_was_killed_is_filled_again_from_scratch(environment: Environment) -> None:
    prepare(environment, "demo", Installed())
    with pytest.raises(SystemExit):
        prepare(environment, "test", Installed(killed))
    installed = Installed()

    prepare(environment, "demo", installed)

    assert installed.calls == [("test", True)]
    assert environment.has("test")


@pytest.mark.slow
def test_packages_that_were_refused_are_not_tried_again_for_others(environment: Environment) -> None:
    def refused() -> None:
        raise BootstrapError("no compiler")

    prepare(environment, "demo", Installed())
    with pytest.raises(BootstrapError):
        prepare(environment, "test", Installed(refused))
    installed = Installed()

    prepare(environment, "demo", installed)

    assert installed.calls == []


@pytest.mark.slow
def test_environment_without_a_working_python_is_made_again(environment: Environment) -> None:
    prepare(environment, "demo", Installed())
    environment.python.unlink()
    environment.python.symlink_to("/does/not/exist")

    prepare(environment, "demo", Installed())

    assert environment.works()


@pytest.mark.slow
def test_two_starts_at_once_install_once(environment: Environment) -> None:
    installed = Installed()

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda _: prepare(environment, "demo", installed), range(2)))

    assert installed.calls == [("demo", False)]


def test_unknown_requirements_are_named_beside_the_known_ones(environment: Environment) -> None:
    with pytest.raises(BootstrapError, match=r"no requirements/prod.txt. There is: demo, test\."):
        install(environment, "prod")


def test_bootstrap_needs_nothing_but_the_standard_library() -> None:
    code = "import sys; sys.path.insert(0, '.'); import config.bootstrap.__main__, config.testrun"

    done = subprocess.run([sys.executable, "-I", "-S", "-c", code], cwd=PROJECT)

    assert done.returncode == 0


def test_need_is_met_by_its_programs_or_by_a_server_that_runs_already() -> None:
    need = Need("Thing", ("no-such-program",), ("thing",), "TEST_THING_URL")

    assert not need.met({})
    assert need.met({"TEST_THING_URL": "thing://"})
    assert Need("Shell", ("sh",), ()).met({})
    assert not Need("Headers", ("sh",), (), files=("/does/not/exist.h",)).met({})


def test_apt_is_asked_for_the_missing_packages_and_its_refusal_is_shown(tmp_path: Path) -> None:
    apt = tmp_path / "apt-get"
    refuse = 'case "$*" in *install*) echo "E: no such package" >&2; exit 100;; esac'
    apt.write_text(f'#!/bin/sh\necho "$@" >> "$0.log"\n{refuse}')
    apt.chmod(0o755)
    said: list[str] = []

    get_from_apt([Need("Thing", ("no-such-program",), ("thing", "thing-dev"))], said.append, [str(apt)])

    update, install_line = (tmp_path / "apt-get.log").read_text().splitlines()
    assert update.endswith("update")
    assert install_line.endswith("install -y --no-install-recommends thing thing-dev")
    assert "E: no such package" in said[-1]


def test_what_would_start_a_server_is_unpacked_and_not_installed(tmp_path: Path) -> None:
    """The package is a real one, made here; apt stands for the one that fetches it."""
    control = tmp_path / "package" / "DEBIAN" / "control"
    program = tmp_path / "package" / "usr" / "sbin" / "thing"
    for path, text in (
        (control, "Package: thing\nVersion: 1\nArchitecture: all\nMaintainer: us\nDescription: a thing\n"),
        (program, "#!/bin/sh\n"),
    ):
        path.parent.mkdir(parents=True)
        path.write_text(text)
    subprocess.run(
        ["dpkg-deb", "--build", tmp_path / "package", tmp_path / "thing.deb"], check=True, capture_output=True
    )
    apt = tmp_path / "apt-get"
    apt.write_text(f'#!/bin/sh\necho "$@" >> "$0.log"\ncase "$*" in *download*) cp {tmp_path}/thing.deb .;; esac')
    apt.chmod(0o755)
    said: list[str] = []

    get_from_apt([Need("Thing", ("thing",), ("thing",), unpacked=True)], said.append, [str(apt)], tmp_path / "unpacked")

    assert (tmp_path / "unpacked" / "usr" / "sbin" / "thing").exists()
    assert "install" not in (tmp_path / "apt-get.log").read_text()
    assert said == ["Getting for the tests: thing"]


def test_apt_is_left_alone_when_nothing_is_missing_or_it_may_not_be_used(tmp_path: Path) -> None:
    said: list[str] = []

    get_from_apt([], said.append, ["/does/not/exist"])
    get_from_apt([Need("Thing", ("no-such-program",), ("thing",))], said.append, None)

    assert said == []
