import io
import socket
import subprocess
from pathlib import Path

import pytest

from config.paths import PROJECT
from config.programs import HOST, TIER_QUEUES, free_port, programs
from config.terminal import emit, table


def test_every_tier_has_workers_of_its_own_on_one_queue_each() -> None:
    commands = [program.command for program in programs(port=None, workers=2)]

    queues = [command[-1] for command in commands if "worker" in command]
    assert sorted(queues) == sorted([*TIER_QUEUES, *TIER_QUEUES])


def test_web_server_listens_on_this_machine_only() -> None:
    web = programs(port=8123)[0]

    assert web.name == "web"
    assert "127.0.0.1:8123" in web.command


def test_names_of_programs_are_unlike() -> None:
    names = [program.name for program in programs(port=1, workers=3)]

    assert len(set(names)) == len(names)


def test_taken_port_gives_the_next_free_one() -> None:
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        taken.listen()
        port = taken.getsockname()[1]

        assert free_port(port) > port


def test_no_free_port_is_an_error_that_names_the_option() -> None:
    with pytest.raises(OSError, match="--port"):
        free_port(8000, tries=0)


def test_lines_carry_the_name_of_their_program() -> None:
    out = io.StringIO()

    emit("web", "started", out)

    assert out.getvalue() == "web         | started\n"


def test_table_aligns_text_left_and_numbers_right() -> None:
    assert table(("name", "n"), [("a", 1), ("long name", 100)]).splitlines() == [
        "name         n",
        "---------  ---",
        "a            1",
        "long name  100",
    ]


def test_table_without_rows_is_its_head() -> None:
    assert table(("name", "n"), []).splitlines()[0] == "name  n"


def test_requirements_say_nothing_about_where_packages_come_from() -> None:
    for file in (PROJECT / "requirements").glob("*.txt"):
        lines = file.read_text().splitlines()
        assert not [line for line in lines if "://" in line or line.startswith("-")], file.name


def test_every_requirement_is_pinned_with_hashes() -> None:
    for file in (PROJECT / "requirements").glob("*.txt"):
        blocks = file.read_text().replace("\\\n", " ").splitlines()
        unpinned = [line for line in blocks if line[:1].isalpha() and not ("==" in line and "--hash=sha256:" in line)]
        assert not unpinned, file.name


def test_shell_scripts_have_no_syntax_error() -> None:
    for script in (".ci/run", "requirements/compile.sh"):
        assert subprocess.run(["bash", "-n", Path(PROJECT, script)]).returncode == 0
