"""`manage.py demo`: the demonstration in one command, and what the person at the terminal reads."""

import logging
import secrets
import shutil
import sqlite3
import textwrap
from argparse import ArgumentParser
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import make_password
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from config import demo_data, demo_shop
from config.demo_data import DemoRow
from config.embedded import embedded_socket, server_pid
from config.programs import HOST, free_port
from config.standalone import redis, serve
from config.supervisor import ProcessGroupGuard
from config.terminal import table
from ingestion import counted
from ingestion.models import Tenant

USERS = ("admin", "demo-admin")
"""Names of the demo's superuser: the second where another account has the first."""
DATABASE = "db.sqlite3"
SHOWN = 5
"""Tenants that a refusal names."""
HEAD = ("tenant", "file", "format", "outcome", "read", "loaded", "skipped", "dead")
COLUMNS = 100
LIVE = f"Live:      orders of {demo_shop.TENANT}'s made-up web shop come in every minute over HTTP, see REST records\n"


class Command(BaseCommand):
    help = "Set up a local installation in var/, bring in demonstration data, show the result, and stay up."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--once",
            action="store_true",
            help="end after the summary; exit code 1 if a file ended otherwise than planned (some fail on purpose)",
        )
        parser.add_argument("--port", type=int, default=8000, help="where the console answers (default 8000)")
        parser.add_argument(
            "--reset",
            action="store_true",
            help="first delete the database and the files in var/: everything of all tenants, not the demo's alone",
        )
        parser.add_argument(
            "--yes", action="store_true", help="with --reset: delete the data of tenants that are not the demo's, too"
        )

    def handle(self, *args: Any, once: bool, port: int, reset: bool, yes: bool, **options: Any) -> None:
        if not settings.LOCAL:
            raise CommandError("The demo makes up data and a superuser: it runs on SQLite only. Unset DATABASE_URL.")
        if reset:
            delete_local_data(with_others=yes)
        call_command("migrate", interactive=False, verbosity=0)
        with ProcessGroupGuard() as guard, redis(guard) as server:
            with quietly():
                rows = demo_data.load()
            self.summary(rows)
            user, password = give_one_time_password()
            if once:
                self.welcome(port, user, password, "in a terminal", "Start the console with: python3 manage.py up")
            else:
                free = free_port(port)
                if free != port:
                    self.stdout.write(f"\nPort {port} is taken, so this is on {free}.")
                self.welcome(free, user, password, "in a second terminal", "Stop with Ctrl-C.", LIVE)
            if not all(row.as_meant for row in rows):
                raise CommandError("A run of the demo did not end as it was meant to, see above. Try --reset.")
            if once:
                return
            with demo_shop.opened(HOST, free_port(free + 1)) as shop:
                serve(guard, server, port=free, workers=1, beside=[shop])
        self.stdout.write("Stopped. `python3 manage.py demo` starts again with the same data.")

    def summary(self, rows: Sequence[DemoRow]) -> None:
        """Write what was loaded, then why the other records were not."""
        cells = [[getattr(row, name) for name in HEAD] for row in rows]
        self.stdout.write(table(HEAD, cells))
        self.stdout.write("\nNot loaded, and kept for review with the reason:")
        for row in rows:
            if row.why:
                line = f"{row.kept_as}, {row.file}: {row.why}"
                self.stdout.write("  " + textwrap.shorten(line, COLUMNS - 2, placeholder=" ..."))
        read, stored = sum(row.read for row in rows), demo_data.ledger_size()
        self.stdout.write(
            f"\n{read} records read now, {stored} transactions in the ledger: overlapping exports merged, twins kept."
        )

    def welcome(self, port: int, user: str, password: str, where: str, last: str, also: str = "") -> None:
        tenants = ", ".join(member.get_username() for member in demo_data.staff())
        self.stdout.write(
            f"\nConsole:   http://{HOST}:{port}/admin/\n"
            f"User:      {user}   (sees everything; {tenants} see their own tenant, same password)\n"
            f"Password:  {password}   (the next demo makes another; `up` keeps this one)\n"
            f"{also}\n"
            f"Next, {where}:\n"
            "  .venv/bin/python manage.py ingest list runs\n"
            "  .venv/bin/python manage.py ingest list dead-letters\n"
            "  .venv/bin/python manage.py ingest list runs --state failed\n"
            "  .venv/bin/python manage.py ingest --help\n\n"
            f"{last}\n"
        )
        self.stdout.flush()  # also into a pipe, before the programs take over


