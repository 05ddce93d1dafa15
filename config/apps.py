"""The project's own app: the commands `up` and `demo`, the trail of sign-ins, and a private file for the database."""

import logging
from pathlib import Path
from typing import Any

from django.apps import AppConfig
from django.db.backends.signals import connection_created

from config.paths import keep_private


class StandaloneConfig(AppConfig):
    """Carries the commands `up` and `demo`, and the trail of sign-ins."""

    name = "config"
    label = "standalone"
    verbose_name = "Standalone project"

    def ready(self) -> None:
        from config.sign_ins import idle, trail

        connection_created.connect(keep_sqlite_private)
        idle.connect()
        trail.connect()
        logging.getLogger("axes").setLevel(logging.ERROR)  # it tells what the trail tells, in words of its own


def keep_sqlite_private(connection: Any, **kwargs: Any) -> None:
    """SQLite makes its files as the umask says, wherever DATABASE_URL puts them; they hold every tenant's data."""
    if connection.vendor == "sqlite":
        name = connection.settings_dict["NAME"]
        for file in (name, f"{name}-wal", f"{name}-shm"):
            keep_private(Path(file))
