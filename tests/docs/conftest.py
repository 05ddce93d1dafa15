"""Fixtures for what pages show."""

from collections.abc import Iterator

import pytest

from tests.app import models
from tests.docs.executed import Project


@pytest.fixture
def project(monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    """A project with the bookshop's model, in which the code of a page is run."""
    project = Project(monkeypatch)
    project.put("bookshop.models", models)
    yield project
    project.close()
