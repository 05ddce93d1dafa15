"""The project's own app: it brings the commands `up` and `demo`, and keeps the database's file private."""

from pathlib import Path
from typing import Any

from django.apps import AppConfig
from django.db.backends.signals import connection_created

from config.paths import keep_private


class StandaloneConfig(AppConfig):
    """Carries the commands `up` and `demo`."""

    name = "config"
    label = "standalone"
    verbose_name = "Standalone project"

    def ready(self) -> None:
        connection_created.connect(keep_sqlite_private)


def keep_sqlite_private(connection: Any, **kwargs: Any) -> None:
    """SQLite makes its files as the umask says, wherever DATABASE_URL puts them; they hold every tenant's data."""
    if connection.vendor == "sqlite":
        name = connection.settings_dict["NAME"]
        for file in (name, f"{name}-wal", f"{name}-shm"):
            keep_private(Path(file))
