"""The virtual environment and the notes about its state."""

import hashlib
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path


class BootstrapError(Exception):
    """The environment cannot be made. The message tells the person at the terminal what to do."""


@dataclass(frozen=True)
class Environment:
    """A virtual environment, the requirements files it is filled from, and a folder for notes about its state."""

    folder: Path
    requirements: Path
    notes: Path

    @property
    def python(self) -> Path:
        return self.folder / "bin" / "python"

    @property
    def unfinished(self) -> Path:
        """Exists while a process works on the folder; stays behind when it was killed. Holds what was going on."""
        return self.notes / "venv-unfinished"

    def works(self) -> bool:
        check = "import sys; sys.exit(sys.version_info < (3, 11) or sys.prefix == sys.base_prefix)"
        try:
            return subprocess.run([self.python, "-I", "-c", check], capture_output=True).returncode == 0
        except OSError:
            return False

    def is_current(self) -> bool:
        """Whether this very process runs inside it."""
        return self.folder.exists() and self.folder.samefile(sys.prefix)

    def file(self, name: str) -> Path:
        return self.requirements / f"{name}.txt"

    def has(self, name: str) -> bool:
        """Whether exactly these requirements were installed to the end. Fast: two small files are read."""
        try:
            return self._stamp(name).read_text(encoding="ascii") == self._digest(name) and self.python.exists()
        except FileNotFoundError:
            return False

    def stamp(self, name: str) -> None:
        self._stamp(name).write_text(self._digest(name), encoding="ascii")

    def create(self) -> None:
        """Make it anew. Without pip, which comes from outside: Debian's python3 cannot put it in by itself."""
        shutil.rmtree(self.folder, ignore_errors=True)
        base = getattr(sys, "_base_executable", sys.executable)
        result = subprocess.run([base, "-m", "venv", "--without-pip", self.folder], capture_output=True, text=True)
        if result.returncode or not self.works():
            raise BootstrapError(
                f"Cannot make {self.folder}: {(result.stderr or result.stdout).strip()}\n"
                "On Debian or Ubuntu: apt-get install -y python3-venv python3-pip"
            )

    def _stamp(self, name: str) -> Path:
        return self.folder / f".installed-{name}"

    def _digest(self, name: str) -> str:
        return hashlib.sha256(self.file(name).read_bytes()).hexdigest()
