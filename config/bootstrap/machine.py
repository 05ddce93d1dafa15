"""What the tests want from the machine beside Python packages, and getting it from apt where that is allowed."""

import os
import shutil
import subprocess
import sysconfig
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from config.paths import PROJECT

# Servers keep their programs where no user's PATH looks.
SERVER_FOLDERS = ("/usr/local/sbin", "/usr/sbin", "/sbin")
UNPACKED = PROJECT / ".venv" / "debian"
"""Where packages are unpacked whose installation would start a server on this machine."""


@dataclass(frozen=True)
class Need:
    """Something that some tests cannot run without: its programs, and where they come from on Debian."""

    name: str
    programs: tuple[str, ...]
    apt: tuple[str, ...]
    url_variable: str = ""  # names one that runs already, in place of the programs
    files: tuple[str, ...] = ()
    unpacked: bool = False
    """Its packages are unpacked into UNPACKED and not installed."""

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
# Installed they would listen on this machine's port 80 at once.
PROXIES = (
    Need("nginx", ("nginx",), ("nginx",), unpacked=True),
    Need("Caddy", ("caddy",), ("caddy",), unpacked=True),
)
NEEDS = (MARIADB, POSTGRES, CHROMIUM, GIT, COMPILER, *PROXIES)


def find_program(name: str) -> str | None:
    """On PATH, else among the server folders, else in the newest PostgreSQL's own folder, else where we unpacked it."""
    postgres = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: path.parent.name.zfill(4))
    unpacked = [str(UNPACKED / folder) for folder in ("usr/sbin", "usr/bin")]
    folders = [os.environ.get("PATH", os.defpath), *SERVER_FOLDERS, *map(str, reversed(postgres)), *unpacked]
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


def get_from_apt(
    needs: Sequence[Need], say: Callable[[str], None], apt: list[str] | None, unpacked: Path = UNPACKED
) -> None:
    """Try to get what `needs` name; what could not be had stays unmet, and apt's answer is shown."""
    installed = [package for need in needs for package in need.apt if not need.unpacked]
    fetched = [package for need in needs for package in need.apt if need.unpacked]
    if not (installed or fetched) or apt is None:
        return
    say(f"Getting for the tests: {' '.join([*installed, *fetched])}")
    quiet = ["-qq", "-o", "DPkg::Lock::Timeout=300"]
    _run([*apt, *quiet, "update"], say)
    if installed:
        _run([*apt, *quiet, "install", "-y", "--no-install-recommends", *installed], say)
    if fetched:
        unpacked.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory() as folder:
            _run([*apt, *quiet, "download", *fetched], say, folder)
            for package in Path(folder).glob("*.deb"):
                _run(["dpkg", "-x", str(package), str(unpacked)], say)


def _run(command: Sequence[str], say: Callable[[str], None], folder: str | None = None) -> None:
    environ = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    result = subprocess.run(command, env=environ, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if result.returncode:
        say(f"$ {' '.join(command)}\n{(result.stderr or result.stdout).strip()[-1500:]}")
