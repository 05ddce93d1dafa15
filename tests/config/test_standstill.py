"""A process that stood still says so afterwards."""

from __future__ import annotations

import itertools

import pytest

from config import standstill


class Enough(Exception):
    """Ends the watch."""


def test_a_process_that_stood_still_says_for_how_long_and_a_late_one_says_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    moments = iter([0.0, 5.1, 12.0, 40.0, 45.0])
    naps = itertools.count(1)

    def sleep(seconds: float) -> None:
        if next(naps) == 5:
            raise Enough

    with pytest.raises(Enough):
        standstill.look_for_ever(sleep, lambda: next(moments))

    (line,) = caplog.records
    assert (line.levelname, line.getMessage()[:40]) == ("WARNING", "This process stood still for 28 s: it wa")
