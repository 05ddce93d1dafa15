"""A deeper run tries more cases, and those of a shallower one among them where they are seeds."""

import subprocess
import sys

import pytest

from tests.databases import seeds, some

PRINTS = "from tests.databases import *; print(some(range(12), on_sqlite=4), list(seeds(3)), examples(50))"


def printed(environment: dict[str, str]) -> str:
    done = subprocess.run([sys.executable, "-S", "-c", PRINTS], env=environment, capture_output=True, text=True)
    return done.stdout.strip() or done.stderr


@pytest.mark.parametrize(
    ("environment", "says"),
    [
        ({}, "[0, 3, 6, 9] [0, 1, 2] 50"),
        ({"SLUICEGATE_TEST_DEPTH": ""}, "[0, 3, 6, 9] [0, 1, 2] 50"),
        ({"SLUICEGATE_TEST_DEPTH": "2"}, "[0, 1, 3, 4, 6, 7, 9, 10] [0, 1, 2, 3, 4, 5] 100"),
        ({"SLUICEGATE_TEST_DEPTH": "0.1"}, "[0] [0] 5"),
        ({"SLUICEGATE_TEST_DEPTH": "9"}, f"{list(range(12))} {list(range(27))} 450"),
        ({"SLUICEGATE_TEST_DB": "postgres"}, "[0, 6] [0, 1] 16"),
    ],
)
def test_as_many_cases_are_tried_as_the_run_is_deep(environment: dict[str, str], says: str) -> None:
    assert printed(environment) == says


def test_a_case_at_least_is_tried() -> None:
    assert some("abc", on_sqlite=0, elsewhere=0) == ["a"]
    assert seeds(0, elsewhere=0) == range(1)
