"""A project's own package called `integrations` is told from ours."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from config.paths import PROJECT

pytestmark = pytest.mark.slow
W016 = "ingestion.W016"
APPS = ["django.contrib.auth", "django.contrib.contenttypes", "django_rq", "ingestion"]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """With a package of that name, which stands before ours on Python's path."""
    (tmp_path / "integrations" / "bank").mkdir(parents=True)
    (tmp_path / "integrations" / "__init__.py").touch()
    return tmp_path


def checked(project: Path, *apps: str) -> tuple[int, str]:
    code = (
        "from django.conf import settings\n"
        f"settings.configure(INSTALLED_APPS={[*APPS, *apps]!r}, USE_TZ=True, RQ_QUEUES={{}})\n"
        "import django; django.setup()\n"
        "from ingestion.checks.packages import check_packages\n"
        "for message in check_packages(): print(message.id, message.msg)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(PROJECT)}
    done = subprocess.run([sys.executable, "-c", code], cwd=project, env=environment, capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def test_a_kind_that_is_hidden_is_refused_with_the_remedy(project: Path) -> None:
    code, said = checked(project, "integrations.bank")

    assert code == 1
    assert f"INSTALLED_APPS names 'integrations.bank', but {project}/integrations hides the package it is in." in said
    assert "Rename yours" in said.splitlines()[-1]


def test_without_a_kind_it_is_a_warning(project: Path) -> None:
    code, said = checked(project)

    assert code == 0, said
    assert said.startswith(f"{W016} {project}/integrations hides the package")


def test_where_nothing_hides_ours_nothing_is_said(tmp_path: Path) -> None:
    assert checked(tmp_path, "integrations.bank") == (0, "")
