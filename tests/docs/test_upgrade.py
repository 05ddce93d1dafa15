"""docs/operations/upgrade.md: its commands exist, and Redis is emptied as it says. test_uninstall.py migrates as it says."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import django_rq
from django.core.management import get_commands, load_command_class

from config.paths import PROJECT
from ingestion import artifacts
from tests.docs.test_docs import indented

if TYPE_CHECKING:
    from redis import Redis

PAGE = PROJECT / "docs" / "operations" / "upgrade.md"


def test_commands_exist_and_take_these_options() -> None:
    lines = [shlex.split(line) for block in indented(PAGE, "sh") for line in block.splitlines()]
    commands = [words[1:] for words in lines if words[0] == "manage.py"]

    assert len(commands) > 5
    for name, *options in commands:
        app = get_commands()[name]
        command = load_command_class(app, name) if isinstance(app, str) else app
        command.create_parser("manage.py", name).parse_args(options)  # exits where the command would


def test_redis_holds_nothing_of_ours_afterwards(redis: Redis) -> None:
    (block,) = indented(PAGE, "python")
    django_rq.get_queue("ingestion-free").enqueue("ingestion.jobs.execute", 1)
    redis.set("ingestion:acme:bucket:shop", "1")
    redis.set("theirs", "1")

    exec(block, {})

    assert redis.keys("*") == [b"theirs"]


def test_files_lie_where_the_page_says() -> None:
    assert f"the folder `{artifacts.ROOT}/`" in PAGE.read_text()


def test_every_place_of_the_settings_that_names_ours_is_named() -> None:
    from config import settings

    text = PAGE.read_text()
    naming = [name for name, value in vars(settings).items() if name.isupper() and "ingestion" in repr(value)]

    assert "INSTALLED_APPS" in naming
    assert [name for name in naming if f"`{name}`" not in text] == []
