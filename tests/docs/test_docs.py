"""What the documentation says is so: links lead somewhere, Python compiles, commands parse, names exist."""

import ast
import importlib
import re
import shlex
import subprocess
import textwrap
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from config.paths import PROJECT
from ingestion.management.commands.ingest import Command

PAGES = sorted(
    [
        *PROJECT.glob("*.md"),
        *(PROJECT / "docs").rglob("*.md"),
        *(PROJECT / "examples").rglob("*.md"),
    ]
)
BOOKSHOP = PROJECT / "examples" / "bookshop" / "bookshop"
# Package indexes are the reader's own choice; paths of one machine mean nothing on another. .ci/run looks for the same.
OUT_OF_PLACE = re.compile(
    r"pyp[i]\.org|pythonh[o]sted|deb\.deb[i]an\.org|registry\.npm[j]s|(^|[^a-z])/(wor[k]|roo[t])/", re.MULTILINE
)


def name(page: Path) -> str:
    return page.relative_to(PROJECT).as_posix()


def prose(page: Path) -> str:
    """Without code, which holds brackets of its own."""
    return re.sub(r"```.*?```|`[^`\n]*`", "", page.read_text(), flags=re.DOTALL)


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL)


def indented(page: Path, language: str) -> list[str]:
    """Blocks that stand inside a list, as one reads them."""
    found = re.findall(rf"^( +)```{language}\n(.*?)^ +```", page.read_text(), re.MULTILINE | re.DOTALL)
    return [textwrap.dedent(block) for _, block in found]


def links(page: Path) -> list[str]:
    found = re.findall(r"\]\(([^)\s]+)\)", prose(page))
    return [link for link in found if "://" not in link and not link.startswith("mailto:")]


def anchors(page: Path) -> set[str]:
    """As GitHub makes them of headings."""
    headings = re.findall(r"^#+ (.+)$", re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def commands(page: Path) -> Iterator[list[str]]:
    """The arguments of every `manage.py ingest` in shell blocks and in units of systemd."""
    units = re.findall(r"^ExecStart=(.*)$", "".join(blocks(page, "ini")), re.MULTILINE)
    for block in [*blocks(page, "sh"), *indented(page, "sh"), *units]:
        for line in block.replace("\\\n", " ").splitlines():
            words = shlex.split(line, comments=True)
            if "ingest" in words and any(word.endswith("manage.py") for word in words):
                yield words[words.index("ingest") + 1 :]


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_lead_somewhere(page: Path) -> None:
    dead = []
    for link in links(page):
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            dead.append(link)

    assert dead == []


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_python_compiles(page: Path) -> None:
    for block in [*blocks(page, "python"), *indented(page, "python")]:
        compile(block, name(page), "exec")


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_imported_names_exist(page: Path) -> None:
    missing = []
    for block in [*blocks(page, "python"), *indented(page, "python")]:
        for node in ast.walk(ast.parse(block)):
            if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in ("ingestion", "integrations"):
                module = importlib.import_module(node.module or "")
                missing += [alias.name for alias in node.names if not hasattr(module, alias.name)]

    assert missing == []


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_commands_are_understood(page: Path) -> None:
    parser = Command().create_parser("manage.py", "ingest")

    for arguments in commands(page):
        parser.parse_args(arguments)  # exits where the command would


def test_every_page_is_reached_from_the_index() -> None:
    index = PROJECT / "docs" / "index.md"
    reached = {(index.parent / link.partition("#")[0]).resolve() for link in links(index)}

    lost = {page for page in PAGES if page.is_relative_to(PROJECT / "docs")} - reached - {index}

    assert {name(page) for page in lost} == set()


@pytest.mark.parametrize("file", ["pipelines.py", "models.py"])
def test_the_readme_shows_the_pipeline_that_the_bookshop_runs(file: str) -> None:
    """tests/examples runs it, in an environment of its own."""
    assert (BOOKSHOP / file).read_text() in blocks(PROJECT / "README.md", "python")


def test_first_pipeline_is_short() -> None:
    lines = [line for line in (BOOKSHOP / "pipelines.py").read_text().splitlines() if line.strip()]

    assert len(lines) < 30


def test_deploying_names_every_variable() -> None:
    variables = re.findall(r"^#?([A-Z][A-Z0-9_]+)=", (PROJECT / ".env.example").read_text(), re.MULTILINE)

    said = (PROJECT / "docs" / "how-to" / "deploy.md").read_text()

    assert [variable for variable in variables if f"`{variable}`" not in said] == []


@pytest.mark.parametrize("folder", ["core", "running"])
def test_architecture_names_every_module(folder: str) -> None:
    said = (PROJECT / "docs" / "architecture.md").read_text()
    modules = [path.stem for path in (PROJECT / "ingestion" / folder).glob("*.py") if path.stem != "__init__"]

    assert [module for module in modules if not re.search(rf"\b{module}\b", said)] == []


def test_where_the_architecture_looks_something_is() -> None:
    text = (PROJECT / "docs" / "architecture.md").read_text()
    paths = set(re.findall(r"`([a-z_]+(?:/[a-z_]+)*(?:\.py|/))`", text))
    tops = [PROJECT, PROJECT / "ingestion"]

    assert len(paths) > 40
    assert sorted(path for path in paths if not any((top / path).exists() for top in tops)) == []


def test_architecture_names_every_point_where_tests_kill() -> None:
    said = (PROJECT / "docs" / "architecture.md").read_text()
    sources = "".join(path.read_text() for path in (PROJECT / "ingestion" / "running").glob("*.py"))
    points = set(re.findall(r'hooks\.at\("([^"]+)"\)', sources))

    assert points
    assert {point for point in points if f"`{point}`" not in said} == set()


def test_changelog_describes_this_version() -> None:
    version = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]["version"]

    assert f"## [{version}]" in (PROJECT / "CHANGELOG.md").read_text()


@pytest.mark.slow
def test_no_file_names_a_package_index_or_one_machine() -> None:
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("not a git checkout")

    guilty = []
    for file in filter(None, listed.stdout.split("\0")):
        path = PROJECT / file
        if path.is_file() and OUT_OF_PLACE.search(path.read_bytes().decode("utf-8", "replace")):
            guilty.append(file)

    assert guilty == []
