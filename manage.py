#!/usr/bin/env python3
"""The one door to the standalone project: `python3 manage.py demo` works on a machine that has nothing but Python.

`demo`, `up` and `test` first make `.venv` ready and go on inside it; every other command is Django's.
"""

import gc
import os
import sys

if sys.version_info < (3, 11):  # noqa: UP036 - the older Python that would need telling never reads pyproject.toml
    sys.exit("Sluicegate needs Python 3.11 or newer. This is {}.{}: use a newer python3.".format(*sys.version_info))


def main() -> None:
    from config import bootstrap

    command = sys.argv[1] if len(sys.argv) > 1 else "help"
    bootstrap.enter(command)
    if command == "test":
        from config import testrun

        sys.exit(testrun.main(sys.argv[2:]))
    # At Python's own thresholds a start spends a seventh of its time looking for garbage in what it has just imported.
    gc.set_threshold(50_000, 20, 20)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)  # as a shell counts Ctrl-C; a traceback would tell nobody anything
