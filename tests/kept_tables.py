"""SQLite's tables as an earlier run of the tests migrated them, so that not every run waits for the migrations again.

`migrate` is called for a copy as well, and applies what the copy lacks. A whole `manage.py test` makes the tables anew on
each database, so that the migrations are proved there.
"""

import hashlib
import os
import re
import shutil
import sqlite3
from contextlib import closing, suppress
from importlib import import_module
from pathlib import Path

import django

from config.paths import PROJECT

FOLDER = PROJECT / ".pytest_cache" / "tables"
ANEW = "SLUICEGATE_TEST_TABLES"
"""Where this variable of the environment says `anew`, no copy is used."""

IMPORT = re.compile(r"^(?:import|from) ((?:config|ingestion|integrations|tests)\b[\w.]*)", re.MULTILINE)


def ready(database: Path, *, again: bool, folder: Path = FOLDER) -> bool:
    """Whether the tables are there. A database that is used `again`, as --reuse-db asks for, stays as it is."""
    return (again and database.exists()) or fetch(database, folder) or again


def fetch(database: Path, folder: Path = FOLDER) -> bool:
    """Put the kept tables where the tests expect their database, if there are any for these very migrations."""
    if os.environ.get(ANEW) == "anew":
        return False
    with suppress(FileNotFoundError):
        shutil.copyfile(folder / kept_name(), database)
        return True
    return False


def keep(database: Path, folder: Path = FOLDER) -> None:
    """Keep a copy for the next run, in the place of what was kept for other migrations."""
    folder.mkdir(parents=True, exist_ok=True)
    own = folder / f"{os.getpid()}.new"
    with closing(sqlite3.connect(database)) as ours, closing(sqlite3.connect(own)) as copy:
        ours.backup(copy)
    kept = own.replace(folder / kept_name())
    for file in folder.glob("*.sqlite3"):
        if file != kept:
            file.unlink(missing_ok=True)


def kept_name() -> str:
    """Another one after any change to a migration, to the modules of models and their columns, to Django or SQLite."""
    digest = hashlib.sha256(f"{django.VERSION} {sqlite3.sqlite_version}".encode())
    for file in sorted(what_decides()):
        digest.update(f"{file}\0".encode() + file.read_bytes())
    return f"{digest.hexdigest()[:32]}.sqlite3"


def what_decides() -> set[Path]:
    """The files of every migration and of what it imports, and of the classes of every model and its columns."""
    from django.apps import apps

    migrations = {file for app in apps.get_app_configs() for file in Path(app.path).glob("migrations/*.py")}
    models = apps.get_models(include_auto_created=True)
    classes = {*models, *(type(field) for model in models for field in model._meta.local_fields)}
    imported = {name for file in migrations for name in IMPORT.findall(file.read_text())}
    modules = [import_module(name) for name in {*imported, *(of.__module__ for of in classes)}]
    return migrations | {Path(module.__file__ or "") for module in modules}
