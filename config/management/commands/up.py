"""`manage.py up`: web, workers and scheduler under one supervisor."""

import os
from argparse import ArgumentParser
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from config.programs import HOST, free_port
from config.standalone import redis, serve
from config.supervisor import ProcessGroupGuard
from config.terminal import stamped

MANAGE = ".venv/bin/python manage.py"
SHOWN = 3
"""Superusers that are named."""


class Command(BaseCommand):
    help = "Migrate, then run web server, workers and scheduler together until Ctrl-C. Starts again what ends."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--port", type=int, default=8000, help="where the console answers (default 8000)")
        parser.add_argument("--workers", type=int, default=1, help="worker processes for each tier (default 1)")
        parser.add_argument("--no-web", action="store_true", help="workers and scheduler only")

    def handle(self, *args: Any, port: int, workers: int, no_web: bool, **options: Any) -> None:
        if workers < 1:
            raise CommandError("--workers must be 1 or more.")
        if not no_web and free_port(port) != port:
            raise CommandError(f"Port {port} is taken. Stop what listens there, or choose another with --port.")
        call_command("migrate", interactive=False, verbosity=0)
        with ProcessGroupGuard() as guard, redis(guard) as server:
            if not no_web:
                self.stdout.write(f"Console:  http://{HOST}:{port}/admin/   Stop with Ctrl-C.\nSign in:  {sign_in()}")
            self.stdout.write(stamped(f"INFO supervisor process {os.getpid()} begins"))
            self.stdout.flush()
            serve(guard, server, port=None if no_web else port, workers=workers)
        self.stdout.write("Stopped.")


def sign_in() -> str:
    """As whom one signs in to the console. No password: none is known here."""
    superusers = get_user_model().objects.filter(is_superuser=True, is_staff=True, is_active=True)
    names = [user.get_username() for user in superusers.order_by("pk")[:SHOWN] if user.has_usable_password()]
    if not names:
        return f"nobody can yet. Make the first user, in a second terminal: {MANAGE} createsuperuser"
    return f"as {' or '.join(names)}, or staff that they added. Password lost? {MANAGE} changepassword {names[0]}"
