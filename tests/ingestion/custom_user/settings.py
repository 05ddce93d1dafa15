"""Settings: the bookshop's project with users of its own, on a database and in a folder that the test names."""

import os
import runpy
import secrets
from pathlib import Path

from config.paths import PROJECT

globals().update(runpy.run_path(str(PROJECT / "examples" / "bookshop" / "bookshop" / "settings.py")))

FOLDER = Path(os.environ["CUSTOM_USER_FOLDER"])
apps = [name for name in globals()["INSTALLED_APPS"] if name != "bookshop"]
INSTALLED_APPS = ["tests.ingestion.custom_user", "tests.app", *apps]
AUTH_USER_MODEL = "custom_user.Person"
ROOT_URLCONF = "tests.ingestion.custom_user.urls"
globals()["TEMPLATES"][0]["DIRS"] = [PROJECT / "templates"]  # the wheel has them inside the app
globals()["DATABASES"]["default"]["NAME"] = FOLDER / "db.sqlite3"
globals()["STORAGES"]["ingestion"]["OPTIONS"] = {"location": FOLDER / "raw"}
ALLOWED_HOSTS = ["testserver"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
INGESTION = {"STORAGE": "ingestion", "MASTER_KEYS": {"tests": secrets.token_urlsafe(32)}}
