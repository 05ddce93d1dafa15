"""What `manage.py test --quick` leaves out is marked, by a rule that no machine is too slow or too quick for.

A test that starts a program of ours, itself or in a fixture, or forks more than a few times, is marked slow. A server
that is started once for all, and Python without the project (`-S`), cost little.
"""

import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any

import pytest

MOST_FORKS = 10
_starts: Counter[str] = Counter()
"""What has been started since the test began."""
_starting: set[pytest.FixtureDef[Any]] = set()
"""Fixtures that started programs, perhaps for an earlier test. Not their names, which other modules use as well."""


def _note(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "os.fork":
        _starts["forks"] += 1
    elif event == "subprocess.Popen" and sys.executable in arguments[1] and "-S" not in arguments[1]:
        _starts["programs"] += 1


def pytest_sessionstart() -> None:
    sys.addaudithook(_note)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    _starts.clear()


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(fixturedef: pytest.FixtureDef[Any]) -> Iterator[None]:
    before = _starts["programs"]
    value = yield
    if _starts["programs"] > before:
        _starting.add(fixturedef)
    return value


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    value = yield
    if any(item.get_closest_marker(name) for name in ("slow", "browser", "soak")):
        return value
    fixtures = _starting.intersection(chain.from_iterable(fixtures_of(item)))
    if fixtures or _starts["programs"] or _starts["forks"] > MOST_FORKS:
        started = {**_starts, "by fixtures": sorted(fixture.argname for fixture in fixtures)}
        pytest.fail(f"It started {started}: mark it slow. `manage.py test --quick` is for tests that start none.")
    return value


def fixtures_of(item: pytest.Item) -> Iterable[Iterable[pytest.FixtureDef[Any]]]:
    """Each fixture that a test uses, with those that it overrides."""
    fixtures: dict[str, Iterable[pytest.FixtureDef[Any]]] = item._fixtureinfo.name2fixturedefs  # type: ignore[attr-defined]
    return fixtures.values()
