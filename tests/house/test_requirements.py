"""What the two commands of the README install holds all that they import."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
OURS = {"bookshop", "config", "ingestion", "integrations", "tests"}
# Tests import nothing of benchmarks/: those have requirements of their own.
IMPORTED_BY_TESTS = ("config", "examples", "ingestion", "integrations", "tests")
# `manage.py test` installs it after the others, where there is a compiler; without one it is not there to be asked.
DRIVER = {"MySQLdb": ["mysqlclient"]}
BY_NAME = {"import_module", "importorskip", "find_spec"}


@pytest.mark.slow
@pytest.mark.parametrize("folder", IMPORTED_BY_TESTS)
def test_whatever_tests_import_is_in_their_requirements(folder: str) -> None:
    pinned = pins("test") | pins("mysql")

    missing = {
        module: sorted(str(path.relative_to(ROOT)) for path in paths)
        for module, paths in third_parties(folder).items()
        if not pinned & distributions_of(module)
    }

    assert missing == {}, "name their distributions in the extra `test` and run requirements/compile.sh"


@pytest.mark.slow
def test_production_has_nothing_that_changes_time_and_needs_nothing_of_it() -> None:
    without = "import sys; sys.modules['freezegun'] = None; import rq_scheduler"

    assert "freezegun" not in pins("production")
    assert subprocess.run([sys.executable, "-c", without], check=False).returncode == 0


def test_the_check_sees_imports_of_every_form(tmp_path: Path) -> None:
    source = (
        "import os, one.part\nfrom two.part import name\nfrom . import near\n"
        "def late():\n    import three\n    importlib.import_module('four.part')\n    importorskip('five')\n"
        "    find_spec(name)\n"
    )
    (tmp_path / "module.py").write_text(source)

    assert sorted(modules_of(tmp_path / "module.py")) == ["five", "four", "one", "os", "three", "two"]


def test_a_module_that_nothing_provides_is_missing() -> None:
    assert distributions_of("no_such_module") == set()
    assert distributions_of("MySQLdb") == {"mysqlclient"}
    assert "pytest" in pins("test") & distributions_of("pytest")


def third_parties(folder: str) -> dict[str, list[Path]]:
    """Every module from outside that the folder's sources import, and by which files."""
    importers: dict[str, list[Path]] = {}
    for path in (ROOT / folder).rglob("*.py"):
        for module in modules_of(path) - OURS - sys.stdlib_module_names:
            importers.setdefault(module, []).append(path)
    return importers


def modules_of(path: Path) -> set[str]:
    return {name.partition(".")[0] for node in ast.walk(ast.parse(path.read_text())) for name in imported_by(node)}


def imported_by(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.Import(names=names):
            yield from (alias.name for alias in names)
        case ast.ImportFrom(module=str(module), level=0):
            yield module
        case ast.Call(func=ast.Attribute(attr=function) | ast.Name(id=function), args=[ast.Constant(str(name)), *_]):
            if function in BY_NAME:
                yield name


def pins(name: str) -> set[str]:
    """The distributions that a requirements file names, as packages are compared."""
    lines = (ROOT / "requirements" / f"{name}.txt").read_text().splitlines()
    return {normal(line.partition("==")[0]) for line in lines if re.match(r"[A-Za-z0-9._-]+==", line)}


def distributions_of(module: str) -> set[str]:
    return {normal(name) for name in providers().get(module, [])}


@cache
def providers() -> Mapping[str, Sequence[str]]:
    return {**packages_distributions(), **DRIVER}


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
