"""Is there a place for raw bytes, and is it private?"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Error
from django.core.exceptions import ImproperlyConfigured
from django.core.files.storage import FileSystemStorage, InvalidStorageError, Storage, storages

from ingestion.checks.guarding import check
from ingestion.checks.settings import valid


@check()
def check_storage(app_configs: Sequence[Any] | None = None, **kwargs: Any) -> list[CheckMessage]:
    configured = valid()
    if configured is None:
        return []
    try:
        storage = storages[configured.STORAGE]
    except (InvalidStorageError, ImproperlyConfigured) as error:
        hint = f"Add STORAGES[{configured.STORAGE!r}] with a private location, or name another alias."
        if isinstance(error.__cause__ or error.__context__, ImportError):
            hint = "Install what is missing; for S3: pip install 'django-sluicegate[s3]'."
        return [Error(f'INGESTION["STORAGE"] cannot be used: {error}', hint=hint, id="ingestion.E005")]
    if not is_public(storage):
        return []
    return [
        checks.Warning(
            f"STORAGES[{configured.STORAGE!r}] is public: the raw bytes that other companies sent would have a URL.",
            hint='Name a private one in INGESTION["STORAGE"]: outside MEDIA_ROOT, or with "default_acl": "private".',
            id="ingestion.W002",
        )
    ]


def is_public(storage: Storage) -> bool:
    """Whether a request without a signed URL could fetch a file of `storage`, as far as its options say."""
    if isinstance(storage, FileSystemStorage):
        if storage.base_url not in (None, settings.MEDIA_URL):
            return True  # asked for
        below = Path(storage.location).resolve().is_relative_to(Path(settings.MEDIA_ROOT).resolve())
        return below and settings.MEDIA_URL not in ("", "/")
    acl = str(getattr(storage, "default_acl", None))
    return acl.startswith("public") or getattr(storage, "querystring_auth", True) is False
