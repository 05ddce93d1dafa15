"""The standalone project's own settings, with the benchmark's app. The parent process says which database (DATABASE_URL)."""

import os
import secrets

os.environ.setdefault("SECRET_KEY", "only-for-benchmarks")
os.environ.setdefault("MASTER_KEYS", f"benchmarks={secrets.token_urlsafe(32)}")
os.environ.setdefault("ALLOWED_HOSTS", "localhost")
os.environ.setdefault("REDIS_URL", "unix:///nobody-answers-here")  # a run asks no Redis

from config.settings import *  # noqa: F403
from config.settings import INGESTION, INSTALLED_APPS

# What the pipelines cost is measured, not how long they may be made to wait.
INGESTION = {**INGESTION, "RATES": {"*": {"free": {"per_second": 1e6, "burst": 1e6}}}}
INSTALLED_APPS = [*INSTALLED_APPS, "benchmarks.app"]
