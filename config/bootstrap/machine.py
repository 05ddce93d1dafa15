"""What the tests want from the machine beside Python packages, and getting it from apt where that is allowed."""

import os
import shutil
import subprocess
import sysconfig
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

# Servers keep their programs where no user's PATH looks.
SERVER_FOLDERS = ("/usr/local/sbin", "/usr/sbin", "/sbin")


@dataclass(frozen=True)
class Need:
    """Something that some tests cannot run without: its programs, and where they come from on Debian."""

    name: str
    programs: tuple[str, ...]
    apt: tuple[str, ...]
    url_variable: str = ""  # names one that runs already, in place of the programs
    files: tuple[str, ...] = ()

    def met(self, environ: Mapping[str, str] = os.environ) -> bool:
        here = all(map(find_program, self.programs)) and all(map(os.path.exists, self.files))
        return here or bool(environ.get(self.url_variable))


# The server packages with the least beside the server itself: none of them starts a MariaDB on the machine.
MARIADB = Need(
    "MariaDB",
    ("mariadbd", "mariadb-install-db", "my_print_defaults"),
    ("mariadb-server-core", "mariadb-client-core"),
    "TEST_MARIADB_URL",
)
POSTGRES = Need("PostgreSQL", ("postgres", "initdb"), ("postgresql",), "TEST_POSTGRES_URL")
CHROMIUM = Need("Chromium", ("chromium",), ("chromium",))
GIT = Need("git", ("git",), ("git",))
COMPILER = Need(
    "a compiler for the MySQL driver",
    ("gcc", "pkg-config", "mariadb_config"),
    ("gcc", "pkg-config", "libmariadb-dev", "python3-dev"),
    files=(sysconfig.get_path("include") + "/Python.h",),
)
NEEDS = (MARIADB, POSTGRES, CHROMIUM, GIT, COMPILER)


def find_program(name: str) -> str | None:
    """On PATH, else among the server folders, else in the newest PostgreSQL's own folder."""
    postgres = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: path.parent.name.zfill(4))
    folders = [os.environ.get("PATH", os.defpath), *SERVER_FOLDERS, *map(str, reversed(postgres))]
    return shutil.which(name, path=os.pathsep.join(folders))


def apt_command() -> list[str] | None:
    """How apt-get is called here without asking anybody, or None."""
    if not shutil.which("apt-get"):
        return None
    if os.geteuid() == 0:
        return ["apt-get"]
    if shutil.which("sudo") and subprocess.run(["sudo", "-n", "true"], capture_output=True).returncode == 0:
        return ["sudo", "-n", "DEBIAN_FRONTEND=noninteractive", "apt-get"]
    return None


def get_from_apt(needs: Sequence[Need], say: Callable[[str], None], apt: list[str] | None) -> None:
    """Try to install what `needs` name; what could not be had stays unmet, and apt's answer is shown."""
    packages = [package for need in needs for package in need.apt]
    if not packages or apt is None:
        return
    say(f"Installing for the tests: {' '.join(packages)}")
    quiet = ["-qq", "-o", "DPkg::Lock::Timeout=300"]
    environ = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    update = [*apt, *quiet, "update"]
    for command in (update, [*apt, *quiet, "install", "-y", "--no-install-recommends", *packages]):
        done = subprocess.run(command, env=environ, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if done.returncode:
            say(f"$ {' '.join(command)}\n{(done.stderr or done.stdout).strip()[-1500:]}")
