"""Settings of the standalone project, all from the environment. `.env.example` lists every variable.

With nothing set it is a local installation: SQLite and an embedded Valkey in `var/`, served to this machine only.
Naming a server database makes it a production installation, which refuses to start without its secrets or with DEBUG.
"""

import os
from datetime import timedelta
from typing import Any
from urllib.parse import quote

from django.core.exceptions import ImproperlyConfigured

from config.databases import SQLITE, database
from config.embedded import embedded_url
from config.environment import flag, number, pairs, required, with_timeouts, words
from config.kept_secret import kept_secret
from config.paths import PROJECT, private_dir, var_dir

BASE_DIR = PROJECT
VAR = private_dir(var_dir())

DEBUG = flag("DEBUG")
DATABASES = {"default": database(os.environ.get("DATABASE_URL") or f"sqlite:///{quote(str(VAR))}/db.sqlite3", BASE_DIR)}
LOCAL = DATABASES["default"]["ENGINE"] == SQLITE
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

if LOCAL:
    SECRET_KEY = os.environ.get("SECRET_KEY") or kept_secret(VAR / "secret_key")
    ALLOWED_HOSTS = words("ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]")
else:
    if DEBUG:
        raise ImproperlyConfigured("DEBUG is set with a server database: error pages would show its data. Set DEBUG=0.")
    SECRET_KEY = required("SECRET_KEY", "Make one with: python3 -c 'import secrets; print(secrets.token_urlsafe(50))'")
    ALLOWED_HOSTS = words("ALLOWED_HOSTS")
    # Logins travel encrypted unless one says that they need not, for a first try on one machine.
    SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = not flag("PLAIN_HTTP")
CSRF_TRUSTED_ORIGINS = words("CSRF_TRUSTED_ORIGINS")
BEHIND_TLS_PROXY = flag("BEHIND_TLS_PROXY")
"""Then X-Forwarded-Proto and the last address of X-Forwarded-For are believed."""
if BEHIND_TLS_PROXY:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_SSL_REDIRECT = True
    SECURE_REDIRECT_EXEMPT = ["^alive$"]  # health checks ask the process itself, past the proxy
    SECURE_HSTS_SECONDS = 365 * 24 * 3600

INSTALLED_APPS = [
    "config",
    "ingestion",
    "integrations.bank",
    "integrations.rest",
    "integrations.stripe",
    "axes",
    "django_rq",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
]

MIDDLEWARE = [
    "csp.middleware.CSPMiddleware",  # before those that answer by themselves: files and redirects carry it too
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "ingestion.middleware.limit_bodies",
    "django.contrib.messages.middleware.MessageMiddleware",
    "config.sign_ins.idle.end_idle_sessions",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "axes.middleware.AxesMiddleware",
]
# What a page may load, run and send to: ours alone. Text from outside that became markup could do nothing.
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'self'"],
        "base-uri": ["'self'"],
        "form-action": ["'self'"],
        "frame-ancestors": ["'none'"],
        "object-src": ["'none'"],
    }
}

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]

# Signing in: ten failures within ten minutes lock an account, and ten an address, each by itself, for ten minutes.
AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "django.contrib.auth.backends.ModelBackend"]
AXES_HANDLER = "config.sign_ins.locking.Handler"
AXES_LOCKOUT_PARAMETERS = "config.sign_ins.locking.locked_by"
AXES_FAILURE_LIMIT = 10
AXES_COOLOFF_TIME = timedelta(minutes=10)
AXES_RESET_ON_SUCCESS = True
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False  # else the time that the page names would not be true
AXES_USERNAME_CALLABLE = "config.sign_ins.locking.counted_name"
AXES_CLIENT_IP_CALLABLE = "config.sign_ins.address.counted_address"
AXES_LOCKOUT_CALLABLE = "config.sign_ins.locking.locked_out"
AXES_SENSITIVE_PARAMETERS = ["username", "ip_address", "otp_token", "csrfmiddlewaretoken"]
# Its own lists are open to whoever has the permission, and keep names as they were typed; config/models.py has ours.
AXES_DISABLE_ACCESS_LOG = True
AXES_ENABLE_ADMIN = False
AXES_VERBOSE = False

LOGIN_REDIRECT_URL = "/admin/"  # where no page of ours was asked for
SESSION_IDLE_MINUTES = number("SESSION_IDLE_MINUTES", 60)
SESSION_COOKIE_AGE = SESSION_IDLE_MINUTES * 60 + 24 * 3600  # for another day the login page can say what happened

if flag("SECOND_FACTOR"):
    # Before the console, whose pages for its devices superusers alone see.
    second_factor = ["django_otp", "django_otp.plugins.otp_totp", "django_otp.plugins.otp_static"]
    console = {"django.contrib.admin": "config.sign_ins.console.ConsoleConfig"}
    INSTALLED_APPS = [*second_factor, *(console.get(app, app) for app in INSTALLED_APPS)]
    after = MIDDLEWARE.index("django.contrib.auth.middleware.AuthenticationMiddleware") + 1
    MIDDLEWARE.insert(after, "django_otp.middleware.OTPMiddleware")
    OTP_TOTP_ISSUER = "Sluicegate"