@contextmanager
def quietly() -> Iterator[None]:
    """Without the engine's log lines: the table says the same shorter."""
    logging.disable(logging.INFO)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)


def give_one_time_password() -> tuple[str, str]:
    """A superuser's name and a new password, kept nowhere, of that user and of the tenants' staff.

    Nobody else's password is changed, not even that of a superuser who is called as ours would be.
    """
    password = secrets.token_urlsafe(9)
    superuser = _superuser()
    users = [superuser.pk, *(user.pk for user in demo_data.staff())]
    shared = make_password(password)  # once: to hash it takes a third of a second on purpose
    get_user_model().objects.filter(pk__in=users).update(password=shared)
    return superuser.get_username(), password


def _superuser() -> Any:
    """The demo's own one, made where there is none. Raises CommandError while others have all its names."""
    for name in USERS:
        with transaction.atomic():  # a start that ends in between must not leave an admin who is nobody's
            user, is_new = get_user_model().objects.get_or_create(
                username=name, defaults={"is_staff": True, "is_superuser": True}
            )
            if is_new:
                user.groups.add(demo_data.staff_group())
        if user.groups.filter(name=demo_data.GROUP).exists():
            return user
    raise CommandError(
        f"The users {' and '.join(USERS)} are not the demo's, and their passwords are left alone. Rename one of them."
    )


def delete_local_data(*, with_others: bool = False) -> None:
    """The database and the files of a local installation: nothing outside var/, and nothing while it is in use.

    Raises CommandError while other tenants than the demo's have data there, unless they are to go `with_others`.
    """
    if server_pid(embedded_socket()) is not None:
        raise CommandError("A demo is still running on this data. Stop it with Ctrl-C first, then run --reset again.")
    if not with_others:
        _require_no_others()
    for name in (DATABASE, f"{DATABASE}-wal", f"{DATABASE}-shm"):
        (settings.VAR / name).unlink(missing_ok=True)
    shutil.rmtree(settings.MEDIA_ROOT, ignore_errors=True)


def _require_no_others() -> None:
    try:
        other_tenants = sorted(local_tenants() - {key for key, _, _ in demo_data.TENANTS})
    except sqlite3.Error as error:
        raise CommandError(
            f"Whose data stands in var/{DATABASE} cannot be read ({error}). Nothing was deleted. To delete it all the "
            "same: --reset --yes."
        ) from error
    if other_tenants:
        names = ", ".join(other_tenants[:SHOWN]) + (", …" if len(other_tenants) > SHOWN else "")
        raise CommandError(
            f"var/ also holds {counted(len(other_tenants), 'tenant')} beside the demo's: {names}. --reset deletes the "
            "data of all tenants, so nothing was deleted. To delete theirs too: --reset --yes."
        )


def local_tenants() -> set[str]:
    """The keys of the tenants in the local database, also where its tables are those of an earlier version.

    Read beside Django's own connection, which must not be open on a file that is about to be deleted.
    """
    path = settings.VAR / DATABASE
    if not path.exists():
        return set()
    with closing(sqlite3.connect(path)) as database:
        table_of_tenants = Tenant._meta.db_table
        tables = {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if table_of_tenants not in tables:
            return set()
        return {key for (key,) in database.execute(f'SELECT "key" FROM "{table_of_tenants}"')}  # noqa: S608  our own name
