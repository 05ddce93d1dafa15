import secrets
import shutil
from argparse import ArgumentParser
from dataclasses import astuple
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from config import demo_data
from config.console import table
from config.embedded import embedded_socket, server_pid
from config.programs import HOST, free_port
from config.standalone import redis, serve
from config.supervisor import Leash

USER = "admin"
HEAD = ("connection", "outcome", "read", "loaded", "skipped", "dead")


class Command(BaseCommand):
    help = "Set up a local installation in var/, bring in demonstration data, show the result, and stay up."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--once", action="store_true", help="end after the summary; exit code 1 if a run failed")
        parser.add_argument("--port", type=int, default=8000, help="where the console answers (default 8000)")
        parser.add_argument("--reset", action="store_true", help="first delete what an earlier demo left in var/")

    def handle(self, *args: Any, once: bool, port: int, reset: bool, **options: Any) -> None:
        if not settings.LOCAL:
            raise CommandError("The demo makes up data and a superuser: it runs on SQLite only. Unset DATABASE_URL.")
        if reset:
            delete_local_data()
        call_command("migrate", interactive=False, verbosity=0)
        password = give_one_time_password()
        with Leash() as leash, redis(leash) as server:
            rows = demo_data.load()
            self.stdout.write(table(HEAD, [astuple(row) for row in rows]))
            if once:
                if any(row.outcome == "failed" for row in rows):
                    raise CommandError("A run of the demo failed; its row above says which. Try again with --reset.")
                return
            found = free_port(port)
            self.welcome(port, found, password)
            serve(leash, server, port=found, workers=1)
        self.stdout.write("Stopped. `python3 manage.py demo` starts again with the same data.")

    def welcome(self, wanted: int, port: int, password: str) -> None:
        if port != wanted:
            self.stdout.write(f"\nPort {wanted} is taken, so this is on {port}.")
        self.stdout.write(
            f"\nConsole:   http://{HOST}:{port}/admin/\n"
            f"User:      {USER}\n"
            f"Password:  {password}   (made for this start; the next one makes another)\n\n"
            "Next, in a second terminal:\n"
            "  .venv/bin/python manage.py ingest status\n"
            "  .venv/bin/python manage.py ingest --help\n"
            "  .venv/bin/python manage.py changepassword admin\n\n"
            "Stop with Ctrl-C.\n"
        )


def give_one_time_password() -> str:
    """A superuser to look around with, under a new password each time; it is printed and kept nowhere."""
    password = secrets.token_urlsafe(9)
    users = get_user_model().objects
    user, _ = users.get_or_create(username=USER, defaults={"is_staff": True, "is_superuser": True})
    user.set_password(password)
    user.save(update_fields=["password"])
    return password


def delete_local_data() -> None:
    """The database and the files of a local installation: nothing outside var/, and nothing while it is in use."""
    if server_pid(embedded_socket()) is not None:
        raise CommandError("A demo is still running on this data. Stop it with Ctrl-C first, then run --reset again.")
    for name in ("db.sqlite3", "db.sqlite3-wal", "db.sqlite3-shm"):
        (settings.VAR / name).unlink(missing_ok=True)
    shutil.rmtree(settings.MEDIA_ROOT, ignore_errors=True)
