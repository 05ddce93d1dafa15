"""Fixtures for every test. See tests/servers.py for where the servers come from."""

import gc
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis
import pytest

from config.bootstrap.machine import find_program
from config.testrun import PARTS
from tests import kept_tables, servers
from tests.databases import examples
from tests.starts import pytest_fixture_setup, pytest_runtest_call, pytest_runtest_setup, pytest_sessionstart  # noqa: F401

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext
    from redis import Redis

DATABASE = os.environ.get("SLUICEGATE_TEST_DB", "sqlite")
CI = os.environ.get("CI") == "true"
PART = os.environ.get("SLUICEGATE_TEST_PART", "")  # of config.testrun.PARTS; empty for all
WORDS = os.environ.get("SLUICEGATE_TEST_WORDS", "").split()  # marks, one of which a test of this run has; none for all
TESTS = Path(__file__).parent
POLICY = "Content Security Policy"  # stands in all that Chromium says of what it refused
BROWSER_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--no-first-run",
    "--disable-component-update",
    "--disable-sync",
]
# At Python's own thresholds the collector walks all modules and tests again and again: a tenth of the whole time.
gc.set_threshold(50_000, 20, 20)
# No deadline, for the machine may be busy. A property that needs more examples, or can do with fewer, says how many.
hypothesis.settings.register_profile("tests", max_examples=examples(60), deadline=None)
hypothesis.settings.load_profile("tests")


def pytest_configure() -> None:
    from tests import connections

    connections.keep_between_tests()


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """Most modules are none of this run, and importing one takes longer than looking into it."""
    if not collection_path.name.startswith("test_"):
        return None
    if PART and part_of(collection_path) != PART:
        return True
    return True if WORDS and not any(word in collection_path.read_text() for word in WORDS) else None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """A test about one database is not even counted on another: it runs in that database's own pass."""
    foreign = {"sqlite", "mariadb", "postgres"} - {DATABASE}
    left_out = [item for item in items if any(item.get_closest_marker(name) for name in foreign)]
    require_marks_in_own_file(items, ("every_database", *foreign))
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]
    for item in items:
        if item.get_closest_marker("soak"):
            item.add_marker(pytest.mark.timeout(3600))  # these take their time
        elif "crawling" in fixtures_of(item):
            # A crawl is bounded by the number of its requests, not by time: a busy machine must not fail it.
            item.add_marker(pytest.mark.timeout(1200))
    # The live server leaves threads behind, and the crash tests fork: its tests come late. Tests in the browser come
    # last of all: the one that they share keeps an event loop running in this thread, and no test could start another.
    items.sort(key=lambda item: (bool(item.get_closest_marker("browser")), "live_server" in fixtures_of(item)))


def fixtures_of(item: pytest.Item) -> Sequence[str]:
    return getattr(item, "fixturenames", ())


def require_marks_in_own_file(items: list[pytest.Item], names: Iterable[str]) -> None:
    """`pytest_ignore_collect` would overlook a module whose marks come from another one."""
    text = cache(Path.read_text)
    for item in items:
        if unsaid := [name for name in names if item.get_closest_marker(name) and name not in text(item.path)]:
            raise pytest.UsageError(
                f"{item.nodeid} is marked {unsaid}, and its own file does not say so: write it there."
            )


