"""The documentation says what the code does: an undocumented name, setting, check or verb fails here."""

import ast
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.management.base import CommandError, CommandParser

import ingestion
from ingestion.conf import Settings
from ingestion.core import errors
from ingestion.management.commands.ingest import Command
from integrations import rest
from tests.docs import docstrings, values
from tests.docs.pages import LETTERS, PAGES, REFERENCE

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES_OF_DOCS = sorted([ROOT / "README.md", *DOCS.rglob("*.md")])
CHECKS = ROOT / "ingestion" / "checks"


@pytest.mark.parametrize("name", PAGES)
def test_a_generated_page_is_what_the_code_says(name: str) -> None:
    assert (REFERENCE / name).read_text() == PAGES[name](), "python -m tests.docs.pages writes it again"


def test_every_public_name_is_documented_once() -> None:
    page = (REFERENCE / "api.md").read_text()

    assert sorted(re.findall(r"^\| `(\w+)` \| .", page, re.MULTILINE)) == ingestion.__all__


@pytest.mark.parametrize(("name", "value"), values.of(ingestion).items())
def test_every_field_of_a_public_value_is_told(name: str, value: type) -> None:
    texts = docstrings.of_fields(value)

    assert [field for field in values.fields(value) if not texts.get(field)] == []
    assert f"### `{name}`\n" in (REFERENCE / "api.md").read_text()


def test_every_public_name_of_declared_apis_is_documented() -> None:
    page = (REFERENCE / "rest.md").read_text()

    assert [name for name in rest.__all__ if f"`{name}(…)`" not in page] == []


def test_every_setting_is_documented_with_what_it_means() -> None:
    page = (REFERENCE / "settings.md").read_text()

    assert re.findall(r"^## `(\w+)`$", page, re.MULTILINE) == list(Settings.model_fields)
    texts = docstrings.of_fields(Settings)
    assert all(texts[name] and texts[name] in page for name in Settings.model_fields)


def test_every_check_is_documented_and_every_documented_check_exists() -> None:
    sources = [*CHECKS.glob("*.py"), ROOT / "ingestion" / "admin" / "kit" / "scoped.py"]
    ids = {one for path in sources for one in re.findall(r"ingestion\.[EW]\d{3}", path.read_text())}

    documented = re.findall(r"^### (ingestion\.[EW]\d{3})$", (REFERENCE / "checks.md").read_text(), re.MULTILINE)

    assert documented == sorted(ids)


def test_every_check_has_a_test() -> None:
    places = [
        ROOT / "tests" / "ingestion" / "test_checks.py",
        ROOT / "tests" / "ingestion" / "test_checks_of_servers.py",
        ROOT / "tests" / "ingestion" / "test_packages.py",
        ROOT / "tests" / "ingestion" / "test_tables.py",
        ROOT / "tests" / "ingestion" / "test_misspelt.py",
        ROOT / "tests" / "ingestion" / "test_pipelines_of_tenants.py",
        ROOT / "tests" / "ingestion" / "test_refused_configs.py",
        ROOT / "tests" / "integrations" / "databases" / "test_declared.py",
        ROOT / "tests" / "ingestion" / "vault" / "test_credential_checks.py",
        ROOT / "tests" / "ingestion" / "admin" / "test_scoped.py",
    ]
    tests = "\n".join(path.read_text() for path in places)
    ids = re.findall(r"^### (ingestion\.[EW]\d{3})$", (REFERENCE / "checks.md").read_text(), re.MULTILINE)

    assert [one for one in ids if f'"{one}"' not in tests] == []


def test_every_error_is_documented() -> None:
    page = (REFERENCE / "errors.md").read_text()
    classes = [name for name, value in vars(errors).items() if isinstance(value, type) and issubclass(value, Exception)]

    assert re.findall(r"^## `(\w+)`$", page, re.MULTILINE) == classes


def test_every_error_is_in_the_tree() -> None:
    tree = errors.__doc__ or ""
    classes = [name for name, value in vars(errors).items() if isinstance(value, type) and issubclass(value, Exception)]

    assert [name for name in classes if not re.search(rf"\b{name}\b", tree)] == []


def test_every_name_that_only_dead_letters_have_is_documented() -> None:
    sources = [path.read_text() for folder in ("ingestion", "integrations") for path in (ROOT / folder).rglob("*.py")]
    named = {name for text in sources for name in re.findall(r'\bRejected\([^"]*?, "([A-Z]\w+)"', text)}

    assert "ColumnFault" in named
    assert named <= set(LETTERS)


def test_every_verb_is_documented() -> None:
    page = (REFERENCE / "commands.md").read_text()
    (verbs,) = (action.choices for action in parser()._actions if action.dest == "verb")

    assert verbs is not None
    assert [verb for verb in verbs if f"`ingest {verb}`" not in page] == []


def parser() -> CommandParser:
    return Command().create_parser("manage.py", "ingest")


def spoken() -> Iterator[tuple[str, str]]:
    """Every `ingest` command in the running text of a page; test_docs.py looks at the code blocks."""
    for page in PAGES_OF_DOCS:
        for line in re.findall(r"`manage\.py ingest ([^`\n]+)`", page.read_text()):
            if not re.search(r"VERB|…|--help", line):
                yield page.name, line


@pytest.mark.parametrize(("page", "line"), sorted(set(spoken())))
def test_commands_in_running_text_are_understood(page: str, line: str) -> None:
    parser().parse_args(shlex.split(line))


def test_a_command_that_does_not_exist_would_be_noticed() -> None:
    with pytest.raises(CommandError):
        parser().parse_args(["nonsense"])


ADDRESS = "https://github.com/sluicegate/django-sluicegate/blob/main/docs/"


def messages(path: Path) -> Iterator[str]:
    """The texts of a module that are no docstrings and name a page of the docs."""
    tree = ast.parse(path.read_text())
    docstrings_ = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        text = node.value if isinstance(node, ast.Constant) and id(node) not in docstrings_ else None
        if isinstance(text, str) and re.search(r"docs/[\w/-]+\.md", text):
            yield text


def test_a_page_that_a_message_names_has_an_address_that_a_wheel_s_reader_can_open() -> None:
    texts = [
        text for top in ("ingestion", "integrations") for path in (ROOT / top).rglob("*.py") for text in messages(path)
    ]

    assert len(texts) > 5
    for text in texts:
        assert all((DOCS / page).exists() for page in re.findall(rf"{ADDRESS}([\w/-]+\.md)", text)), text
        assert "docs/" not in text.replace(ADDRESS, ""), text
