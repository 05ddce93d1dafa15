"""The project's own settings, on throw-away servers. SLUICEGATE_TEST_DB chooses sqlite (default), mariadb or postgres.

The choice must be made before Django reads its settings, so it is made here; what is started here ends with the tests.
"""

import os
import secrets

from tests import servers

if not servers.inherited():
    os.environ["DATABASE_URL"] = servers.database_url(os.environ.get("SLUICEGATE_TEST_DB", "sqlite"))
    os.environ["REDIS_URL"] = servers.redis_url()
    os.environ["SLUICEGATE_VAR"] = str(servers.session_folder() / "var")
os.environ.setdefault("SECRET_KEY", "only-for-tests")
os.environ.setdefault("MASTER_KEYS", f"tests={secrets.token_urlsafe(32)}")
os.environ.setdefault("ALLOWED_HOSTS", "localhost,127.0.0.1,[::1],testserver")

from config.settings import *  # noqa: F403
from config.settings import DATABASES, INGESTION, INSTALLED_APPS, LOCAL, VAR

INSTALLED_APPS = [*INSTALLED_APPS, "tests.app"]

# No test waits for a rate but those about rates, which set their own.
INGESTION = {**INGESTION, "RATES": {"*": {"*": {"per_second": 1_000_000, "burst": 1_000_000}}}}

if LOCAL:
    # A file, not :memory:, because the tests start worker processes that must see the same database.
    DATABASES["default"]["TEST"] = {"NAME": os.environ.get("TEST_SQLITE_FILE") or str(VAR / "test.sqlite3")}
    # Only a machine that fails loses what was not synced; a process that is killed does not.
    DATABASES["default"]["OPTIONS"]["init_command"] += "PRAGMA synchronous=OFF;"

if DATABASES["default"]["ENGINE"].endswith("mysql"):
    DATABASES["default"]["TEST"] = {"CHARSET": "utf8mb4"}  # a server's own default may hold western letters only

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # 300 times faster, and no password is real
STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}  # noqa: F405
STATIC_ROOT = None
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = True  # looks files up when asked, so that no test waits for a walk over all of them
