"""Where an extra is missing, the import says which, and the line that installs it."""

import re
import subprocess
import sys
import tomllib

import pytest

from config.paths import PROJECT
from integrations.extras import MODULES, need

IMPORTED = {"python-jsonpath": "jsonpath"}
"""Distributions whose module is called otherwise."""
WITHOUT = "import sys; sys.modules[{module!r}] = None; import integrations.{kind}"


def brought(extra: str) -> set[str]:
    """The modules of an extra, as pyproject.toml declares it."""
    declared = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    modules: set[str] = set()
    for requirement in declared[extra]:
        if others := re.match(r"django-sluicegate\[(.+)\]$", requirement):
            modules |= brought(others[1])
        else:
            name = re.split(r"[<>=!~\[ ;]", requirement)[0]
            modules.add(IMPORTED.get(name, name))
    return modules


@pytest.mark.parametrize("extra", MODULES)
def test_an_extra_is_asked_for_what_it_brings(extra: str) -> None:
    assert set(MODULES[extra]) == brought(extra)


def test_the_error_names_the_first_module_for_whoever_imports_what_may_be_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for module in ("httpx", "tenacity"):
        monkeypatch.setitem(sys.modules, module, None)

    with pytest.raises(ModuleNotFoundError, match="Not installed: httpx, tenacity") as missing:
        need("http")

    assert missing.value.name == "httpx"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "extra", "module"),
    [
        ("bank", "bank", "defusedxml"),
        ("http", "http", "httpx"),
        ("streams", "http", "tenacity"),
        ("rest", "rest", "jsonpath"),
        ("rest", "rest", "httpcore"),
        ("stripe", "stripe", "stripe"),
        ("stripe", "stripe", "httpx"),
    ],
)
def test_a_kind_without_its_extra_says_what_to_install(kind: str, extra: str, module: str) -> None:
    command = [sys.executable, "-c", WITHOUT.format(module=module, kind=kind)]

    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True)

    assert done.stderr.splitlines()[-1] == (
        f"ModuleNotFoundError: Not installed: {module}. The extra {extra!r} brings it: "
        f"pip install 'django-sluicegate[{extra}]'"
    )
