"""The pages on destinations and integrations of one's own, run as they stand there."""

from __future__ import annotations

import pytest

from config.paths import PROJECT
from ingestion import Destination
from ingestion.core import destinations
from tests.docs.executed import Project, parts, run_tests_of

HOW_TO = PROJECT / "docs" / "how-to"


@pytest.mark.django_db
@pytest.mark.parametrize(("page", "count"), [("write-a-destination.md", 2), ("write-an-integration.md", 3)])
def test_the_tests_on_the_page_pass(project: Project, page: str, count: int) -> None:
    for module, code in parts(HOW_TO / page):
        names = project.add(module, code)

    assert run_tests_of(names) == count


def test_all_that_is_asked_of_a_destination_is_named() -> None:
    text = (HOW_TO / "write-a-destination.md").read_text()
    methods = [name for name in vars(Destination) if not name.startswith("_")]
    protocols = [name for name, value in vars(destinations).items() if getattr(value, "_is_protocol", False)]
    further = [name for name in protocols if name not in ("Protocol", "Destination")]

    assert len(methods) > 5
    assert len(further) > 3
    assert [name for name in methods if f"| `{name}(" not in text] == []
    assert [name for name in further if f"| `{name}` |" not in text] == []
