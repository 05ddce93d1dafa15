"""The bookshop, as its owner has it: the built wheel in an environment of its own, far from this checkout."""

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from config.paths import PROJECT

pytestmark = pytest.mark.slow

IN_THE_WHEEL = ("ingestion", "integrations")
PARTIAL = 3  # exit code of a command whose run left dead letters
NOT_IN_THE_WHEEL = ("config", "tests", "examples", "benchmarks", "docs", "manage.py")


def build(kind: str, source: Path, folder: Path) -> Path:
    command = [sys.executable, "-m", "hatchling", "build", "-t", kind, "-d", str(folder)]
    done = subprocess.run(command, cwd=source, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (built,) = folder.glob("*.whl" if kind == "wheel" else "*.tar.gz")
    return built


def source_files(folder: str) -> Iterator[str]:
    for path in (PROJECT / folder).rglob("*"):
        if path.is_file() and "__pycache__" not in path.parts:
            yield path.relative_to(PROJECT / folder).as_posix()


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build("wheel", PROJECT, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def names(wheel: Path) -> set[str]:
    return set(zipfile.ZipFile(wheel).namelist())


class Shop:
    """A copy of the example and a Python that has the wheel, and our dependencies, but not this checkout."""

    def __init__(self, home: Path, wheel: Path) -> None:
        self.folder = home / "bookshop"
        shutil.copytree(PROJECT / "examples" / "bookshop", self.folder)
        venv.create(home / "env", symlinks=True)
        self.python = home / "env" / "bin" / "python"
        packages = Path(sysconfig.get_path("purelib", vars={"base": str(home / "env")}))
        zipfile.ZipFile(wheel).extractall(packages)  # what installing a pure wheel is
        (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")

    def manage(self, *arguments: str, code: int = 0, debug: str = "0") -> str:
        environment = {"PATH": os.environ["PATH"], "PYTHONWARNINGS": "error::RuntimeWarning", "DEBUG": debug}
        done = subprocess.run(
            [self.python, "manage.py", *arguments], cwd=self.folder, env=environment, capture_output=True, text=True
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout

    def evaluate(self, *lines: str) -> Any:
        """Run `lines` in the project; the last one is an expression whose value comes back."""
        *before, value = lines
        program = "\n".join(["import json", *before, f"print(json.dumps({value}, default=str))"])
        return json.loads(self.manage("shell", "--verbosity", "0", "-c", program).splitlines()[-1])

    def ingest(self, verb: str, *arguments: str, code: int = 0) -> Any:
        """What an operator types, with its answer as JSON."""
        return json.loads(self.manage("ingest", verb, "--tenant", "acme", "--json", *arguments, code=code))

    def run(self) -> dict[str, Any]:
        """One run of the charges; it ends partial, because one of them is no good."""
        (run,) = self.ingest("run", "--pipeline", "bookshop.charges", code=PARTIAL)["runs"]
        found: dict[str, Any] = run
        return found


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, wheel: Path) -> Shop:
    shop = Shop(tmp_path_factory.mktemp("shop"), wheel)
    shop.manage("migrate", "--verbosity", "0")
    shop.evaluate("from ingestion.models import Tenant", "str(Tenant.objects.create(key='acme', name='Acme Books'))")
    shop.ingest("connect", "--pipeline", "bookshop.charges")
    return shop


@pytest.fixture(scope="module")
def first_run(shop: Shop) -> dict[str, Any]:
    return shop.run()


@pytest.fixture(scope="module")
def kept(shop: Shop, first_run: dict[str, Any]) -> dict[str, Any]:
    """What the first run left in the tables, asked for in one start."""
    stored: dict[str, Any] = shop.evaluate(
        "from bookshop.models import Payment",
        "from ingestion.models import DeadLetter, Run",
        "letter = DeadLetter.unscoped.get()",
        "payments = [f'{p}' for p in Payment.unscoped.order_by('external_id')]",
        f"tally = Run.unscoped.get(pk={first_run['id']}).tally",
        "payload = bytes(letter.payload).decode()",
        "dict(payments=payments, tally=tally, letter=[letter.source_id, letter.errors[0]['path']], payload=payload)",
    )
    return stored


def test_wheel_holds_every_file_of_its_packages(names: set[str]) -> None:
    for package in IN_THE_WHEEL:
        assert {f"{package}/{name}" for name in source_files(package)} <= names


def test_wheel_holds_what_is_easily_forgotten(names: set[str]) -> None:
    assert {
        "ingestion/py.typed",
        "ingestion/migrations/0001_initial.py",
        "integrations/bank/migrations/0001_initial.py",
    } <= names
    assert {f"ingestion/templates/{name}" for name in source_files("templates")} <= names
    assert any(name.startswith("ingestion/templates/") for name in names)
    assert any(name.startswith("ingestion/static/") for name in names)


def test_wheel_holds_nothing_of_the_project_around_it(names: set[str]) -> None:
    tops = {name.split("/")[0] for name in names}
    assert tops - {*IN_THE_WHEEL} == {"django_sluicegate-0.1.0.dist-info"}
    assert not tops & {*NOT_IN_THE_WHEEL}


def test_links_of_the_readme_lead_somewhere_from_a_package_index_too(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        metadata = archive.read("django_sluicegate-0.1.0.dist-info/METADATA").decode()

    links = re.findall(r"\]\(([^)]+)\)", metadata)
    assert len(links) > 20
    assert [link for link in links if not link.startswith(("https://", "#"))] == []
    assert "Project-URL: Documentation, https://" in metadata


def test_sdist_builds_the_same_wheel(tmp_path: Path, names: set[str]) -> None:
    archive = build("sdist", PROJECT, tmp_path)
    with tarfile.open(archive) as sdist:
        # Debian 12's Python 3.11.2 knows no filters yet, and a later one warns where none is chosen.
        sdist.extraction_filter = getattr(tarfile, "data_filter", None)
        sdist.extractall(tmp_path)

    unpacked = tmp_path / archive.name.removesuffix(".tar.gz")
    assert {path.name for path in (unpacked / "docs").iterdir()} == {path.name for path in (PROJECT / "docs").iterdir()}
    rebuilt = build("wheel", tmp_path / archive.name.removesuffix(".tar.gz"), tmp_path / "again")

    assert set(zipfile.ZipFile(rebuilt).namelist()) == names


def test_engine_comes_from_the_wheel(shop: Shop) -> None:
    file, version = shop.evaluate(
        "import importlib.metadata as m, ingestion", "[ingestion.__file__, m.version('django-sluicegate')]"
    )

    assert Path(file).is_relative_to(shop.python.parent.parent)
    assert not Path(file).is_relative_to(PROJECT)
    assert version == "0.1.0"


def test_project_has_no_findings_and_no_missing_migration(shop: Shop) -> None:
    shop.manage("check", "--fail-level", "WARNING")
    shop.manage("makemigrations", "--check", "--dry-run")


def test_settled_charges_become_payments(first_run: dict[str, Any], kept: dict[str, Any]) -> None:
    assert (first_run["state"], first_run["read"], first_run["ok"]) == ("partial", 8, 5)
    assert kept["payments"] == [
        "ch_1001: 18.50 EUR",
        "ch_1002: 42.00 EUR",
        "ch_1005: 27.50 EUR",
        "ch_1006: 12.99 EUR",
        "ch_1008: 84.00 EUR",
    ]  # fmt: skip


def test_pending_charges_are_skipped_and_counts_agree(first_run: dict[str, Any], kept: dict[str, Any]) -> None:
    assert first_run["skipped"] == 2
    assert kept["tally"] == {"count": ["8", "8"]}


def test_bad_charge_is_a_dead_letter_with_its_payload(first_run: dict[str, Any], kept: dict[str, Any]) -> None:
    assert first_run["dead"] == 1
    assert kept["letter"] == ["ch_1004", "amount"]
    assert json.loads(kept["payload"])["amount"] == "12 euros"


def test_second_run_loads_nothing(shop: Shop, first_run: dict[str, Any]) -> None:
    second = shop.run()

    assert (second["ok"], second["skipped"], second["dead"]) == (0, 7, 1)
    assert shop.evaluate("from ingestion.models import DeadLetter", "DeadLetter.unscoped.get().times_seen") == 2


def test_claiming_works_while_django_logs_queries(shop: Shop) -> None:
    program = "from ingestion.running.claims import claim; print(claim(0))"

    assert shop.manage("shell", "--verbosity", "0", "-c", program, debug="1") == "None\n"


def test_console_answers_with_the_pages_of_the_wheel(shop: Shop, first_run: dict[str, Any]) -> None:
    pages = [
        "admin:index",
        "admin:bookshop_payment_changelist",
        "admin:ingestion_run_changelist",
        "admin:ingestion_connection_changelist",
        "admin:ingestion_deadletter_changelist",
    ]

    found = shop.evaluate(
        "from django.conf import settings",
        "from django.contrib.auth.models import User",
        "from django.test import Client",
        "from django.urls import reverse",
        "settings.ALLOWED_HOSTS = ['testserver']",
        "client = Client()",
        "client.force_login(User.objects.create_superuser('owner'))",
        f"[client.get(reverse(name)).status_code for name in {pages}]",
    )

    assert found == [200] * len(pages)
