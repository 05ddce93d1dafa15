"""A small project's settings; what Sluicegate needs is marked."""

import os
from pathlib import Path

BASE_DIR = Path(__file__).resolve().parent.parent

SECRET_KEY = "an example, not a secret"
DEBUG = os.environ.get("DEBUG", "1") == "1"
ALLOWED_HOSTS = ["localhost", "127.0.0.1"]

INSTALLED_APPS = [
    "bookshop",
    "ingestion",  # Sluicegate: the engine and its console
    "django_rq",  # Sluicegate: how hints reach the workers
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "bookshop.urls"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,  # Sluicegate: finds the console's pages
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": BASE_DIR / "bookshop.sqlite3",
        # Sluicegate: without both, two writers on SQLite fail at once instead of waiting for each other.
        "OPTIONS": {"transaction_mode": "IMMEDIATE", "timeout": 30, "init_command": "PRAGMA journal_mode=WAL;"},
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
TIME_ZONE = "UTC"
USE_TZ = True
STATIC_URL = "static/"

# Sluicegate: raw records are kept here. Private: never below MEDIA_URL or any other folder that is served.
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "ingestion": {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": BASE_DIR / "raw", "file_permissions_mode": 0o600, "directory_permissions_mode": 0o700},
    },
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
INGESTION = {"STORAGE": "ingestion"}

# Sluicegate: one queue per tenant tier, and one for the tick. Without a Redis, `ingest tick --loop` and
# `ingest run` still work.
RQ_QUEUES = {
    name: {
        "URL": "redis://localhost:6379/0?socket_timeout=3&socket_connect_timeout=3",
        "SERIALIZER": "rq.serializers.JSONSerializer",
        "JOB_CLASS": "ingestion.queueing.RunJob",
    }
    for name in ("ingestion-free", "ingestion-pro", "ingestion-enterprise", "ingestion-tick")
}
# Sluicegate: django-rq's own pages would let any member of staff read arguments and empty queues.
RQ_SHOW_ADMIN_LINK = False
