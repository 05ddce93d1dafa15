"""A process that has Django and the project ready, and forks a `manage.py` command whenever it is asked.

Reading all that takes a second of work, and a storm starts commands by the dozen. Run as a program it takes arguments as
a line of JSON each, and answers with the number of the process that executes them. It has no thread and no connection
that one of them could inherit, and does not wait for them.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import traceback
from collections.abc import Mapping, Sequence
from io import BufferedWriter

import psutil

from config.paths import PROJECT
from tests import servers


class Zygote:
    """Starts commands in `environment`, each the leader of a session of its own; what they print goes to `log`."""

    def __init__(self, environment: Mapping[str, str], log: BufferedWriter) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__],
            cwd=PROJECT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True,
        )  # fmt: skip

    def start(self, arguments: Sequence[str]) -> psutil.Process | None:
        """The new process; None when it has ended already."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(arguments) + "\n")
        self._process.stdin.flush()
        pid = int(self._process.stdout.readline())
        servers.guard().hold(pid)
        try:
            return psutil.Process(pid)
        except psutil.NoSuchProcess:
            return None

    def close(self) -> None:
        self._process.communicate()


def main() -> None:
    import django
    from django.core.management import call_command
    from django.db import connections

    django.setup()
    call_command("check", stdout=sys.stderr)  # as every command does first: it reads models, addresses and checks
    connections.close_all()
    assert threading.active_count() == 1
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel buries them
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            become(json.loads(line))
        print(pid, flush=True)


def become(arguments: Sequence[str]) -> None:
    """Be `manage.py` with these arguments, and end."""
    from django.core.management import execute_from_command_line

    os.setsid()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)
    code = 1
    try:
        execute_from_command_line(["manage.py", *arguments])
        code = 0
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else 1
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    main()