LANGUAGE_CODE = "en-us"
TIME_ZONE = "UTC"
USE_TZ = True

# Files. Raw artifacts hold what other companies sent: they are private and are never given a URL.
MEDIA_ROOT = VAR / "files"
STATIC_URL = "static/"
STATIC_ROOT = None if LOCAL else VAR / "static"
WHITENOISE_USE_FINDERS = LOCAL  # a local installation needs no collectstatic
S3_BUCKET = os.environ.get("S3_BUCKET", "")


def private_files(folder: str) -> dict[str, Any]:
    if not S3_BUCKET:
        return {
            "BACKEND": "django.core.files.storage.FileSystemStorage",
            "OPTIONS": {
                "location": MEDIA_ROOT / folder,
                "file_permissions_mode": 0o600,
                "directory_permissions_mode": 0o700,
            },
        }
    options = {"bucket_name": S3_BUCKET, "location": folder, "default_acl": "private", "file_overwrite": False}
    if endpoint := os.environ.get("S3_ENDPOINT_URL"):
        options["endpoint_url"] = endpoint
    return {"BACKEND": "storages.backends.s3.S3Storage", "OPTIONS": options}


STATIC_BACKEND = (
    "django.contrib.staticfiles.storage.StaticFilesStorage"
    if LOCAL
    else "whitenoise.storage.CompressedManifestStaticFilesStorage"
)
STORAGES = {
    "default": private_files("media"),
    "ingestion": private_files("ingestion"),
    "staticfiles": {"BACKEND": STATIC_BACKEND},
}

# The keys that wrap the tenants' data keys. A local installation keeps one of its own, beside its database.
MASTER_KEYS = pairs("MASTER_KEYS")
if not MASTER_KEYS and LOCAL:
    kept_secret(VAR / "master_key", 32)
    MASTER_KEYS = {"local": f"file:{VAR / 'master_key'}"}
elif not MASTER_KEYS:
    required("MASTER_KEYS", "Make one with: python3 -c 'import secrets; print(\"1=\" + secrets.token_urlsafe(32))'")

INGESTION: dict[str, Any] = {
    "STORAGE": "ingestion",
    "PRIVATE_NETWORKS": words("PRIVATE_NETWORKS"),
    "MASTER_KEYS": MASTER_KEYS,
}
if VAULT_URL := os.environ.get("VAULT_ADDR"):
    INGESTION["SECRET_STORE"] = "ingestion.vault.HashicorpStore"  # noqa: S105  a class
    names = {"token": "VAULT_TOKEN", "role_id": "VAULT_ROLE_ID", "secret_id": "VAULT_SECRET_ID"}
    plain = {"mount": "VAULT_MOUNT", "prefix": "VAULT_PREFIX", "namespace": "VAULT_NAMESPACE", "ca": "VAULT_CACERT"}
    INGESTION["VAULT"] = {
        "url": VAULT_URL,
        **{key: f"env:{name}" for key, name in names.items() if os.environ.get(name)},
        **{key: os.environ[name] for key, name in plain.items() if os.environ.get(name)},
    }

# Queues: one per tier and one worker process per queue, because RQ loses a job when a worker that listens on two
# queues dies after the pop. JSON, because a pickle read from Redis runs code.
REDIS_URL = os.environ.get("REDIS_URL") or embedded_url()
RQ_QUEUES = {
    name: {
        # Else a Redis that hangs takes every request and tick with it. Workers, which wait for work, wait longer.
        "URL": with_timeouts(REDIS_URL, seconds=3),
        "SERIALIZER": "rq.serializers.JSONSerializer",
        "DEFAULT_TIMEOUT": timeout,
    }
    for name, timeout in {
        "ingestion-free": 3600,
        "ingestion-pro": 3600,
        "ingestion-enterprise": 3600,
        "ingestion-tick": 60,
    }.items()
}
# django-rq's dashboard lets any staff user read job arguments and empty queues.
RQ_SHOW_ADMIN_LINK = False

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {
            "()": "ingestion.logs.ContextFormatter",
            "format": "%(asctime)s %(levelname)s %(name)s[%(process)d] %(message)s",
        }
    },
    "filters": {
        "secrets": {"()": "ingestion.logs.SecretsFilter"},
        "refusals": {"()": "ingestion.logs.RefusalsFilter"},
    },
    "handlers": {
        "console": {"class": "logging.StreamHandler", "formatter": "line", "filters": ["secrets", "refusals"]},
    },
    "loggers": {"django": {"handlers": []}},
    "root": {"handlers": ["console"], "level": os.environ.get("LOG_LEVEL", "INFO")},
}