def part_of(path: Path) -> str:
    """Which part of SQLite's run a test is in: exactly one, so that nothing runs twice or never."""
    match path.relative_to(TESTS).parts:
        case ["ingestion", "chaos", *_] | ["integrations", "bank", *_]:
            return PARTS[1]
        case ["ingestion", "admin", *_] | ["integrations", "rest", *_]:
            return PARTS[2]
        case ["ingestion" | "integrations", *_]:
            return PARTS[0]
    return PARTS[2]  # the project, docs, the house: they make the parts alike in length


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Hand the counts to `manage.py test`, which adds up several runs."""
    if file := os.environ.get("SLUICEGATE_TEST_COUNTS"):
        stats = {name: len(reports) for name, reports in terminalreporter.stats.items()}
        failed = stats.get("failed", 0) + stats.get("error", 0)
        skipped = stats.get("skipped", 0) + stats.get("xfailed", 0)
        Path(file).write_text(json.dumps({"passed": stats.get("passed", 0), "failed": failed, "skipped": skipped}))


@pytest.fixture(scope="session")
def redis_server() -> str:
    """The address of a running Redis. Without this fixture nobody answers there, as in an outage."""
    servers.start_redis()
    return servers.redis_url()


@pytest.fixture(scope="session")
def django_db_keepdb(django_test_environment: None, django_db_keepdb: bool) -> bool:
    """Whether the tables are there already, as with --reuse-db; `migrate` then has nothing left to do."""
    return kept_tables.ready(_tests_own(), again=django_db_keepdb) if DATABASE == "sqlite" else django_db_keepdb


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_keepdb: bool) -> None:
    if DATABASE == "sqlite" and not django_db_keepdb and _tests_own().exists():  # no test asked for one else
        kept_tables.keep(_tests_own())


def _tests_own() -> Path:
    from django.conf import settings

    return Path(settings.DATABASES["default"]["TEST"]["NAME"])


@pytest.fixture(autouse=True)
def no_hold_off_of_another_test() -> None:
    """Tenants of all tests are called alike; a hold is remembered by Redis, once one runs, and by this process."""
    from redis.exceptions import RedisError

    from ingestion.limits import throttling

    throttling._local_buckets.buckets.clear()
    if servers.redis_socket().exists():
        with suppress(RedisError):
            if buckets := _cleaner().keys("*:bucket:*"):
                _cleaner().delete(*buckets)


@cache
def _cleaner() -> "Redis":
    """Connected once: connecting takes longer than the question whether there is anything to clean."""
    from redis import Redis

    return Redis.from_url(servers.redis_url(), socket_timeout=1)


@pytest.fixture
def redis(redis_server: str) -> "Iterator[Redis]":
    """A client of an empty Redis, the one that the settings name."""
    from redis import Redis

    from ingestion import queueing

    queueing.absence.over()  # a test without Redis may have noted that it is away
    with Redis.from_url(redis_server) as client:
        client.flushdb()
        yield client
        client.flushdb()


@pytest.fixture
def no_redis(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> "Iterator[None]":
    """Queues that are declared where no Redis listens, whichever tests have started one."""
    import django_rq

    from ingestion import queueing

    for name, declared in list(django_rq.settings.QUEUES.items()):
        monkeypatch.setitem(django_rq.settings.QUEUES, name, {**declared, "URL": f"unix://{tmp_path}/nobody"})
    queueing.absence.over()
    yield
    queueing.absence.over()


@pytest.fixture
def process_environment(transactional_db: None, redis_server: str) -> dict[str, str]:
    """The environment for `manage.py` commands in processes of their own: the tests' database, Redis and files.

    The test's rows are committed, so the other process sees them.
    """
    from django.db import connection

    url = servers.renamed(os.environ["DATABASE_URL"], connection.settings_dict["NAME"])
    return {
        **os.environ,
        "DATABASE_URL": url,
        "REDIS_URL": redis_server,
        "DJANGO_SETTINGS_MODULE": "tests.settings",  # finds this environment and starts no servers of its own
        "SLUICEGATE_BOOTSTRAP": "0",
    }


@pytest.fixture(scope="session")
def chromium() -> str:
    """The program's path, for playwright's `launch(executable_path=…)`. Never missing in CI."""
    found = find_program("chromium")
    if found is None:
        give_up = pytest.fail if CI else pytest.skip
        give_up("Chromium is not installed: apt-get install -y chromium")
    return found


@pytest.fixture(scope="session")
def started_browser(chromium: str) -> "Iterator[Browser]":
    """Started once: its start takes longer than most pages. Its loop stays in this thread, where tests ask the database."""
    from playwright.sync_api import sync_playwright

    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium, args=BROWSER_FLAGS)
        yield started
        started.close()


@pytest.fixture
def refusals() -> list[str]:
    """What the browser did not do because the site's Content Security Policy forbids it."""
    return []


@pytest.fixture
def browser(started_browser: "Browser", refusals: list[str]) -> "Iterator[Browser]":
    """A browser in which nobody is logged in and nothing is open. A page that asks for what is forbidden fails."""

    def listen(context: "BrowserContext") -> None:
        context.on("console", lambda message: refusals.append(message.text) if POLICY in message.text else None)

    started_browser.on("context", listen)
    yield started_browser
    started_browser.remove_listener("context", listen)
    for context in started_browser.contexts:
        context.close()
    assert refusals == []
